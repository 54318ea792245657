//! What a cluster goes through after it was made: upgrades, new certificates, and examinations.

use clouder_fleet::Software;
use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::machines::Machines;

const BEFORE: Version = Version::new(33, 4);
const OLDER: Version = Version::new(34, 1);
const AFTER: Version = Version::new(34, 2);
const LAST: Version = Version::new(35, 1);
const MACHINES: [(&str, Software); 3] =
    [("cp-1", Software::Prepared), ("cp-2", Software::Prepared), ("worker-1", Software::Prepared)];
const UPGRADE: [&str; 3] = ["playbooks/upgrade-cluster.yml", "-e", "kubernetes_version=1.34.2"];

#[test]
fn a_cluster_is_upgraded_renewed_and_found_well() {
    let cluster = Machines::new("upgrade", &MACHINES, &[BEFORE, OLDER, AFTER, LAST]);
    cluster.play(&["playbooks/create-cluster.yml"]);
    what_cannot_be_is_refused(&cluster);
    an_upgrade_goes_on_where_it_was_stopped(&cluster);
    // What creates clusters agrees with what upgrades them, which leaves the administrator's credentials where they are.
    let create =
        ["playbooks/create-cluster.yml", "-e", "kubernetes_version=1.34.2", "-e", "kubeadm_kubeconfig_path="];
    cluster.leaves_alone(&create);
    certificates_are_renewed(&cluster);
    a_doctor_finds_what_is_wrong(&cluster);
    cluster.end();
}

fn what_cannot_be_is_refused(cluster: &Machines) {
    for (version, why) in [("1.35.1", "upgrade to 1.34 first"), ("1.33.3", "cannot go back")] {
        let version = format!("kubernetes_version={version}");
        cluster.play_refuses(&["playbooks/upgrade-cluster.yml", "-e", &version], why);
    }
    let early = cluster.exec("cp-1", "kubeadm upgrade apply v1.34.2 --yes");
    assert!(early.stderr.contains("higher than the kubeadm minor release (34 > 33)"), "{}", early.stderr);
    cluster.k8s_refuses(&["upgrade", "lab", "--to", "1.37.0", "--yes"], "has none of 1.36");
    // By way of the release between, of which the newest is taken.
    let predicted = cluster.k8s(&["upgrade", "lab", "--to", "1.35.1", "--check"]);
    assert!(
        predicted.shown.contains("would be drained, and go from v1.33.4 to v1.34.2"),
        "{}",
        predicted.shown
    );
    assert!(cluster.kubectl("version").contains("Server Version: v1.33.4"));
}

