//! A simulated Azure whose machines are containers, packages for them, and a cluster that is to be made there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use azure_sim::cloud::{Cloud, Settings};
use azure_sim::containers::{Containers, private_prefix, public_prefix};
use azure_sim::scenario::Scenario;
use azure_sim::server::Server;
use clouder_fleet::Software;
use clouder_tests::{docker, program};
use kube_standin::repository;
use kube_standin::version::Version;

use crate::cluster::Cluster;

/// An image that no registry has.
const IMAGE: &str = "localhost/own:1";

/// An Azure, packages for its machines, and a folder of clusters. The cluster is called as what all is labelled with.
pub(crate) struct Lab {
    name: String,
    pub(crate) server: Server,
    packages: repository::Server,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl Lab {
    /// An Azure with nothing in it, and packages of these releases of Kubernetes.
    pub(crate) fn new(test: &str, versions: &[Version]) -> Self {
        let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned());
        let name = format!("{fleet}-{test}");
        let public = public_prefix(&name);
        let machines = Containers::new(&name, &public, Software::Prepared).unwrap();
        let settings = Settings {
            latency: Duration::from_millis(20),
            retry_after: 0,
            public_prefix: public,
            ..Settings::default()
        };
        let cloud = Cloud::new(settings.clone(), Scenario::parse("").unwrap(), Box::new(machines));
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(cloud, address, Some(&folder.path().join("log")), None).unwrap();
        let packages = folder.path().join("repository");
        repository::build(&packages, &program("kube-standin"), versions).unwrap();
        repository::build_gpu(&packages).unwrap();
        let packages = repository::serve(&packages, &format!("{}:0", own_address(&settings))).unwrap();
        let key = folder.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        Self { name, server, packages, settings, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has a DaemonSet want an image that only a machine has; none of its pods runs.
    pub(crate) fn want_image(&self, machine: &str) {
        let containerd = "ctr --namespace=k8s.io images";
        self.shell(machine, &format!("{containerd} tag $({containerd} ls -q | grep -v @ | head -1) {IMAGE}"));
        let template = format!(
            r#"{{"metadata": {{"labels": {{"app": "own"}}}}, "spec": {{"nodeSelector": {{"nobody": "has"}}, "containers": [{{"name": "own", "image": "{IMAGE}"}}]}}}}"#
        );
        let object = format!(
            r#"{{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {{"name": "own", "namespace": "default"}}, "spec": {{"selector": {{"matchLabels": {{"app": "own"}}}}, "template": {template}}}}}"#
        );
        self.apply(&object);
    }

    /// Whether a machine has the image that is wanted.
    pub(crate) fn has_image(&self, machine: &str) -> bool {
        self.shell(machine, "ctr --namespace=k8s.io images ls -q").lines().any(|name| name == IMAGE)
    }

    /// The requests since the last time that changed something.
    pub(crate) fn writes(&self) -> usize {
        let text = std::fs::read_to_string(self.path("log")).unwrap();
        std::fs::write(self.path("log"), "").unwrap();
        text.lines().filter(|line| !line.contains("\"method\":\"GET\"") && !line.contains("oauth2")).count()
    }

    /// Writes variables of the cluster into a file: those that containers need to pass for machines, a network of its own, and more, as YAML.
    pub(crate) fn settings(&self, version: Version, more: &str) -> String {
        let variables = clouder_fleet::cluster::variables(&version.to_string(), &self.packages());
        let network = private_prefix(&self.settings.public_prefix);
        let text = format!(
            "{variables}provider: azure\nazure_network_cidr: {network}\nazure_subnet_cidr: {network}\n\
             azure_ssh_sources: [198.18.0.0/15]\nazure_ssh_public_key_file: {key}.pub\nansible_ssh_private_key_file: {key}\n{more}",
            key = self.path("key").display()
        );
        let file = self.path("settings.yml");
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }

    /// This machine's address, as the machines see it.
    pub(crate) fn gateway(&self) -> String {
        own_address(&self.settings)
    }

    /// Where packages come from.
    pub(crate) fn packages(&self) -> String {
        format!("http://{}", self.packages.address())
    }

    /// Makes sure that nothing is left of the cluster.
    pub(crate) fn end(self) {
        let left = docker(&["ps", "-aq", "--filter", &format!("label=clouder.fleet={}", self.name)]);
        assert_eq!(left, "", "machines are left");
        assert_eq!(self.k8s(&["ls"]).shown.lines().count(), 1);
        self.server.cloud().machines.end();
    }
}

impl Cluster for Lab {
    fn name(&self) -> &str {
        &self.name
    }

    fn program(&self) -> Command {
        let mut command = Command::new(program("clouder"));
        command
            .env("NO_COLOR", "1")
            .env("CLOUDER_CLUSTERS_FOLDER", self.path("clusters"))
            .env("KUBECONFIG", self.path("kubeconfig"))
            .envs(self.settings.environment(&self.server.origin));
        command
    }

    fn place(&self) -> Vec<String> {
        let variables = self.path("clusters").join(format!("{}.yml", self.name));
        vec![
            format!("--inventory=azure:{}", self.name),
            format!("--extra-vars=@{}", variables.display()),
            "--extra-vars=kubeadm_kubeconfig_path=".to_owned(),
        ]
    }

    fn node(&self, machine: &str) -> String {
        format!("{}-{machine}", self.name)
    }

    fn container(&self, machine: &str) -> String {
        // Of the simulator, of the resource group, of the machine.
        format!("{name}-{name}-{name}-{machine}", name = self.name)
    }
}

/// The address that Docker gives this machine on the network of public addresses.
fn own_address(settings: &Settings) -> String {
    settings.public_prefix.replace(".0/24", ".1")
}
