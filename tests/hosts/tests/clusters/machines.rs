//! Machines that are made into a cluster, the packages that they get, and `clouder` as it works on them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clouder_fleet::{Fleet, Host, Software};
use clouder_tests::{Ran, cut_off, program, target};
use kube_standin::repository;
use kube_standin::version::Version;

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
        let known = format!("cluster_inventory: {}\nkubernetes_version: {version}\n", machines.inventory());
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

    fn inventory(&self) -> String {
        self.fleet.inventory().display().to_string()
    }

    /// The folder of what `clouder k8s` knows.
    pub(crate) fn clusters(&self) -> PathBuf {
        self.fleet.inventory().with_file_name("clusters")
    }

    /// The file of credentials that `clouder k8s` writes.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.clusters().join("kubeconfig")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program("clouder"));
        command.args(words).env("NO_COLOR", "1").env("CLOUDER_CLUSTERS_FOLDER", self.clusters());
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Runs `clouder`.
    pub(crate) fn clouder(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs `clouder k8s`, which must succeed.
    pub(crate) fn k8s(&self, words: &[&str]) -> Ran {
        let ran = self.clouder(&[&["k8s"], words].concat());
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.shown);
        ran
    }

    /// Runs `clouder k8s`, which must fail and say why.
    pub(crate) fn k8s_refuses(&self, words: &[&str], why: &str) {
        let ran = self.clouder(&[&["k8s"], words].concat());
        assert!(ran.code != 0 && ran.shown.contains(why), "{words:?}: {why}: {}", ran.shown);
    }

    /// The words that run a playbook on the machines.
    fn playbook(&self, words: &[&str]) -> Vec<String> {
        let inventory = self.inventory();
        [&["run"], words, &["-i", &inventory]].concat().into_iter().map(str::to_owned).collect()
    }

    /// Runs a playbook.
    pub(crate) fn try_play(&self, words: &[&str]) -> Ran {
        let words = self.playbook(words);
        self.clouder(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a playbook, which must succeed.
    pub(crate) fn play(&self, words: &[&str]) -> Ran {
        let ran = self.try_play(words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.shown);
        ran
    }

    /// Runs a playbook, and kills it as soon as it shows a text.
    pub(crate) fn cut_off_play(&self, words: &[&str], at: &str) {
        let words = self.playbook(words);
        cut_off(&mut self.command(&words.iter().map(String::as_str).collect::<Vec<_>>()), at);
    }

    /// Runs a playbook, which must fail and say why.
    pub(crate) fn play_refuses(&self, words: &[&str], why: &str) {
        let ran = self.try_play(words);
        assert!(ran.code != 0 && ran.shown.contains(why), "{words:?}: {why}: {}", ran.shown);
    }

    /// Runs a playbook, which must change nothing on the machines that it is about.
    pub(crate) fn leaves_alone(&self, words: &[&str]) {
        let ran = self.play(words);
        for (machine, _) in self.machines.iter().filter(|(machine, _)| !ran.recap(machine).is_empty()) {
            assert!(ran.recap(machine).contains("changed=0"), "{}", ran.shown);
        }
    }

    pub(crate) fn machine(&self, name: &str) -> &Host {
        self.fleet.host(name).unwrap()
    }

    /// Runs a line of shell on a machine.
    pub(crate) fn shell(&self, machine: &str, line: &str) -> String {
        self.machine(machine).succeed(line).unwrap()
    }

    /// Runs kubectl on the first control plane.
    pub(crate) fn kubectl(&self, line: &str) -> String {
        self.kubectl_on("cp-1", line)
    }

    /// Runs kubectl on a control plane.
    pub(crate) fn kubectl_on(&self, machine: &str, line: &str) -> String {
        self.shell(machine, &format!("kubectl --kubeconfig=/etc/kubernetes/admin.conf {line}"))
    }

    /// Gives the API server objects.
    pub(crate) fn apply(&self, objects: &str) {
        let kubectl = "kubectl --kubeconfig=/etc/kubernetes/admin.conf apply --server-side -f -";
        self.shell("cp-1", &format!("cat <<'END' | {kubectl}\n{objects}\nEND"));
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
