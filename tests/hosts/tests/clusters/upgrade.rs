//! What a cluster goes through after it was made: upgrades, new certificates, and examinations.

use std::path::PathBuf;
use std::process::Command;

use clouder_fleet::{Fleet, Host};
use clouder_tests::{Ran, clouder_alone, program, target};
use kube_standin::repository;
use kube_standin::version::Version;

const BEFORE: Version = Version::new(34, 2);
const AFTER: Version = Version::new(35, 1);
const MACHINES: [&str; 3] = ["cp-1", "cp-2", "worker-1"];
const UPGRADE: [&str; 3] = ["playbooks/upgrade-cluster.yml", "-e", "kubernetes_version=1.35.1"];

struct Cluster {
    fleet: Fleet,
    inventory: String,
}

impl Cluster {
    /// A cluster of the earlier release, and a repository that has the later one, too.
    fn new() -> Self {
        let name = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned()) + "-upgrade";
        let folder = target().join("fleet").join(&name);
        Fleet::down(&name).unwrap();
        let fleet = Fleet::up(&name, &MACHINES, &folder).unwrap();
        let packages = folder.join("repository");
        repository::build(&packages, &program("kube-standin"), &[BEFORE, AFTER]).unwrap();
        let server = repository::serve(&packages, &format!("{}:0", fleet.gateway().unwrap())).unwrap();
        fleet.describe_cluster(&BEFORE.to_string(), &format!("http://{}", server.address())).unwrap();
        let inventory = fleet.inventory().display().to_string();
        let cluster = Self { fleet, inventory };
        cluster.run(&["playbooks/create-cluster.yml"]);
        std::fs::create_dir_all(cluster.file().parent().unwrap()).unwrap();
        let variables = format!("cluster_inventory: {}\nkubernetes_version: {BEFORE}\n", cluster.inventory);
        std::fs::write(cluster.file(), variables).unwrap();
        cluster
    }

    fn try_run(&self, words: &[&str]) -> Ran {
        clouder_alone(&[&["run"], words, &["-i", &self.inventory]].concat())
    }

    fn run(&self, words: &[&str]) -> Ran {
        let ran = self.try_run(words);
        assert_eq!(ran.code, 0, "{}", ran.shown);
        ran
    }

    fn leaves_alone(&self, words: &[&str]) {
        let again = self.run(words);
        for machine in MACHINES.iter().filter(|machine| again.shown.contains(*machine)) {
            assert!(again.recap(machine).contains("changed=0"), "{}", again.shown);
        }
    }

    /// Runs `clouder k8s` with a folder of clusters that knows this one as `lab`.
    fn k8s(&self, words: &[&str]) -> Ran {
        let output = Command::new(program("clouder"))
            .arg("k8s")
            .args(words)
            .env("NO_COLOR", "1")
            .env("CLOUDER_CLUSTERS_FOLDER", self.file().parent().unwrap())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let shown = text(&output.stdout) + &text(&output.stderr);
        Ran { code: output.status.code().unwrap_or(-1), shown }
    }

    /// The file that `clouder k8s` knows the cluster by.
    fn file(&self) -> PathBuf {
        self.fleet.inventory().with_file_name("clusters").join("lab.yml")
    }

    fn machine(&self, name: &str) -> &Host {
        self.fleet.host(name).unwrap()
    }

    fn kubectl(&self, line: &str) -> String {
        self.machine("cp-1")
            .succeed(&format!("kubectl --kubeconfig=/etc/kubernetes/admin.conf {line}"))
            .unwrap()
    }
}

#[test]
fn a_cluster_is_upgraded_renewed_and_found_well() {
    let cluster = Cluster::new();
    what_cannot_be_is_refused(&cluster);
    an_upgrade_goes_on_where_it_was_stopped(&cluster);
    cluster.leaves_alone(&UPGRADE);
    // What creates clusters agrees with what upgrades them.
    cluster.leaves_alone(&["playbooks/create-cluster.yml", "-e", "kubernetes_version=1.35.1"]);
    certificates_are_renewed(&cluster);
    a_doctor_finds_what_is_wrong(&cluster);
    cluster.fleet.end().unwrap();
}

fn what_cannot_be_is_refused(cluster: &Cluster) {
    for (version, why) in [("1.36.0", "upgrade to 1.35 first"), ("1.34.1", "cannot go back")] {
        let refused = cluster.try_run(&[
            "playbooks/upgrade-cluster.yml",
            "-e",
            &format!("kubernetes_version={version}"),
        ]);
        assert_ne!(refused.code, 0, "{}", refused.shown);
        assert!(refused.shown.contains(why), "{}", refused.shown);
    }
    let early = cluster.machine("cp-1").exec("kubeadm upgrade apply v1.35.1 --yes").unwrap();
    assert!(early.stderr.contains("higher than the kubeadm minor release (35 > 34)"), "{}", early.stderr);
    let predicted = cluster.run(&[&UPGRADE[..], &["--check"]].concat());
    assert!(predicted.shown.contains("would be drained"), "{}", predicted.shown);
    assert!(cluster.kubectl("version").contains("Server Version: v1.34.2"));
}

