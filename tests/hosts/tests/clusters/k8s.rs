//! The life of a cluster by `clouder k8s`, on a simulated Azure whose machines are containers.

#[path = "k8s/autoscaler.rs"]
mod autoscaler;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use azure_sim::cloud::{Cloud, Settings};
use azure_sim::containers::{Containers, public_prefix};
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_fleet::Software;
use clouder_tests::{Ran, docker, program};
use kube_standin::repository;
use kube_standin::version::Version;

const VERSION: Version = Version::new(34, 2);
const LATER: Version = Version::new(34, 4);

/// An Azure, packages for its machines, and a folder of clusters.
struct Lab {
    name: String,
    server: Server,
    packages: repository::Server,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let name = format!("tests-k8s{}", std::env::var("CLOUDER_TEST_FLEET").unwrap_or_default());
        let public = public_prefix(&name);
        let machines = Containers::new(&name, &public, Software::Prepared).unwrap();
        let settings = Settings {
            latency: Duration::from_millis(20),
            retry_after: 0,
            public_prefix: public,
            ..Settings::default()
        };
        let own = settings.public_prefix.replace(".0/24", ".1");
        let cloud = Cloud::new(settings.clone(), Scenario::parse("").unwrap(), Box::new(machines));
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(cloud, address, Some(&folder.path().join("log")), None).unwrap();
        let packages = folder.path().join("repository");
        repository::build(&packages, &program("kube-standin"), &[VERSION, LATER]).unwrap();
        repository::build_gpu(&packages).unwrap();
        let packages = repository::serve(&packages, &format!("{own}:0")).unwrap();
        let key = folder.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        Self { name, server, packages, settings, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `clouder`, which knows this Azure and these clusters.
    fn clouder(&self) -> Command {
        let mut command = Command::new(program("clouder"));
        command
            .env("NO_COLOR", "1")
            .env("CLOUDER_CLUSTERS_FOLDER", self.path("clusters"))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("AZURE_AUTHORITY_HOST", &self.server.origin)
            .env("CLOUDER_AZURE_ENDPOINT", &self.server.origin)
            .env("AZURE_SUBSCRIPTION_ID", &self.settings.subscription)
            .env("AZURE_TENANT_ID", &self.settings.tenant)
            .env("AZURE_CLIENT_ID", &self.settings.client_id)
            .env("AZURE_CLIENT_SECRET", &self.settings.client_secret);
        command
    }

    /// Runs `clouder k8s`.
    fn k8s(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.clouder().arg("k8s").args(arguments))
    }

    /// Runs `clouder k8s`, and kills it as soon as it shows a text; what had begun at Azure goes on there.
    fn cut_off(&self, arguments: &[&str], at: &str) {
        clouder_tests::cut_off(self.clouder().arg("k8s").args(arguments), at);
    }

    fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.k8s(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.shown);
        ran
    }

    /// What kubectl says on the control plane.
    fn kubectl(&self, line: &str) -> String {
        let node = format!("{}-cp-1", self.name);
        let line = format!("sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf {line}");
        self.done(&["ssh", &self.name, &node, "--", &line]).shown
    }

    /// Gives the API server an object, in somebody's name.
    fn apply(&self, manager: &str, object: &str) {
        let node = format!("{}-cp-1", self.name);
        let line = format!(
            "echo '{object}' | sudo kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --server-side \
             --field-manager=clouder-{manager} -f -"
        );
        self.done(&["ssh", &self.name, &node, "--", &line]);
    }

    /// The requests since the last time that changed something.
    fn writes(&self) -> usize {
        let text = std::fs::read_to_string(self.path("log")).unwrap();
        std::fs::write(self.path("log"), "").unwrap();
        text.lines().filter(|line| !line.contains("\"method\":\"GET\"") && !line.contains("oauth2")).count()
    }
}

