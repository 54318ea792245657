//! Checkpoints that a cluster makes by itself: by the scheduler and the agents as pods of this very program, with copies in a store
//! that is not ours.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clouder_tests::{file, target, wait};
use serde_json::Value;

use super::{SECRET, archives};
use crate::cluster::Cluster as _;
use crate::lab::Lab;

/// How long two runs may take that are due every minute.
const PATIENCE: Duration = Duration::from_secs(240);

/// S3, which moto stands in for; ended when this is dropped.
struct Bucket {
    server: Child,
    origin: String,
    python: PathBuf,
}

impl Bucket {
    fn start(address: &str) -> Self {
        let folder = target().join("python-stores");
        let requirements = std::fs::read_to_string(source("requirements.txt")).unwrap();
        let python = clouder_fleet::python(&folder, &requirements).unwrap();
        let free = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap();
        let mut server = Command::new(&python);
        server.args(["-m", "moto.server", "--host", address, "--port", &free.port().to_string()]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bucket = Self { server, origin: format!("http://{free}"), python };
        wait("the store listens", PATIENCE, || TcpStream::connect(free).ok());
        bucket.ask("make", &[]);
        bucket
    }

    fn ask(&self, command: &str, words: &[&str]) -> Value {
        self.tool(&[&[command, "s3", &self.origin], words].concat())
    }

    fn tool(&self, words: &[&str]) -> Value {
        let output =
            Command::new(&self.python).arg("-B").arg(source("tool.py")).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The copies of a pod's container, the oldest first.
    fn copies(&self, cluster: &str, pod: &str) -> Vec<String> {
        let all = self.ask("names", &[]);
        let names = all.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        names
            .filter(|name| name.starts_with(&format!("kept/{cluster}/default/steady/{pod}/counter/")))
            .collect()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What the tests of stores have.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engine/checkpoint/tests/stores").join(name)
}

/// The pod `counter` is checkpointed each minute, copies are kept, and archives are not kept for ever.
pub(super) fn it_is_scheduled(lab: &Lab, node: &str) {
    let bucket = Bucket::start(&lab.gateway());
    let key = bucket.tool(&["keys"]);
    let schedule = format!(
        "apiVersion: clouder.io/v1
kind: CheckpointSchedule
metadata: {{name: steady}}
spec:
  cron: '* * * * *'
  selector: {{matchLabels: {{app: counter}}}}
  retention: {{count: 1}}
  copy: {{store: offsite, recipients: [{}], expire: 30d}}
",
        key["public"].as_str().unwrap()
    );
    let stores = format!(
        "checkpoint_stores: {{offsite: {{kind: s3, bucket: backups, prefix: kept, endpoint: '{}', insecure: true, \
         access_key_id: key, secret_access_key: {SECRET}}}}}\n",
        bucket.origin
    );
    let ((_one, schedule), (_two, stores)) = (file(&schedule), file(&stores));
    let stores = format!("@{stores}");
    let apply = ["schedules", "apply", lab.name(), &schedule, "-e", &stores];
    lab.cut_off(&apply, "TASK [checkpoint-scheduler : Import the archive");
    let applied = lab.k8s(&apply);
    assert!(!applied.shown.contains(SECRET), "{}", applied.shown);
    let again = lab.k8s(&apply);
    assert!(again.left_alone(&[]), "{}", again.shown);

    let copies = wait("there are two copies", PATIENCE, || {
        Some(bucket.copies(lab.name(), "counter")).filter(|all| all.len() > 1)
    });
    let tars = || archives(lab, node).into_iter().filter(|name| name.ends_with(".tar")).count();
    wait("the older archive is gone", PATIENCE, || (tars() == 1).then_some(()));
    let folder = tempfile::tempdir().unwrap();
    let opened = folder.path().join("archive.tar").display().to_string();
    bucket.ask("read", &[&copies[0], key["secret"].as_str().unwrap(), &opened]);
    let listed = Command::new("tar").args(["-tf", &opened]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("checkpoint/pages-1.img") && listed.contains("spec.dump"), "{listed}");

    let shown = lab.k8s(&["schedules", "ls", lab.name(), "--as", "json"]).shown;
    let (_, told) = shown.split_once("\n[\n").unwrap();
    let told = format!("[{told}");
    let told = serde_json::Deserializer::from_str(&told).into_iter::<Value>().next().unwrap().unwrap();
    assert_eq!((&told[0]["schedule"], &told[0]["failed"]), (&"default/steady".into(), &0.into()), "{shown}");
    assert!(told[0]["copied"].as_u64() > Some(0), "{shown}");

    lab.k8s_refuses(&["schedules", "delete", lab.name(), "stead"], "there is no schedule default/stead");
    lab.k8s(&["schedules", "delete", lab.name(), "steady"]);
    assert!(!lab.kubectl("get checkpointschedules --all-namespaces -o name").contains("steady"));
    a_node_that_comes_later_gets_the_image(lab);
}

/// No registry has it: it comes from another node.
fn a_node_that_comes_later_gets_the_image(lab: &Lab) {
    let image = || {
        let all = lab.shell("worker-1", "ctr -n k8s.io images ls -q");
        all.lines().find(|name| name.starts_with("localhost/clouder:")).map(str::to_owned)
    };
    let name = image().unwrap();
    lab.shell("worker-1", &format!("ctr -n k8s.io images rm {name}"));
    assert_eq!(image(), None);
    let share = ["playbooks/share-images.yml", "-e", &format!("images_leader={}", lab.node("cp-1"))];
    let shared = lab.play(&share);
    assert_eq!(image().as_deref(), Some(&*name), "{}", shared.shown);
    lab.leaves_alone(&share);
    for machine in ["cp-1", "worker-1", "worker-2"] {
        let left = lab.exec(machine, "ls /var/lib/shared-images.tar");
        assert_ne!(left.code, 0, "{machine}");
    }
}
