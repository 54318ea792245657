//! Machines that are there already and are made into a cluster, and the packages that they get.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clouder_fleet::{Fleet, Software};
use clouder_tests::{program, target};
use kube_standin::repository;
use kube_standin::version::Version;

use crate::cluster::Cluster;

/// The machines of a test. `clouder k8s` knows them as the cluster `lab`.
pub(crate) struct Machines {
    name: String,
    pub(crate) folder: PathBuf,
    machines: Vec<(&'static str, Software)>,
    fleet: Fleet,
}

impl Machines {
    /// Fresh machines, the first of them `cp-1`, and packages of these releases of Kubernetes, the first of which is to be theirs.
    pub(crate) fn new(test: &str, machines: &[(&'static str, Software)], versions: &[Version]) -> Self {
        let fleet = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned());
        let name = format!("{fleet}-{test}");
        let folder = target().join("fleet").join(&name);
        Fleet::down(&name).unwrap();
        let fleet = Fleet::up_with(&name, machines, &folder).unwrap();
        let packages = folder.join("repository");
        repository::build(&packages, &program("kube-standin"), versions).unwrap();
        let server = repository::serve(&packages, &format!("{}:0", fleet.gateway().unwrap())).unwrap();
        let version = versions[0].to_string();
        fleet.describe_cluster(&version, &format!("http://{}", server.address())).unwrap();
        let machines = Self { name, folder, machines: machines.to_vec(), fleet };
        fs::create_dir_all(machines.clusters()).unwrap();
        let known = format!(
            "cluster_inventory: {}\nkubernetes_version: {version}\n",
            machines.fleet.inventory().display()
        );
        fs::write(machines.clusters().join("lab.yml"), known).unwrap();
        machines
    }

    /// Adds variables, as YAML.
    pub(crate) fn set(&self, variables: &str) {
        let path = self.folder.join("group_vars/cluster.yml");
        let known = fs::read_to_string(&path).unwrap();
        fs::write(path, known + variables).unwrap();
    }

    /// This machine's address, as the machines see it.
    pub(crate) fn gateway(&self) -> String {
        self.fleet.gateway().unwrap()
    }

    /// The folder of what `clouder k8s` knows.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.fleet.inventory().with_file_name("clusters")
    }

    /// The file of credentials that `clouder k8s` writes.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.clusters().join("kubeconfig")
    }

    /// Puts new machines in the place of those that were lost.
    pub(crate) fn bring_back(&mut self) {
        self.fleet = Fleet::up_with(&self.name, &self.machines, &self.folder).unwrap();
    }

    /// Removes all.
    pub(crate) fn end(self) {
        self.fleet.end().unwrap();
    }
}

impl Cluster for Machines {
    fn name(&self) -> &str {
        "lab"
    }

    fn program(&self) -> Command {
        let mut command = Command::new(program("clouder"));
        command.env("NO_COLOR", "1").env("CLOUDER_CLUSTERS_FOLDER", self.clusters());
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    fn place(&self) -> Vec<String> {
        vec![format!("--inventory={}", self.fleet.inventory().display())]
    }

    fn node(&self, machine: &str) -> String {
        machine.to_owned()
    }

    fn container(&self, machine: &str) -> String {
        self.fleet.host(machine).unwrap().container().to_owned()
    }
}
