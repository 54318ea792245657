//! `clouder autoscaler`, asked by a client that is Google's.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use clouder_tests::wait;
use serde_json::{Value, json};

use crate::cluster::Cluster as _;
use crate::lab::Lab;

/// How long a pool may take to become what it should be.
const PATIENCE: Duration = Duration::from_secs(240);

/// A client of the provider.
struct Client {
    program: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn new(address: &str, folder: &Path) -> Self {
        let mut program = Command::new(python())
            .arg(source("client.py"))
            .arg(address)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = program.stdin.take().unwrap();
        let output = BufReader::new(program.stdout.take().unwrap());
        Self { program, input, output }
    }

    fn ask(&mut self, method: &str, message: &Value) -> Value {
        writeln!(self.input, "{}", json!([method, message])).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn answer(&mut self, method: &str, message: &Value) -> Value {
        let told = self.ask(method, message);
        assert!(told["answer"].is_object(), "{method}: {told}");
        told["answer"].clone()
    }
}

/// Ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("autoscaler").join(name)
}

/// Python with Google's gRPC.
fn python() -> PathBuf {
    let requirements = std::fs::read_to_string(source("requirements.txt")).unwrap();
    clouder_fleet::python(&clouder_tests::target().join("python-grpc"), &requirements).unwrap()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and certificates of it for both sides, as the documentation says to make them.
fn certificates(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let script = r#"
        set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=autoscaler -keyout ca.key -out ca.crt
        for side in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$side -keyout $side.key -out $side.csr
            echo "subjectAltName=DNS:localhost" >$side.ext
            openssl x509 -req -in $side.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $side.ext -out $side.crt
        done
    "#;
    run(Command::new("sh").args(["-c", script]).current_dir(folder));
}

/// The pool of workers grows by one and loses the machine that is named, and nothing that may not be is done.
pub(super) fn a_pool_grows_and_shrinks(lab: &Lab) {
    let name = lab.name();
    let folder = lab.path("autoscaler");
    certificates(&folder);
    lab.k8s(&["update-nodepool", name, "workers", "--min", "1", "--max", "2"]);
    let log = lab.path("autoscaler.log");
    let file = |name: &str| folder.join(name).display().to_string();
    let server = lab
        .program()
        .args(["autoscaler", name, "--listen", "127.0.0.1:0", "--certificate", &file("server.crt")])
        .args(["--key", &file("server.key"), "--clients", &file("ca.crt")])
        .stdout(std::fs::File::create(&log).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let _server = Ended(server);
    let address = wait("the autoscaler answers", PATIENCE, || {
        let shown = std::fs::read_to_string(&log).unwrap();
        shown.lines().find_map(|line| line.strip_prefix("answering at 127.0.0.1:").map(str::to_owned))
    });
    let mut client = Client::new(&format!("localhost:{address}"), &folder);

    let groups = client.answer("NodeGroups", &json!({}))["groups"].clone();
    assert_eq!(
        (groups[0]["id"].as_str(), groups.as_array().unwrap().len()),
        (Some("workers"), 1),
        "{groups}"
    );
    assert_eq!((groups[0]["min_size"].as_i64(), groups[0]["max_size"].as_i64()), (Some(1), Some(2)));
    assert_eq!(client.answer("NodeGroupTargetSize", &json!({"id": "workers"})), json!({"size": 1}));
    let label = client.answer("GPULabel", &json!({}));
    assert_eq!(label, json!({"label": "clouder.io/xpu"}));
    assert!(client.answer("GetAvailableGPUTypes", &json!({}))["types"]["gpu-cuda"].is_object());
    client.answer("Refresh", &json!({}));
    let template = client.answer("NodeGroupTemplateNodeInfo", &json!({"id": "workers"}));
    assert!(template["node"].as_str().is_some_and(|node| node.len() > 100), "{template}");
    for (method, message, code) in [
        ("PricingNodePrice", json!({}), "UNIMPLEMENTED"),
        ("NodeGroupGetOptions", json!({"id": "workers"}), "UNIMPLEMENTED"),
        ("NodeGroupTargetSize", json!({"id": "nobody"}), "NOT_FOUND"),
        ("NodeGroupIncreaseSize", json!({"id": "workers", "delta": 0}), "INVALID_ARGUMENT"),
        ("NodeGroupIncreaseSize", json!({"id": "workers", "delta": 2}), "FAILED_PRECONDITION"),
        ("NodeGroupDecreaseTargetSize", json!({"id": "workers", "delta": -1}), "FAILED_PRECONDITION"),
    ] {
        assert_eq!(client.ask(method, &message)["refused"], code, "{method}");
    }

    // The id of a machine is what its node says of itself.
    let of = |node: &str| {
        lab.kubectl(&format!("get node {node} -o jsonpath={{.spec.providerID}}")).trim().to_owned()
    };
    let old = format!("{name}-worker-1");
    let id = of(&old);
    let there = client.answer("NodeGroupNodes", &json!({"id": "workers"}))["instances"].clone();
    assert_eq!(there, json!([{"id": id, "status": {"state": 1}}]));
    let node = json!({"node": {"provider_id": id, "name": old, "labels": {"clouder.io/pool": "workers"}}});
    assert_eq!(client.answer("NodeGroupForNode", &node)["group"]["id"], "workers");
    let plane = json!({"node": {"provider_id": id, "labels": {"clouder.io/pool": "cp"}}});
    assert_eq!(client.answer("NodeGroupForNode", &plane), json!({"group": {}}));

    let new = format!("{name}-worker-2");
    client.answer("NodeGroupIncreaseSize", &json!({"id": "workers", "delta": 1}));
    assert_eq!(client.answer("NodeGroupTargetSize", &json!({"id": "workers"})), json!({"size": 2}));
    wait("the new machine is a node", PATIENCE, || {
        lab.kubectl("get nodes --no-headers")
            .lines()
            .any(|line| line.starts_with(&new) && line.contains(" Ready "))
            .then_some(())
    });
    let recap = wait("the playbook has ended", PATIENCE, || {
        let shown = std::fs::read_to_string(&log).unwrap();
        shown.lines().find(|line| line.starts_with(&old) && line.contains(" : ok=")).map(str::to_owned)
    });
    assert!(recap.contains("changed=0"), "the machine that was there was worked on: {recap}");

    // The first machine goes, not the newest.
    let nodes = json!({"id": "workers", "nodes": [{"provider_id": of(&old)}]});
    client.answer("NodeGroupDeleteNodes", &nodes);
    assert_eq!(client.answer("NodeGroupTargetSize", &json!({"id": "workers"})), json!({"size": 1}));
    wait("the machine is gone", PATIENCE, || {
        let there = client.answer("NodeGroupNodes", &json!({"id": "workers"}))["instances"].clone();
        (there == json!([{"id": of(&new), "status": {"state": 1}}])).then_some(())
    });
    let clusters = lab.path(&format!("clusters/{name}.yml"));
    wait("nobody is leaving any more", PATIENCE, || {
        (!std::fs::read_to_string(&clusters).unwrap().contains("leaving")).then_some(())
    });
    let _ = client.program.kill();
    let _ = client.program.wait();
}
