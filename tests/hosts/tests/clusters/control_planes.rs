//! Control planes that are lost, removed and replaced, and an etcd that is taken back to what it was.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use clouder_fleet::Software;
use clouder_tests::{docker, wait};
use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::machines::Machines;

const VERSION: Version = Version::new(34, 2);
const MACHINES: [(&str, Software); 4] = [
    ("cp-1", Software::Prepared),
    ("cp-2", Software::Prepared),
    ("cp-3", Software::Prepared),
    ("worker-1", Software::Prepared),
];
const CREATE: [&str; 1] = ["playbooks/create-cluster.yml"];
const REMOVE: &str = "playbooks/remove-nodes.yml";

/// The names of etcd's members, as one of them has it.
fn members(cluster: &Machines, through: &str) -> Vec<String> {
    let pki = "/etc/kubernetes/pki/etcd";
    let line = format!(
        "/var/lib/kube-standin/etcd/*/usr/local/bin/etcdctl --cacert={pki}/ca.crt --cert={pki}/peer.crt --key={pki}/peer.key member list"
    );
    let said = cluster.shell(through, &line);
    let mut names: Vec<String> =
        said.lines().filter_map(|line| line.split(", ").nth(2)).map(str::to_owned).collect();
    names.sort();
    names
}

/// Takes a machine away, as a fire would.
fn lose(cluster: &Machines, machine: &str) {
    docker(&["rm", "-fv", &cluster.container(machine)]);
}

/// The variables by which a node is taken out.
fn of(node: &str) -> String {
    format!("{{\"cluster_nodes_to_remove\": [\"{node}\"]}}")
}

#[test]
fn control_planes_are_lost_and_replaced_and_etcd_goes_back() {
    let mut cluster = Machines::new("planes", &MACHINES, &[VERSION]);
    // An address of the network that no machine has.
    let (network, _) =
        cluster.gateway().rsplit_once('.').map(|(net, one)| (net.to_owned(), one.to_owned())).unwrap();
    cluster.set(&format!("kubernetes_api_vip: {network}.200\n"));
    cluster.play(&CREATE);
    assert_eq!(members(&cluster, "cp-3"), ["cp-1", "cp-2", "cp-3"]);
    etcd_goes_back(&cluster);
    a_cut_between_nodes_is_found(&cluster);
    the_first_is_lost(&mut cluster);
    a_removal_that_was_cut_off_is_finished(&cluster);
    cluster.end();
}

