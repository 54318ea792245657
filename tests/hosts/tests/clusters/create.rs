//! The main job, on machines of its own: a cluster of two control planes and a worker, whose Kubernetes is stood in for.

use std::os::unix::fs::PermissionsExt as _;

use clouder_fleet::Software;
use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::machines::Machines;

const VERSION: Version = Version::new(34, 2);
const CREATE: &str = "playbooks/create-cluster.yml";
/// With nothing of what a node needs.
const MACHINES: [(&str, Software); 3] =
    [("cp-1", Software::Bare), ("cp-2", Software::Bare), ("worker-1", Software::Bare)];

fn refused(cluster: &Machines, machine: &str, line: &str) -> String {
    let output = cluster.exec(machine, line);
    assert_ne!(output.code, 0, "{line}: {}", output.stdout);
    output.stderr
}

#[test]
fn a_cluster_is_predicted_made_and_left_alone() {
    let cluster = Machines::new("cluster", &MACHINES, &[VERSION]);
    let predicted = cluster.play(&[CREATE, "--check", "--diff"]);
    assert!(predicted.shown.contains("SystemdCgroup = true"), "{}", predicted.shown);
    assert!(cluster.exec("cp-1", "test -e /etc/containerd/config.toml").code != 0);

    let made = cluster.play(&[CREATE, "--diff"]);
    for secret in ["simulated", "BEGIN EC", "BEGIN PRIVATE"] {
        assert!(!made.shown.contains(secret), "{secret} is shown");
    }
    let nodes = cluster.kubectl("get nodes");
    assert_eq!(nodes.matches(" Ready ").count(), MACHINES.len(), "{nodes}");
    let kubeconfig = cluster.folder.join("kubernetes.kubeconfig");
    assert_eq!(std::fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);

    // Nothing that lets a machine join is left.
    let secrets = cluster.kubectl("-n kube-system get secrets -o name");
    assert!(!secrets.contains("kubeadm-certs"), "{secrets}");
    let tokens = cluster.shell("cp-1", "kubeadm token list");
    assert!(!tokens.contains("to join"), "{tokens}");
    for (machine, _) in MACHINES {
        let left = cluster.exec(machine, "ls /run/kubeadm-join.yaml /etc/kubernetes/kubeadm-unfinished");
        assert!(left.stdout.is_empty(), "{machine}: {}", left.stdout);
    }

    cluster.leaves_alone(&[CREATE]);
    cluster.leaves_alone(&[CREATE, "--check"]);

    a_network_that_is_cut_is_found(&cluster);
    what_stands_in_is_as_strict(&cluster);
    nodes_can_be_tended(&cluster);
    cluster.end();
}

/// Pods really talk to each other: where flannel's packets are dropped, it is told between which nodes, and nothing stays behind.
fn a_network_that_is_cut_is_found(cluster: &Machines) {
    cluster.shell("worker-1", "iptables -A INPUT -p udp --dport 8472 -j DROP");
    let smoke = ["playbooks/smoke.yml", "-e", "smoke_answer_timeout=8"];
    let cut = cluster.try_play(&smoke);
    assert_ne!(cut.code, 0, "{}", cut.shown);
    for said in ["do not reach pods on worker-1", "8472/udp"] {
        assert!(cut.shown.contains(said), "{said}: {}", cut.shown);
    }
    assert!(!cluster.kubectl("get namespaces").contains("clouder-smoke"));
    cluster.shell("worker-1", "iptables -D INPUT -p udp --dport 8472 -j DROP");
    cluster.leaves_alone(&smoke);
}

/// What the real ones refuse is refused.
fn what_stands_in_is_as_strict(cluster: &Machines) {
    let again = refused(cluster, "cp-1", "kubeadm init --config=/etc/kubernetes/kubeadm.yaml");
    assert!(again.contains("[ERROR Port-6443]") && again.contains("[ERROR FileAvailable--"), "{again}");
    let join = "apiVersion: kubeadm.k8s.io/v1beta4\\nkind: JoinConfiguration\\ndiscovery: {bootstrapToken: {token: aaaaaa.0123456789abcdef, \
                apiServerEndpoint: \\\"api.kubernetes.internal:6443\\\", caCertHashes: [\\\"sha256:$(printf '%064d' 0)\\\"]}}\\ntimeouts: {discovery: 1s}\\n";
    let line = format!(
        "printf \"{join}\" >/tmp/join.yaml; kubeadm join --config=/tmp/join.yaml --ignore-preflight-errors=all"
    );
    let stranger = refused(cluster, "worker-1", &line);
    assert!(stranger.contains("could not find a JWS signature"), "{stranger}");
    let map = "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: x}\\ndatta: {}\\n' | kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --server-side -f -";
    assert!(refused(cluster, "cp-1", map).contains("unknown field \"datta\""));
    let own =
        refused(cluster, "worker-1", "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf delete node cp-1");
    assert!(own.contains("Forbidden"), "{own}");
}

/// Draining, labels, taints and removal show in what the cluster says next.
fn nodes_can_be_tended(cluster: &Machines) {
    let drained = cluster.kubectl("drain worker-1 --ignore-daemonsets --timeout=60s");
    assert!(drained.contains("node/worker-1 drained"), "{drained}");
    assert!(cluster.kubectl("get nodes worker-1").contains("Ready,SchedulingDisabled"));
    cluster.kubectl("uncordon worker-1");
    cluster.kubectl("label node worker-1 pool=a");
    assert_eq!(cluster.kubectl("get nodes -l pool=a -o name").trim(), "node/worker-1");
    cluster.kubectl("taint node worker-1 dedicated=x:NoSchedule");
    let taints = cluster.kubectl("get node worker-1 -o 'jsonpath={.spec.taints[*].key}'");
    // The taint of the drain goes a moment later, when the controller has seen the uncordon.
    assert!(taints.split(' ').any(|key| key == "dedicated"), "{taints}");
    cluster.kubectl("rollout status daemonset/kube-flannel-ds -n kube-flannel --timeout=60s");
    // A kubelet that has stopped is forgotten when its node is deleted.
    cluster.shell("worker-1", "systemctl stop kubelet");
    cluster.kubectl("delete node worker-1");
    assert!(!cluster.kubectl("get nodes").contains("worker-1"));
    // And a run takes the machine in again.
    cluster.play(&[CREATE]);
    assert!(cluster.kubectl("get nodes").contains("worker-1"));
}
