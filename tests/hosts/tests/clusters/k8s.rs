//! The life of a cluster by `clouder k8s`, on a simulated Azure whose machines are containers.

#[path = "k8s/autoscaler.rs"]
mod autoscaler;

use kube_standin::version::Version;

use crate::cluster::Cluster as _;
use crate::lab::Lab;

const VERSION: Version = Version::new(34, 2);
const LATER: Version = Version::new(34, 4);

#[test]
fn a_cluster_is_made_grows_shrinks_and_goes() {
    let lab = Lab::new("k8s", &[VERSION, LATER]);
    let name = lab.name();
    let packages = lab.packages();
    let gpu = format!(
        "gpu_cuda_apt_url: {packages}/cuda\ngpu_cuda_apt_key_url: {packages}/cuda/Release.key\n\
         gpu_cuda_toolkit_apt_url: {packages}/toolkit\ngpu_cuda_toolkit_apt_key_url: {packages}/toolkit/Release.key\n"
    );
    let file = lab.settings(VERSION, &gpu);

    let plan = lab.k8s(&["create", name, "-f", &file, "--worker-count", "1", "--dry-run"]);
    assert!(
        plan.shown.contains("-worker-1  Standard_D2s_v5") && plan.shown.contains("cores"),
        "{}",
        plan.shown
    );
    assert_eq!(lab.writes(), 0);
    let refused = lab.try_k8s(&["create", name, "-f", &file, "--worker-count", "1"]);
    assert!(refused.code == 1 && refused.shown.contains("say --yes"), "{}", refused.shown);

    // Killed while it makes machines, and while one joins, it goes on where it was.
    lab.cut_off(
        &["create", name, "-f", &file, "--worker-count", "1", "--yes"],
        "TASK [azure-machine : Make the machine",
    );
    lab.cut_off(&["create", name, "--yes"], "TASK [kubeadm : Run kubeadm join");
    assert!(lab.k8s(&["ls"]).shown.contains("unfinished"));
    let made = lab.k8s(&["create", name, "--yes"]);
    assert!(made.shown.contains("TASK [smoke : Wait until every volume is written to"), "{}", made.shown);
    assert_eq!(lab.kubectl("get nodes --no-headers").matches(" Ready ").count(), 2);
    let clusters = lab.k8s(&["ls"]).shown;
    assert!(clusters.contains("1.34.2") && clusters.contains("running"), "{clusters}");
    lab.writes();
    let again = lab.k8s(&["create", name, "--yes"]);
    assert_eq!((again.left_alone(&[]), lab.writes()), (true, 0), "{}", again.shown);
    let other = lab.try_k8s(&["create", name, "--worker-count", "5", "--yes"]);
    assert!(other.code == 1 && other.shown.contains("update-nodepool"), "{}", other.shown);

    autoscaler::a_pool_grows_and_shrinks(&lab);

    lab.want_image("cp-1");

    // A pool with GPUs, on machines that have none.
    let size = ["--flavor", "Standard_D2s_v5", "--desired", "1", "--max", "2", "--xpu", "gpu-cuda"];
    let pool = [&["create-nodepool", name, "gpu"], &size[..], &["--roles", "jupyter", "--labels", "team=ml"]];
    let pool = pool.concat();
    let refused = lab.try_k8s(&pool);
    assert!(refused.code != 0 && refused.shown.contains("has no device of NVIDIA's"), "{}", refused.shown);
    let without = [&pool[..], &["-e", "gpu_cuda_require_device=false"]].concat();
    lab.cut_off(&without, "TASK [gpu-cuda : Install the toolkit's package");
    lab.k8s(&without);
    let gpu = lab.kubectl(&format!("get node {name}-gpu-1 -o yaml"));
    for said in [
        "node-role.kubernetes.io/jupyter",
        "team: ml",
        "clouder.io/pool: gpu",
        "clouder.io/xpu: gpu-cuda",
        "key: nvidia.com/gpu",
        "effect: NoSchedule",
    ] {
        assert!(gpu.contains(said), "{said}: {gpu}");
    }

    assert!(lab.has_image("gpu-1"));

    let plugins = lab.kubectl(
        "-n kube-system get pods -l app.kubernetes.io/name=nvidia-device-plugin -o wide --no-headers",
    );
    assert!(plugins.lines().count() == 1 && plugins.contains(&format!("{name}-gpu-1")), "{plugins}");
    let configured =
        lab.k8s(&["ssh", name, &format!("{name}-gpu-1"), "--", "sudo containerd config dump"]).shown;
    assert!(configured.contains("/usr/bin/nvidia-container-runtime"), "{configured}");

    // It grows, after it was cut off, too; the machine that was there is left alone. It shrinks, and goes.
    let beyond = lab.try_k8s(&["update-nodepool", name, "gpu", "--desired", "4"]);
    assert!(beyond.code == 1 && beyond.shown.contains("at most 2 machines"), "{}", beyond.shown);
    let grow = ["update-nodepool", name, "gpu", "--desired", "2", "-e", "gpu_cuda_require_device=false"];
    lab.cut_off(&grow, "TASK [kubeadm : Run kubeadm join");
    let grown = lab.k8s(&grow);
    assert!(grown.left_alone(&[&lab.node("gpu-1")]), "{}", grown.shown);
    assert_eq!(lab.kubectl("get nodes -l clouder.io/xpu=gpu-cuda -o name").lines().count(), 2);
    lab.k8s(&["update-nodepool", name, "gpu", "--desired", "1"]);
    let shrink = ["delete-nodepool", name, "gpu", "--yes"];
    lab.cut_off(&shrink, "TASK [node-removal : Move its pods elsewhere");
    lab.k8s(&shrink);
    let nodes = lab.kubectl("get nodes -o name");
    assert_eq!(nodes, format!("node/{name}-cp-1\nnode/{name}-worker-2\n"));
    let shown = lab.k8s(&["show", name]).shown;
    let is_gone = |machine: &str| !shown.contains(&format!("{name}-{machine}"));
    assert!(!shown.contains("\ngpu ") && is_gone("gpu-1") && is_gone("gpu-2"), "{shown}");

    // Another release, by another machine.
    let upgrade = ["upgrade", name, "--to", "1.34.4", "--replace", "--yes"];
    lab.cut_off(&upgrade, "TASK [node-removal : Move its pods elsewhere");
    let replaced = lab.k8s(&upgrade);
    let nodes = lab.kubectl("get nodes");
    assert!(nodes.matches("v1.34.4").count() == 2 && nodes.contains(&format!("{name}-worker-1")), "{nodes}");
    assert!(!nodes.contains(&format!("{name}-worker-2")), "{}", replaced.shown);

    // Credentials of one's own.
    lab.k8s(&["kubeconfig", name, "--user", "somebody", "--valid", "1h"]);
    let kubeconfig = std::fs::read_to_string(lab.path("kubeconfig")).unwrap();
    assert!(
        kubeconfig.contains(&format!("current-context: {name}")) && kubeconfig.contains("client-key-data")
    );
    lab.k8s(&["use", name]);

    // Who works on it keeps others away, until the lock is broken.
    let other = r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "clouder", "namespace": "kube-system"}, "spec": {"holderIdentity": "bob@laptop"}}"#;
    lab.apply_as("clouder-bob@laptop", other);
    let locked = lab.try_k8s(&["update-nodepool", name, "workers", "--desired", "2"]);
    assert!(locked.code == 2 && locked.shown.contains("bob@laptop works on the cluster"), "{}", locked.shown);
    lab.k8s(&["unlock", name]);

    let service = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}"#;
    lab.apply(service);
    lab.cut_off(&["delete", name, "--yes"], "TASK [Delete the machine with");
    let gone = lab.k8s(&["delete", name, "--yes"]);
    assert!(gone.shown.contains("Microsoft.Network/loadBalancers"), "{}", gone.shown);
    assert!(lab.try_k8s(&["delete", name, "--yes"]).shown.contains("no cluster is known by the name"));
    lab.end();
}