/// What changed after a backup is gone once it is restored, and only what changed.
fn etcd_goes_back(cluster: &Machines) {
    cluster.kubectl("label node worker-1 before=one");
    let file = cluster.folder.join("backup.db");
    let _ = std::fs::remove_file(&file);
    let path = file.display().to_string();
    let backup = cluster.k8s(&["etcd", "backup", "lab", "--to", &path]);
    assert!(backup.shown.contains("It holds all secrets of the cluster"), "{}", backup.shown);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(cluster.shell("cp-1", "ls /var/backups/etcd"), "");
    cluster.k8s_refuses(&["etcd", "backup", "lab", "--to", &path], "is there already");

    cluster.kubectl_on("cp-2", "label node worker-1 after=one");
    cluster.kubectl_on("cp-2", "delete configmap kube-proxy -n kube-system");
    cluster.k8s_refuses(&["etcd", "restore", "lab", "--from", &path], "there is no terminal to ask at");
    let broken = cluster.folder.join("broken.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let broken = broken.display().to_string();
    cluster.k8s_refuses(
        &["etcd", "restore", "lab", "--from", &broken, "--yes"],
        "its checksum is of something else",
    );
    assert!(cluster.kubectl("get nodes -o yaml").contains("after: one"));

    // Killed while nothing of it runs, it goes on where it was.
    let restore = ["etcd", "restore", "lab", "--from", &path, "--yes"];
    cluster.cut_off(&restore, "TASK [etcd : Put the new data in its place");
    cluster.k8s(&restore);
    let labels = cluster.kubectl_on("cp-3", "get node worker-1 -o yaml");
    assert!(labels.contains("before: one") && !labels.contains("after: one"), "{labels}");
    cluster.kubectl_on("cp-3", "get configmap kube-proxy -n kube-system");
    assert_eq!(members(cluster, "cp-2"), ["cp-1", "cp-2", "cp-3"]);
    let well = cluster.k8s(&["doctor", "lab"]);
    assert!(well.shown.contains("Nothing was found"), "{}", well.shown);
}

/// The pods' network is found to be cut where 8472/udp is.
fn a_cut_between_nodes_is_found(cluster: &Machines) {
    for name in ["cp-1", "worker-1"] {
        let there = || cluster.shell(name, "ip -brief link").contains("flannel.1");
        wait("the pods' network is there", Duration::from_secs(30), || there().then_some(()));
    }
    let cut = |what: &str| {
        cluster.shell("worker-1", &format!("iptables -{what} INPUT -p udp --dport 8472 -j DROP"));
    };
    let found = "GRAVE: pods on cp-1 do not reach those on worker-1";
    let doctor = || cluster.try_k8s(&["doctor", "lab"]).shown;
    let well = doctor();
    assert!(!well.contains(found), "{well}");
    cut("I");
    let ill = doctor();
    assert!(ill.contains(found), "{ill}");
    cut("D");
}

/// The cluster lives on without the control plane that it began with; another one may not go meanwhile, and a new machine takes its place.
fn the_first_is_lost(cluster: &mut Machines) {
    lose(cluster, "cp-1");
    let lost = Instant::now();
    // The worker knows one address of the API server, which is somewhere else now.
    let hosts = cluster.shell("worker-1", "grep -c '^[0-9.]* api.kubernetes.internal' /etc/hosts");
    assert_eq!(hosts.trim(), "1");
    let own = "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --request-timeout=5s get node worker-1";
    wait("the address is on another control plane", Duration::from_secs(60), || {
        (cluster.exec("worker-1", own).code == 0).then_some(())
    });
    wait("another API server answers", Duration::from_secs(20), || {
        cluster.kubectl_on("cp-2", "get nodes").contains("worker-1").then_some(())
    });
    cluster
        .play_refuses(&[REMOVE, "-e", &of("cp-2")], "and cp-1 does not: bring it back, or take it out first");
    let upgrade = ["playbooks/upgrade-cluster.yml", "-e", "kubernetes_version=1.34.2"];
    cluster.play_refuses(&upgrade, "cp-1 does not work as a control plane");
    wait("the lost node is not ready", Duration::from_secs(90), || {
        cluster.kubectl_on("cp-2", "get node cp-1").contains("NotReady").then_some(())
    });
    let ill = cluster.try_k8s(&["doctor", "lab"]);
    assert_ne!(ill.code, 0, "{}", ill.shown);
    for found in
        ["the etcd member of cp-1 does not answer", "cp-1 is not ready", "cp-1 could not be examined"]
    {
        assert!(ill.shown.contains(&format!("GRAVE: {found}")), "{found}: {}", ill.shown);
    }
    assert!(lost.elapsed() < Duration::from_secs(300), "the dead are waited for: {:?}", lost.elapsed());
    cluster.k8s(&["kubeconfig", "lab"]);
    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    assert!(kubeconfig.contains("current-context: lab"), "{kubeconfig}");

    cluster.bring_back();
    cluster.play(&CREATE);
    assert_eq!(members(cluster, "cp-2"), ["cp-1", "cp-2", "cp-3"]);
    let nodes = cluster.kubectl("get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), MACHINES.len(), "{nodes}");
    cluster.leaves_alone(&CREATE);
}

/// A removal ends where it is killed, and another one finishes it; the machine is clean then and can join again.
fn a_removal_that_was_cut_off_is_finished(cluster: &Machines) {
    let removal = [REMOVE, "-e", &of("cp-1")];
    cluster.cut_off_play(&removal, "Take Kubernetes off its machine");
    assert_eq!(members(cluster, "cp-2"), ["cp-2", "cp-3"]);
    let half = cluster.kubectl_on("cp-2", "get nodes");
    assert!(half.contains("cp-1"), "{half}");
    let finished = cluster.play(&removal);
    assert!(!cluster.kubectl_on("cp-2", "get nodes").contains("cp-1"), "{}", finished.shown);
    let left = cluster.shell(
        "cp-1",
        "ls -A /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd | grep -v : || true",
    );
    assert_eq!(left.trim(), "", "{left}");
    let nothing = cluster.play(&removal);
    assert!(
        MACHINES.iter().all(|(machine, _)| !nothing.shown.contains(&format!("changed: [{machine}]"))),
        "{}",
        nothing.shown
    );
    cluster.k8s_refuses(
        &["replace-control-plane", "lab", "cp-9", "--yes"],
        "cp-9 is none of the control planes",
    );
    // It is out already: replacing it is what is left to do.
    let replace = ["replace-control-plane", "lab", "cp-1", "--yes"];
    cluster.cut_off(&replace, "TASK [kubeadm : Run kubeadm join");
    cluster.k8s(&replace);
    assert_eq!(members(cluster, "cp-3"), ["cp-1", "cp-2", "cp-3"]);
    let nodes = cluster.kubectl("get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), MACHINES.len(), "{nodes}");
}
