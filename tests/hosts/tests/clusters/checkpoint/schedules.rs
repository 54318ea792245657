//! Checkpoints that a cluster makes by itself: by the scheduler and the agents as pods of this very program, with copies in a store
//! that is not ours.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clouder_tests::{cut_off, file, target, wait};
use serde_json::Value;

use super::{SECRET, archives};
use crate::machines::Machines;

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
    fn copies(&self, pod: &str) -> Vec<String> {
        let all = self.ask("names", &[]);
        let names = all.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        names.filter(|name| name.starts_with(&format!("kept/lab/default/steady/{pod}/counter/"))).collect()
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
pub(super) fn it_is_scheduled(cluster: &Machines, node: &str) {
    let bucket = Bucket::start(&cluster.gateway());
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
         access_key_id: key, secret_access_key: {SECRET}}}}}\nkubernetes_cluster_name: lab\n",
        bucket.origin
    );
    let ((_one, schedule), (_two, stores)) = (file(&schedule), file(&stores));
    let stores = format!("@{stores}");
    let apply = ["schedules", "apply", "lab", &schedule, "-e", &stores];
    let words = [&["k8s"], &apply[..]].concat();
    cut_off(&mut cluster.command(&words), "TASK [checkpoint-scheduler : Import the archive");
    let applied = cluster.k8s(&apply);
    assert!(!applied.shown.contains(SECRET), "{}", applied.shown);
    let again = cluster.k8s(&apply);
    for machine in ["cp-1", "worker-1", "worker-2"] {
        assert!(again.recap(machine).contains("changed=0"), "{}", again.shown);
    }

    let copies =
        wait("there are two copies", PATIENCE, || Some(bucket.copies("counter")).filter(|all| all.len() > 1));
    let tars = || archives(cluster, node).into_iter().filter(|name| name.ends_with(".tar")).count();
    wait("the older archive is gone", PATIENCE, || (tars() == 1).then_some(()));
    let folder = tempfile::tempdir().unwrap();
    let opened = folder.path().join("archive.tar").display().to_string();
    bucket.ask("read", &[&copies[0], key["secret"].as_str().unwrap(), &opened]);
    let listed = Command::new("tar").args(["-tf", &opened]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("checkpoint/pages-1.img") && listed.contains("spec.dump"), "{listed}");

    let shown = cluster.k8s(&["schedules", "ls", "lab", "--as", "json"]).shown;
    let (_, told) = shown.split_once("\n[\n").unwrap();
    let told = format!("[{told}");
    let told = serde_json::Deserializer::from_str(&told).into_iter::<Value>().next().unwrap().unwrap();
    assert_eq!((&told[0]["schedule"], &told[0]["failed"]), (&"default/steady".into(), &0.into()), "{shown}");
    assert!(told[0]["copied"].as_u64() > Some(0), "{shown}");

    cluster.k8s_refuses(&["schedules", "delete", "lab", "stead"], "there is no schedule default/stead");
    cluster.k8s(&["schedules", "delete", "lab", "steady"]);
    assert!(!cluster.kubectl("get checkpointschedules --all-namespaces -o name").contains("steady"));
    a_node_that_comes_later_gets_the_image(cluster);
}

/// No registry has it: it comes from another node.
fn a_node_that_comes_later_gets_the_image(cluster: &Machines) {
    let image = || {
        let all = cluster.shell("worker-1", "ctr -n k8s.io images ls -q");
        all.lines().find(|name| name.starts_with("localhost/clouder:")).map(str::to_owned)
    };
    let name = image().unwrap();
    cluster.shell("worker-1", &format!("ctr -n k8s.io images rm {name}"));
    assert_eq!(image(), None);
    let share = ["playbooks/share-images.yml", "-e", "images_leader=cp-1"];
    let shared = cluster.play(&share);
    assert_eq!(image().as_deref(), Some(&*name), "{}", shared.shown);
    cluster.leaves_alone(&share);
    for machine in ["cp-1", "worker-1", "worker-2"] {
        let left = cluster.machine(machine).exec("ls /var/lib/shared-images.tar").unwrap();
        assert_ne!(left.code, 0, "{machine}");
    }
}