/// A pod that may not go is named before anything changes, and stops the upgrade at its node, which is opened again; once it may, the
/// rest follows.
fn an_upgrade_goes_on_where_it_was_stopped(cluster: &Cluster) {
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
    cluster
        .machine("cp-1")
        .succeed(&format!(
            "printf '{objects}' | kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --server-side -f -"
        ))
        .unwrap();
    cluster.kubectl("rollout status deployment/shy --timeout=60s");
    let stopped = cluster.try_run(&[&UPGRADE[..], &["-e", "upgrade_drain_timeout=3"]].concat());
    assert_ne!(stopped.code, 0, "{}", stopped.shown);
    assert!(
        stopped.shown.contains("Disruption budgets that allow no pod to go: default/stay"),
        "{}",
        stopped.shown
    );
    let warned = "The disruption budget default/stay allows no pod to go";
    let begun = stopped.shown.find("PLAY [Upgrade the control planes");
    assert!(stopped.shown.find(warned).is_some_and(|at| Some(at) < begun), "{}", stopped.shown);
    let snapshots = cluster.machine("cp-1").succeed("stat -c %a /var/backups/etcd/*.db").unwrap();
    assert_eq!(snapshots.trim(), "600", "{snapshots}");
    let nodes = cluster.kubectl("get nodes");
    assert!(!nodes.contains("SchedulingDisabled"), "{nodes}");
    assert_eq!((nodes.matches("v1.35.1").count(), nodes.matches("v1.34.2").count()), (2, 1), "{nodes}");
    assert!(cluster.kubectl("version").contains("Server Version: v1.35.1"));

    cluster.kubectl("delete poddisruptionbudget stay");
    // As a run that was cut off leaves a node; one that somebody else has closed stays so.
    cluster.kubectl("annotate node cp-2 clouder.io/closed-by-upgrade=1.35.1");
    cluster.kubectl("cordon cp-1 cp-2");
    let finished = cluster.k8s(&["upgrade", "lab", "--to", "v1.35.1", "--yes"]);
    assert_eq!(finished.code, 0, "{}", finished.shown);
    // Nothing is left to do there but to keep a snapshot.
    assert_eq!(finished.shown.matches("changed: [cp-1]").count(), 1, "{}", finished.shown);
    let file = std::fs::read_to_string(cluster.file()).unwrap();
    assert!(file.contains("kubernetes_version: 1.35.1"), "{file}");
    let nodes = cluster.kubectl("get nodes");
    assert_eq!(
        (nodes.matches("v1.35.1").count(), nodes.matches("SchedulingDisabled").count()),
        (3, 1),
        "{nodes}"
    );
    cluster.kubectl("uncordon cp-1");
}

/// What ends soon is renewed and takes effect; what lasts is left alone.
fn certificates_are_renewed(cluster: &Cluster) {
    const RENEW: [&str; 3] = ["playbooks/renew-certificates.yml", "-e", "certificates_settle_time=3"];
    let plane = cluster.machine("cp-1");
    plane
        .succeed("sed 's/^certificateValidityPeriod:.*/certificateValidityPeriod: 252h0m0s/' /etc/kubernetes/kubeadm.yaml >/tmp/short.yaml")
        .unwrap();
    for name in ["apiserver", "admin.conf"] {
        plane.succeed(&format!("kubeadm certs renew {name} --config=/tmp/short.yaml")).unwrap();
    }
    let ill = cluster.run(&["playbooks/check-cluster.yml"]);
    assert!(
        ill.shown.contains("note: cp-1: the certificate apiserver is valid for 10 days"),
        "{}",
        ill.shown
    );
    let predicted = cluster.k8s(&["certs", "lab"]);
    assert_eq!(predicted.code, 0, "{}", predicted.shown);
    assert!(predicted.shown.contains("admin.conf, apiserver"), "{}", predicted.shown);
    let renewed = cluster.run(&RENEW);
    assert!(renewed.recap("cp-2").contains("changed=0"), "{}", renewed.shown);
    assert!(!renewed.recap("cp-1").contains("changed=0"), "{}", renewed.shown);
    for secret in ["BEGIN EC", "BEGIN PRIVATE", "client-key-data: L"] {
        assert!(!renewed.shown.contains(secret), "{secret} is shown");
    }
    let shown = "openssl s_client -connect 127.0.0.1:6443 </dev/null 2>/dev/null | openssl x509 -noout -checkend 8640000";
    plane.succeed(shown).unwrap();
    cluster.leaves_alone(&RENEW);
}

/// A healthy cluster is said to be so; what is wrong is told with what to do about it, and changes how the run ends if it is grave.
fn a_doctor_finds_what_is_wrong(cluster: &Cluster) {
    let well = cluster.run(&["playbooks/check-cluster.yml"]);
    assert!(well.shown.contains("note: etcd has 2 members"), "{}", well.shown);
    assert!(!well.shown.contains("GRAVE"), "{}", well.shown);
    assert!(MACHINES.iter().all(|machine| well.recap(machine).contains("changed=0")), "{}", well.shown);

    cluster.kubectl("cordon worker-1");
    cluster.machine("cp-2").succeed("systemctl stop kubelet").unwrap();
    let ill = cluster.k8s(&["doctor", "lab"]);
    assert_ne!(ill.code, 0, "{}", ill.shown);
    assert!(ill.shown.contains("GRAVE: cp-2: the kubelet is inactive"), "{}", ill.shown);
    assert!(ill.shown.contains("`kubectl uncordon worker-1` lets it"), "{}", ill.shown);
    // What runs goes on without its kubelet.
    for name in ["cp-1", "cp-2"] {
        cluster.machine(name).succeed("systemctl stop kubelet 'static-pod-*'").unwrap();
    }
    let silent = cluster.k8s(&["doctor", "lab"]);
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