#[test]
fn a_cluster_is_made_grows_shrinks_and_goes() {
    let lab = Lab::new();
    let name = lab.name.as_str();
    let variables = clouder_fleet::cluster::variables(
        &VERSION.to_string(),
        &format!("http://{}", lab.packages.address()),
    );
    let (cuda, toolkit) = (
        format!("http://{}/cuda", lab.packages.address()),
        format!("http://{}/toolkit", lab.packages.address()),
    );
    let settings = format!(
        "{variables}gpu_cuda_apt_url: {cuda}\ngpu_cuda_apt_key_url: {cuda}/Release.key\ngpu_cuda_toolkit_apt_url: {toolkit}\n\
         gpu_cuda_toolkit_apt_key_url: {toolkit}/Release.key\nprovider: azure\nazure_network_cidr: 10.62.0.0/16\nazure_subnet_cidr: 10.62.0.0/24\n\
         azure_ssh_sources: [198.18.0.0/15]\nazure_ssh_public_key_file: {key}.pub\nansible_ssh_private_key_file: {key}\n",
        key = lab.path("key").display()
    );
    std::fs::write(lab.path("settings.yml"), settings).unwrap();
    let file = lab.path("settings.yml").display().to_string();

    let plan = lab.done(&["create", name, "-f", &file, "--worker-count", "1", "--dry-run"]);
    assert!(
        plan.shown.contains("-worker-1  Standard_D2s_v5") && plan.shown.contains("cores"),
        "{}",
        plan.shown
    );
    assert_eq!(lab.writes(), 0);
    let refused = lab.k8s(&["create", name, "-f", &file, "--worker-count", "1"]);
    assert!(refused.code == 1 && refused.shown.contains("say --yes"), "{}", refused.shown);

    // Killed while it makes machines, and while one joins, it goes on where it was.
    lab.cut_off(
        &["create", name, "-f", &file, "--worker-count", "1", "--yes"],
        "TASK [azure-machine : Make the machine",
    );
    lab.cut_off(&["create", name, "--yes"], "TASK [kubeadm : Run kubeadm join");
    assert!(lab.done(&["ls"]).shown.contains("unfinished"));
    let made = lab.done(&["create", name, "--yes"]);
    assert!(made.shown.contains("TASK [smoke : Wait until every volume is written to"), "{}", made.shown);
    assert_eq!(lab.kubectl("get nodes --no-headers").matches(" Ready ").count(), 2);
    let clusters = lab.done(&["ls"]).shown;
    assert!(clusters.contains("1.34.2") && clusters.contains("running"), "{clusters}");
    lab.writes();
    let again = lab.done(&["create", name, "--yes"]);
    assert_eq!((again.recap("localhost").contains("changed=0"), lab.writes()), (true, 0), "{}", again.shown);
    let other = lab.k8s(&["create", name, "--worker-count", "5", "--yes"]);
    assert!(other.code == 1 && other.shown.contains("update-nodepool"), "{}", other.shown);

    autoscaler::a_pool_grows_and_shrinks(&lab);

    // By hand it does so, too, and what was cut off is brought to its end.
    let beyond = lab.k8s(&["update-nodepool", name, "workers", "--desired", "4"]);
    assert!(beyond.code == 1 && beyond.shown.contains("at most 2 machines"), "{}", beyond.shown);
    let grow = ["update-nodepool", name, "workers", "--desired", "2"];
    lab.cut_off(&grow, "TASK [kubeadm : Run kubeadm join");
    let grown = lab.done(&grow);
    assert!(grown.recap(&format!("{name}-worker-2")).contains("changed=0"), "{}", grown.shown);

    // A pool with GPUs, on machines that have none.
    let refused = lab.k8s(&[
        "create-nodepool",
        name,
        "gpu",
        "--flavor",
        "Standard_D2s_v5",
        "--desired",
        "1",
        "--xpu",
        "gpu-cuda",
        "--roles",
        "jupyter",
        "--labels",
        "team=ml",
    ]);
    assert!(refused.code != 0 && refused.shown.contains("has no device of NVIDIA's"), "{}", refused.shown);
    lab.done(&[
        "create-nodepool",
        name,
        "gpu",
        "--flavor",
        "Standard_D2s_v5",
        "--desired",
        "1",
        "--roles",
        "jupyter",
        "--labels",
        "team=ml",
        "--xpu",
        "gpu-cuda",
        "-e",
        "gpu_cuda_require_device=false",
    ]);
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

    let plugins = lab.kubectl(
        "-n kube-system get pods -l app.kubernetes.io/name=nvidia-device-plugin -o wide --no-headers",
    );
    assert!(plugins.lines().count() == 1 && plugins.contains(&format!("{name}-gpu-1")), "{plugins}");
    let configured =
        lab.done(&["ssh", name, &format!("{name}-gpu-1"), "--", "sudo containerd config dump"]).shown;
    assert!(configured.contains("/usr/bin/nvidia-container-runtime"), "{configured}");

    // It shrinks, and goes.
    lab.done(&["update-nodepool", name, "workers", "--desired", "1"]);
    let shrink = ["delete-nodepool", name, "gpu", "--yes"];
    lab.cut_off(&shrink, "TASK [node-removal : Move its pods elsewhere");
    lab.done(&shrink);
    let nodes = lab.kubectl("get nodes -o name");
    assert_eq!(nodes, format!("node/{name}-cp-1\nnode/{name}-worker-1\n"));
    let shown = lab.done(&["show", name]).shown;
    let is_gone = |machine: &str| !shown.contains(&format!("{name}-{machine}"));
    assert!(!shown.contains("\ngpu ") && is_gone("gpu-1") && is_gone("worker-2"), "{shown}");

    // Another release, by another machine.
    let replaced = lab.done(&["upgrade", name, "--to", "1.34.4", "--replace", "--yes"]);
    let nodes = lab.kubectl("get nodes");
    assert!(nodes.matches("v1.34.4").count() == 2 && nodes.contains(&format!("{name}-worker-2")), "{nodes}");
    assert!(!nodes.contains(&format!("{name}-worker-1")), "{}", replaced.shown);

    // Credentials of one's own.
    lab.done(&["kubeconfig", name, "--user", "somebody", "--valid", "1h"]);
    let kubeconfig = std::fs::read_to_string(lab.path("kubeconfig")).unwrap();
    assert!(
        kubeconfig.contains(&format!("current-context: {name}")) && kubeconfig.contains("client-key-data")
    );
    lab.done(&["use", name]);

    // Who works on it keeps others away, until the lock is broken.
    let other = r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "clouder", "namespace": "kube-system"}, "spec": {"holderIdentity": "bob@laptop"}}"#;
    lab.apply("bob@laptop", other);
    let locked = lab.k8s(&["update-nodepool", name, "workers", "--desired", "2"]);
    assert!(locked.code == 2 && locked.shown.contains("bob@laptop works on the cluster"), "{}", locked.shown);
    lab.done(&["unlock", name]);

    let service = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}"#;
    lab.apply("bob@laptop", service);
    lab.cut_off(&["delete", name, "--yes"], "TASK [Delete the machine with");
    let gone = lab.done(&["delete", name, "--yes"]);
    assert!(gone.shown.contains("Microsoft.Network/loadBalancers"), "{}", gone.shown);
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("label=clouder.fleet={name}")]),
        "",
        "machines are left"
    );
    assert_eq!(lab.done(&["ls"]).shown.lines().count(), 1);
    assert!(lab.k8s(&["delete", name, "--yes"]).shown.contains("no cluster is known by the name"));
    lab.server.cloud().machines.end();
}
