//! A cluster of three control planes behind a load balancer of a simulated Azure, one of whose machines dies, and which goes two minor
//! releases up.

use std::time::Duration;

use clouder_tests::{Ran, docker, wait};
use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::lab::Lab;

const BEFORE: Version = Version::new(33, 4);
const BETWEEN: Version = Version::new(34, 2);
const AFTER: Version = Version::new(35, 1);

/// How many nodes are ready.
fn ready(lab: &Lab, through: &str) -> usize {
    lab.kubectl_on(through, "get nodes --no-headers").matches(" Ready ").count()
}

#[test]
fn a_control_plane_that_dies_is_replaced_and_all_go_two_releases_up() {
    let lab = Lab::new("ha", &[BEFORE, BETWEEN, AFTER]);
    let name = lab.name();
    let file = lab.settings(BEFORE, "");
    let create = ["create", name, "-f", &file, "--control-plane-count", "3", "--worker-count", "1", "--yes"];
    // Whoever is at work on machines that are no cluster yet keeps others away.
    lab.cut_off(&create, "TASK [node : ");
    let other = Ran::of(lab.program().args(["k8s", "create", name, "--yes"]).env("USER", "bob"));
    assert!(other.code == 2 && other.shown.contains(" works on the cluster; wait"), "{}", other.shown);
    lab.k8s(&["create", name, "--yes"]);
    assert_eq!(ready(&lab, "cp-3"), 4);
    lab.want_image("cp-2");

    // It dies; Azure takes it for running, and the others go on behind the load balancer.
    docker(&["kill", &lab.container("cp-1")]);
    let own = "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --request-timeout=5s get node $(hostname)";
    wait("the worker reaches another API server", Duration::from_secs(60), || {
        (lab.exec("worker-1", own).code == 0).then_some(())
    });
    lab.k8s_refuses(&["replace-control-plane", name, &lab.node("cp-2"), "--yes"], "take it out first");

    // The first one of all is replaced, in two goes.
    let first = lab.node("cp-1");
    let replace = ["replace-control-plane", name, &first, "--yes"];
    lab.cut_off(&replace, "TASK [azure-machine : Make the machine");
    lab.k8s(&replace);
    assert_eq!(ready(&lab, "cp-1"), 4);
    assert!(lab.has_image("cp-1"));
    let well = lab.k8s(&["doctor", name]);
    assert!(well.shown.contains("Nothing was found"), "{}", well.shown);

    // By way of the release between, where it is killed.
    let upgrade = ["upgrade", name, "--to", "1.35.1", "--yes"];
    lab.cut_off(&upgrade, "TASK [kubeadm-upgrade : Take over the kubelets' configuration");
    let nodes = lab.kubectl("get nodes");
    assert!(nodes.contains("v1.33.4") && !nodes.contains("v1.35.1"), "{nodes}");
    lab.k8s(&upgrade);
    let nodes = lab.kubectl("get nodes");
    assert!(nodes.matches(" v1.35.1").count() == 4 && !nodes.contains("SchedulingDisabled"), "{nodes}");
    lab.writes();
    let again = lab.k8s(&["create", name, "--yes"]);
    assert_eq!((again.left_alone(&[]), lab.writes()), (true, 0), "{}", again.shown);

    lab.k8s(&["delete", name, "--yes"]);
    lab.end();
}
