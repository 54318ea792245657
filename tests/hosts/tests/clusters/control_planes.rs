//! Control planes that are lost, removed and replaced, and an etcd that is taken back to what it was.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clouder_fleet::Fleet;
use clouder_tests::{Ran, docker, program, target};
use kube_standin::repository;
use kube_standin::version::Version;

const VERSION: Version = Version::new(34, 2);
const MACHINES: [&str; 4] = ["cp-1", "cp-2", "cp-3", "worker-1"];

struct Cluster {
    name: String,
    folder: PathBuf,
    fleet: Fleet,
}

impl Cluster {
    /// Fresh machines, and a repository for them.
    fn new() -> Self {
        let name = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned()) + "-planes";
        let folder = target().join("fleet").join(&name);
        Fleet::down(&name).unwrap();
        let fleet = Fleet::up(&name, &MACHINES, &folder).unwrap();
        let packages = folder.join("repository");
        repository::build(&packages, &program("kube-standin"), &[VERSION]).unwrap();
        let server = repository::serve(&packages, &format!("{}:0", fleet.gateway().unwrap())).unwrap();
        fleet.describe_cluster(&VERSION.to_string(), &format!("http://{}", server.address())).unwrap();
        let cluster = Self { name, folder, fleet };
        std::fs::create_dir_all(cluster.clusters()).unwrap();
        let inventory = cluster.fleet.inventory();
        let variables =
            format!("cluster_inventory: {}\nkubernetes_version: {VERSION}\n", inventory.display());
        std::fs::write(cluster.clusters().join("lab.yml"), variables).unwrap();
        cluster
    }

    fn clusters(&self) -> PathBuf {
        self.fleet.inventory().with_file_name("clusters")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.clusters().join("kubeconfig")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program("clouder"));
        command.args(words).env("NO_COLOR", "1").env("CLOUDER_CLUSTERS_FOLDER", self.clusters());
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    fn try_run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let shown = text(&output.stdout) + &text(&output.stderr);
        Ran { code: output.status.code().unwrap_or(-1), shown }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let ran = self.try_run(words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.shown);
        ran
    }

    fn refused(&self, words: &[&str], why: &str) {
        let ran = self.try_run(words);
        assert_ne!(ran.code, 0, "{words:?}: {}", ran.shown);
        assert!(ran.shown.contains(why), "{why}: {}", ran.shown);
    }

    fn playbook(&self, name: &str, more: &[&str]) -> Vec<String> {
        let inventory = self.fleet.inventory().display().to_string();
        let words = ["run", &format!("playbooks/{name}"), "-i", &inventory].map(str::to_owned);
        words.into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect()
    }

    fn removal(&self, node: &str) -> Vec<String> {
        self.playbook("remove-nodes.yml", &["-e", &format!("{{\"cluster_nodes_to_remove\": [\"{node}\"]}}")])
    }

    fn shell(&self, machine: &str, line: &str) -> String {
        self.fleet.host(machine).unwrap().succeed(line).unwrap()
    }

    fn kubectl(&self, through: &str, line: &str) -> String {
        self.shell(through, &format!("kubectl --kubeconfig=/etc/kubernetes/admin.conf {line}"))
    }

    /// The names of etcd's members, as one of them has it.
    fn members(&self, through: &str) -> Vec<String> {
        let pki = "/etc/kubernetes/pki/etcd";
        let line = format!(
            "/var/lib/kube-standin/etcd/*/usr/local/bin/etcdctl --cacert={pki}/ca.crt --cert={pki}/peer.crt --key={pki}/peer.key member list"
        );
        let said = self.shell(through, &line);
        let mut names: Vec<String> =
            said.lines().filter_map(|line| line.split(", ").nth(2)).map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Takes a machine away, as a fire would.
    fn lose(&self, machine: &str) {
        docker(&["rm", "-fv", self.fleet.host(machine).unwrap().container()]);
    }

    /// Puts new machines in the place of those that were lost.
    fn bring_back(&mut self) {
        self.fleet = Fleet::up(&self.name, &MACHINES, &self.folder).unwrap();
    }
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn control_planes_are_lost_and_replaced_and_etcd_goes_back() {
    let mut cluster = Cluster::new();
    let create = cluster.playbook("create-cluster.yml", &[]);
    cluster.run(&words(&create));
    assert_eq!(cluster.members("cp-3"), ["cp-1", "cp-2", "cp-3"]);
    let again = cluster.run(&words(&create));
    for machine in MACHINES {
        assert!(again.recap(machine).contains("changed=0"), "{}", again.shown);
    }
    etcd_goes_back(&cluster);
    a_cut_between_nodes_is_found(&cluster);
    the_first_is_lost(&mut cluster, &create);
    a_removal_that_was_cut_off_is_finished(&cluster, &create);
    cluster.fleet.end().unwrap();
}

/// What changed after a backup is gone once it is restored, and only what changed.
fn etcd_goes_back(cluster: &Cluster) {
    cluster.kubectl("cp-1", "label node worker-1 before=one");
    let file = cluster.folder.join("backup.db");
    let _ = std::fs::remove_file(&file);
    let path = file.display().to_string();
    let backup = cluster.run(&["k8s", "etcd", "backup", "lab", "--to", &path]);
    assert!(backup.shown.contains("It holds all secrets of the cluster"), "{}", backup.shown);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(cluster.shell("cp-1", "ls /var/backups/etcd"), "");
    cluster.refused(&["k8s", "etcd", "backup", "lab", "--to", &path], "is there already");

    cluster.kubectl("cp-2", "label node worker-1 after=one");
    cluster.kubectl("cp-2", "delete configmap kube-proxy -n kube-system");
    cluster.refused(&["k8s", "etcd", "restore", "lab", "--from", &path], "there is no terminal to ask at");
    let broken = cluster.folder.join("broken.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let broken = broken.display().to_string();
    cluster.refused(
        &["k8s", "etcd", "restore", "lab", "--from", &broken, "--yes"],
        "its checksum is of something else",
    );
    assert!(cluster.kubectl("cp-1", "get nodes -o yaml").contains("after: one"));

    cluster.run(&["k8s", "etcd", "restore", "lab", "--from", &path, "--yes"]);
    let labels = cluster.kubectl("cp-3", "get node worker-1 -o yaml");
    assert!(labels.contains("before: one") && !labels.contains("after: one"), "{labels}");
    cluster.kubectl("cp-3", "get configmap kube-proxy -n kube-system");
    assert_eq!(cluster.members("cp-2"), ["cp-1", "cp-2", "cp-3"]);
    let well = cluster.run(&["k8s", "doctor", "lab"]);
    assert!(well.shown.contains("Nothing was found"), "{}", well.shown);
}

/// The pods' network is found to be cut where 8472/udp is.
fn a_cut_between_nodes_is_found(cluster: &Cluster) {
    for name in ["cp-1", "worker-1"] {
        let there = || cluster.shell(name, "ip -brief link").contains("flannel.1");
        wait_for(Duration::from_secs(30), there);
    }
    let cut = |what: &str| {
        cluster.shell("worker-1", &format!("iptables -{what} INPUT -p udp --dport 8472 -j DROP"));
    };
    let found = "GRAVE: pods on cp-1 do not reach those on worker-1";
    let doctor = || cluster.try_run(&["k8s", "doctor", "lab"]).shown;
    let well = doctor();
    assert!(!well.contains(found), "{well}");
    cut("I");
    let ill = doctor();
    assert!(ill.contains(found), "{ill}");
    cut("D");
}

/// The cluster lives on without the control plane that it began with; another one may not go meanwhile, and a new machine takes its place.
fn the_first_is_lost(cluster: &mut Cluster, create: &[String]) {
    cluster.lose("cp-1");
    let lost = Instant::now();
    wait_for(Duration::from_secs(20), || cluster.kubectl("cp-2", "get nodes").contains("worker-1"));
    cluster
        .refused(&words(&cluster.removal("cp-2")), "and cp-1 does not: bring it back, or take it out first");
    cluster.refused(
        &words(&cluster.playbook("upgrade-cluster.yml", &["-e", "kubernetes_version=1.34.2"])),
        "cp-1 does not work as a control plane",
    );
    wait_for(Duration::from_secs(90), || cluster.kubectl("cp-2", "get node cp-1").contains("NotReady"));
    let ill = cluster.try_run(&["k8s", "doctor", "lab"]);
    assert_ne!(ill.code, 0, "{}", ill.shown);
    for found in
        ["the etcd member of cp-1 does not answer", "cp-1 is not ready", "cp-1 could not be examined"]
    {
        assert!(ill.shown.contains(&format!("GRAVE: {found}")), "{found}: {}", ill.shown);
    }
    assert!(lost.elapsed() < Duration::from_secs(300), "the dead are waited for: {:?}", lost.elapsed());
    cluster.run(&["k8s", "kubeconfig", "lab"]);
    let kubeconfig = std::fs::read_to_string(cluster.kubeconfig()).unwrap();
    assert!(kubeconfig.contains("current-context: lab"), "{kubeconfig}");

    cluster.bring_back();
    cluster.run(&words(create));
    assert_eq!(cluster.members("cp-2"), ["cp-1", "cp-2", "cp-3"]);
    let nodes = cluster.kubectl("cp-1", "get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), MACHINES.len(), "{nodes}");
    let again = cluster.run(&words(create));
    assert!(MACHINES.iter().all(|machine| again.recap(machine).contains("changed=0")), "{}", again.shown);
}

/// A removal ends where it is killed, and another one finishes it; the machine is clean then and can join again.
fn a_removal_that_was_cut_off_is_finished(cluster: &Cluster, create: &[String]) {
    let mut removal = cluster
        .command(&words(&cluster.removal("cp-1")))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let shown = BufReader::new(removal.stdout.take().unwrap());
    let reached = shown.lines().any(|line| line.unwrap().contains("Take Kubernetes off its machine"));
    removal.kill().unwrap();
    removal.wait().unwrap();
    assert!(reached);
    assert_eq!(cluster.members("cp-2"), ["cp-2", "cp-3"]);
    let half = cluster.kubectl("cp-2", "get nodes");
    assert!(half.contains("cp-1"), "{half}");
    let finished = cluster.run(&words(&cluster.removal("cp-1")));
    assert!(!cluster.kubectl("cp-2", "get nodes").contains("cp-1"), "{}", finished.shown);
    let left = cluster.shell(
        "cp-1",
        "ls -A /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd | grep -v : || true",
    );
    assert_eq!(left.trim(), "", "{left}");
    let nothing = cluster.run(&words(&cluster.removal("cp-1")));
    assert!(
        MACHINES.iter().all(|machine| !nothing.shown.contains(&format!("changed: [{machine}]"))),
        "{}",
        nothing.shown
    );
    cluster.refused(
        &["k8s", "replace-control-plane", "lab", "cp-9", "--yes"],
        "cp-9 is none of the control planes",
    );
    cluster.run(&words(create));
    assert_eq!(cluster.members("cp-3"), ["cp-1", "cp-2", "cp-3"]);
    cluster.run(&["k8s", "replace-control-plane", "lab", "cp-2", "--yes"]);
    assert_eq!(cluster.members("cp-1"), ["cp-1", "cp-2", "cp-3"]);
    let nodes = cluster.kubectl("cp-1", "get nodes --no-headers");
    assert_eq!(nodes.matches(" Ready ").count(), MACHINES.len(), "{nodes}");
}

fn wait_for(time: Duration, mut ask: impl FnMut() -> bool) {
    let deadline = Instant::now() + time;
    while !ask() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(300));
    }
}