/// A pod that may not go is named before anything changes, and stops the upgrade at its node, which is opened again; once it may, the
/// rest follows.
fn an_upgrade_goes_on_where_it_was_stopped(cluster: &Machines) {
    let objects = "apiVersion: apps/v1
kind: Deployment
metadata: {name: shy, namespace: default}
spec: {replicas: 1, selector: {matchLabels: {app: shy}}, template: {metadata: {labels: {app: shy}}, spec: {containers: [{name: shy, image: x}]}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: stay, namespace: default}
spec: {minAvailable: 1, selector: {matchLabels: {app: shy}}}
";
    cluster.apply(objects);
    cluster.kubectl("rollout status deployment/shy --timeout=60s");
    let stopped = cluster.try_play(&[&UPGRADE[..], &["-e", "upgrade_drain_timeout=3"]].concat());
    assert_ne!(stopped.code, 0, "{}", stopped.shown);
    assert!(
        stopped.shown.contains("Disruption budgets that allow no pod to go: default/stay"),
        "{}",
        stopped.shown
    );
    let warned = "The disruption budget default/stay allows no pod to go";
    let begun = stopped.shown.find("PLAY [Upgrade the control planes");
    assert!(stopped.shown.find(warned).is_some_and(|at| Some(at) < begun), "{}", stopped.shown);
    let snapshots = cluster.shell("cp-1", "stat -c %a /var/backups/etcd/*.db");
    assert_eq!(snapshots.trim(), "600", "{snapshots}");
    let nodes = cluster.kubectl("get nodes");
    assert!(!nodes.contains("SchedulingDisabled"), "{nodes}");
    assert_eq!((nodes.matches("v1.34.2").count(), nodes.matches("v1.33.4").count()), (2, 1), "{nodes}");
    assert!(cluster.kubectl("version").contains("Server Version: v1.34.2"));

    cluster.kubectl("delete poddisruptionbudget stay");
    // As a run that was cut off leaves a node; one that somebody else has closed stays so.
    cluster.kubectl("annotate node cp-2 clouder.io/closed-by-upgrade=1.34.2");
    cluster.kubectl("cordon cp-1 cp-2");
    let upgrade = ["upgrade", "lab", "--to", "v1.34.2", "--yes"];
    let at_kubelet = "TASK [kubeadm-upgrade : Take over the kubelets' configuration";
    cluster.cut_off(&upgrade, at_kubelet);
    let nodes = cluster.kubectl("get nodes");
    assert!(nodes.contains("v1.33.4"), "{nodes}");
    cluster.k8s(&upgrade);
    let file = std::fs::read_to_string(cluster.clusters().join("lab.yml")).unwrap();
    assert!(file.contains("kubernetes_version: 1.34.2"), "{file}");
    let nodes = cluster.kubectl("get nodes");
    assert_eq!(
        (nodes.matches(" v1.34.2").count(), nodes.matches("SchedulingDisabled").count()),
        (3, 1),
        "{nodes}"
    );
    cluster.kubectl("uncordon cp-1");
    let again = cluster.k8s(&upgrade);
    assert!(again.left_alone(&[]), "{}", again.shown);
}

/// What ends soon is renewed and takes effect; what lasts is left alone.
fn certificates_are_renewed(cluster: &Machines) {
    const RENEW: [&str; 3] = ["playbooks/renew-certificates.yml", "-e", "certificates_settle_time=3"];
    let shorter = "s/^certificateValidityPeriod:.*/certificateValidityPeriod: 252h0m0s/";
    cluster.shell("cp-1", &format!("sed '{shorter}' /etc/kubernetes/kubeadm.yaml >/tmp/short.yaml"));
    for name in ["apiserver", "admin.conf"] {
        cluster.shell("cp-1", &format!("kubeadm certs renew {name} --config=/tmp/short.yaml"));
    }
    let ill = cluster.play(&["playbooks/check-cluster.yml"]);
    assert!(
        ill.shown.contains("note: cp-1: the certificate apiserver is valid for 10 days"),
        "{}",
        ill.shown
    );
    let predicted = cluster.k8s(&["certs", "lab"]);
    assert!(predicted.shown.contains("admin.conf, apiserver"), "{}", predicted.shown);
    cluster.cut_off_play(&RENEW, "TASK [certificates : Restart the components");
    let renewed = cluster.play(&RENEW);
    assert!(renewed.left_alone(&["cp-2"]), "{}", renewed.shown);
    assert!(!renewed.left_alone(&["cp-1"]), "{}", renewed.shown);
    for secret in ["BEGIN EC", "BEGIN PRIVATE", "client-key-data: L"] {
        assert!(!renewed.shown.contains(secret), "{secret} is shown");
    }
    let shown = "openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -checkend 8640000";
    cluster.shell("cp-1", shown);
    cluster.leaves_alone(&RENEW);
}

/// A healthy cluster is said to be so; what is wrong is told with what to do about it, and changes how the run ends if it is grave.
fn a_doctor_finds_what_is_wrong(cluster: &Machines) {
    let well = cluster.play(&["playbooks/check-cluster.yml"]);
    assert!(well.shown.contains("note: etcd has 2 members"), "{}", well.shown);
    assert!(!well.shown.contains("GRAVE"), "{}", well.shown);
    assert!(well.left_alone(&[]), "{}", well.shown);

    cluster.kubectl("cordon worker-1");
    cluster.shell("cp-2", "systemctl stop kubelet");
    let ill = cluster.try_k8s(&["doctor", "lab"]);
    assert_ne!(ill.code, 0, "{}", ill.shown);
    assert!(ill.shown.contains("GRAVE: cp-2: the kubelet is inactive"), "{}", ill.shown);
    assert!(ill.shown.contains("`kubectl uncordon worker-1` lets it"), "{}", ill.shown);
    // What runs goes on without its kubelet.
    for name in ["cp-1", "cp-2"] {
        cluster.shell(name, "systemctl stop kubelet 'static-pod-*'");
    }
    let silent = cluster.try_k8s(&["doctor", "lab"]);
    assert_ne!(silent.code, 0, "{}", silent.shown);
    for found in [
        "cp-1: the kubelet is inactive",
        "cp-2: the kubelet is inactive",
        "the API server does not answer cp-1",
        "etcd agrees on nothing",
    ] {
        assert!(silent.shown.contains(&format!("GRAVE: {found}")), "{found}: {}", silent.shown);
    }
}
