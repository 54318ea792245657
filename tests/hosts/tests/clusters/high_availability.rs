//! A cluster of three control planes behind a load balancer of a simulated Azure, one of whose machines dies.

use std::time::Duration;

use clouder_tests::{Ran, docker, wait};
use kube_standin::version::Version;

use crate::lab::Lab;

const VERSION: Version = Version::new(34, 2);

/// How many nodes are ready.
fn ready(lab: &Lab, through: &str) -> usize {
    lab.kubectl_on(through, "get nodes --no-headers").matches(" Ready ").count()
}

#[test]
fn a_control_plane_that_dies_is_replaced() {
    let lab = Lab::new("ha", &[VERSION]);
    let name = lab.name.as_str();
    let file = lab.settings(VERSION, "10.63", "");
    let create = ["create", name, "-f", &file, "--control-plane-count", "3", "--worker-count", "1", "--yes"];
    // Whoever is at work on machines that are no cluster yet keeps others away.
    lab.cut_off(&create, "TASK [node : ");
    let other = Ran::of(lab.clouder().args(["k8s", "create", name, "--yes"]).env("USER", "bob"));
    assert!(other.code == 2 && other.shown.contains(" works on the cluster; wait"), "{}", other.shown);
    lab.done(&["create", name, "--yes"]);
    assert_eq!(ready(&lab, "cp-3"), 4);
    lab.want_image("cp-2");

    // It dies; Azure takes it for running, and the others go on behind the load balancer.
    docker(&["kill", &format!("{name}-{name}-{name}-cp-1")]);
    let own =
        "sudo kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --request-timeout=5s get node $(hostname)";
    wait("the worker reaches another API server", Duration::from_secs(60), || {
        let asked = lab.k8s(&["ssh", name, &format!("{name}-worker-1"), "--", own]);
        (asked.code == 0).then_some(())
    });
    let refused = lab.k8s(&["replace-control-plane", name, &format!("{name}-cp-2"), "--yes"]);
    assert!(refused.code != 0 && refused.shown.contains("take it out first"), "{}", refused.shown);

    // The first one of all is replaced, in two goes.
    let first = format!("{name}-cp-1");
    let replace = ["replace-control-plane", name, &first, "--yes"];
    lab.cut_off(&replace, "TASK [azure-machine : Make the machine");
    lab.done(&replace);
    assert_eq!(ready(&lab, "cp-1"), 4);
    assert!(lab.has_image("cp-1"));
    let well = lab.done(&["doctor", name]);
    assert!(well.shown.contains("Nothing was found"), "{}", well.shown);
    lab.writes();
    let again = lab.done(&["create", name, "--yes"]);
    for host in ["localhost".to_owned(), first, format!("{name}-cp-2"), format!("{name}-worker-1")] {
        assert!(again.recap(&host).contains("changed=0"), "{host}: {}", again.shown);
    }
    assert_eq!(lab.writes(), 0);

    lab.done(&["delete", name, "--yes"]);
    lab.end();
}
