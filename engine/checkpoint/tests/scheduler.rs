//! Scheduler and agent against an API server and a kubelet, over TLS: small ones, which keep objects as the real ones do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clouder_checkpoint::cluster::{Access, Cluster};
use clouder_checkpoint::scheduler::{Log, Stop};
use clouder_checkpoint::{agent, scheduler};
use jiff::{Timestamp, ToSpan as _};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

const TOKEN: &str = "token-of-a-service-account";
const SCHEDULES: &str = "/apis/clouder.io/v1/namespaces/shop/checkpointschedules";

/// What answers as API server and as kubelet.
struct Server {
    port: u16,
    folder: PathBuf,
    objects: Mutex<BTreeMap<String, Value>>,
    /// What was asked of the kubelet.
    checkpoints: Mutex<Vec<String>>,
}

/// An authority, and the certificate of a server at 127.0.0.1 that it has signed.
fn certificates() -> (String, Arc<ServerConfig>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let shown =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der()));
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions();
    let config =
        builder.unwrap().with_no_client_auth().with_single_cert(vec![shown.der().clone()], key).unwrap();
    (authority.pem(), Arc::new(config))
}

/// JSON merge patch.
fn merge(live: &mut Value, wanted: &Value) {
    let Value::Object(wanted) = wanted else {
        *live = wanted.clone();
        return;
    };
    if !live.is_object() {
        *live = json!({});
    }
    for (key, value) in wanted {
        match value {
            Value::Null => drop(live.as_object_mut().unwrap().remove(key)),
            value => merge(&mut live[key], value),
        }
    }
}

impl Server {
    fn start(folder: &Path) -> (Arc<Self>, String) {
        let (authority, config) = certificates();
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Arc::new(Self {
            port,
            folder: folder.to_owned(),
            objects: Mutex::default(),
            checkpoints: Mutex::default(),
        });
        let own = Arc::clone(&server);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (own, config) = (Arc::clone(&own), Arc::clone(&config));
                std::thread::spawn(move || own.serve(stream, config));
            }
        });
        (server, authority)
    }

    /// One exchange. Who does not trust the certificate says nothing.
    fn serve(&self, stream: TcpStream, config: Arc<ServerConfig>) -> Option<()> {
        let mut stream = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
        let mut text = Vec::new();
        let (head, mut body) = loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            text.extend_from_slice(&buffer[..count]);
            if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                break (
                    String::from_utf8(text[..end].to_vec()).ok()?.to_lowercase(),
                    text[end + 4..].to_vec(),
                );
            }
        };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let length = header("content-length").map_or(0, |text| text.parse().unwrap());
        while body.len() < length {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).ok()?;
            body.extend_from_slice(&buffer[..count]);
        }
        let allowed = header("authorization") == Some(&format!("bearer {TOKEN}"));
        let first = String::from_utf8(text).unwrap().lines().next().unwrap().to_owned();
        let mut words = first.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let (status, answer) = if allowed { self.answer(method, target, body) } else { (401, json!({})) };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(format!("{head}{answer}").as_bytes()).ok()?;
        stream.conn.send_close_notify();
        stream.flush().ok()
    }

    fn answer(&self, method: &str, target: &str, body: Value) -> (u16, Value) {
        let path = target.split('?').next().unwrap();
        if let Some(container) = path.strip_prefix("/checkpoint/") {
            return self.checkpoint(container);
        }
        let mut objects = self.objects.lock().unwrap();
        let revision = objects.len() + 1;
        let status = path.strip_suffix("/status");
        let missing = (404, json!({"message": format!("{path} not found")}));
        match method {
            "GET" if objects.contains_key(path) => (200, objects[path].clone()),
            "GET" => {
                let below = |key: &str| {
                    let all = path.replace("/apis/clouder.io/v1/", "/apis/clouder.io/v1/namespaces/shop/");
                    key.strip_prefix(&all).is_some_and(|rest| rest.starts_with('/'))
                };
                let items: Vec<&Value> =
                    objects.iter().filter(|(key, _)| below(key)).map(|(_, object)| object).collect();
                if items.is_empty() && path.contains("/leases/") {
                    missing
                } else {
                    (200, json!({"items": items}))
                }
            }
            "POST" => {
                let name = body["metadata"]["name"]
                    .as_str()
                    .map_or_else(|| format!("event-{revision}"), str::to_owned);
                let mut body = body;
                body["metadata"]["resourceVersion"] = "1".into();
                match objects.insert(format!("{path}/{name}"), body.clone()) {
                    None => (201, body),
                    Some(old) => {
                        objects.insert(format!("{path}/{name}"), old);
                        (409, json!({"message": "it is there"}))
                    }
                }
            }
            "PUT" => {
                let live = objects.get_mut(path).unwrap();
                if live["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] {
                    return (409, json!({"message": "it has changed"}));
                }
                let next = live["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() + 1;
                *live = body;
                live["metadata"]["resourceVersion"] = next.to_string().into();
                (200, live.clone())
            }
            "PATCH" => match status.and_then(|path| objects.get_mut(path)) {
                Some(live) => {
                    merge(&mut live["status"], &body["status"]);
                    (200, live.clone())
                }
                None => missing,
            },
            _ => (405, json!({})),
        }
    }

    /// What the kubelet does.
    fn checkpoint(&self, container: &str) -> (u16, Value) {
        self.checkpoints.lock().unwrap().push(container.to_owned());
        let [namespace, pod, name] = container.split('/').collect::<Vec<_>>().try_into().unwrap();
        if pod == "stuck" {
            return (500, json!("rpc error: code = Unimplemented desc = unknown method"));
        }
        let file = self.archive(namespace, pod, name, Timestamp::now());
        (200, json!({"items": [format!("/var/lib/kubelet/checkpoints/{file}")]}))
    }

    fn archive(&self, namespace: &str, pod: &str, container: &str, time: Timestamp) -> String {
        let file =
            format!("checkpoint-{pod}_{namespace}-{container}-{}.tar", time.strftime("%Y-%m-%dT%H:%M:%SZ"));
        fs::write(self.folder.join(&file), "memory").unwrap();
        file
    }

    fn put(&self, path: &str, object: Value) {
        self.objects.lock().unwrap().insert(path.to_owned(), object);
    }

    fn node(&self, name: &str, address: &str) {
        let status = json!({
            "addresses": [{"type": "InternalIP", "address": address}], "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
        });
        self.put(&format!("/api/v1/nodes/{name}"), json!({"metadata": {"name": name}, "status": status}));
    }

    fn pod(&self, name: &str, node: &str) {
        let spec = json!({"nodeName": node, "containers": [{"name": "app"}]});
        let pod = json!({"metadata": {"name": name}, "spec": spec, "status": {"phase": "Running"}});
        self.put(&format!("/api/v1/namespaces/shop/pods/{name}"), pod);
    }

    fn schedule(&self, name: &str, spec: &Value, status: &Value) {
        // So late that runs were missed.
        let created =
            Timestamp::now().checked_sub(10.minutes()).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let metadata = json!({"name": name, "namespace": "shop", "uid": name, "generation": 1, "creationTimestamp": created});
        self.put(
            &format!("{SCHEDULES}/{name}"),
            json!({"metadata": metadata, "spec": spec, "status": status}),
        );
    }

    fn status(&self, name: &str) -> Value {
        self.objects.lock().unwrap()[&format!("{SCHEDULES}/{name}")]["status"].clone()
    }

    /// Waits until something is so.
    fn wait(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let status = self.status(name);
            if is_so(&status) {
                return status;
            }
            assert!(begin.elapsed() < Duration::from_secs(120), "{name}: {status:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_schedule_is_followed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("archives");
    fs::create_dir(&folder).unwrap();
    let (server, authority) = Server::start(&folder);
    let write = |name: &str, text: &str| {
        fs::write(temporary.path().join(name), text).unwrap();
        temporary.path().join(name)
    };
    let access = Access {
        server: Some(format!("https://127.0.0.1:{}", server.port)),
        token: write("token", &format!("{TOKEN}\n")),
        authority: write("ca.crt", &authority),
    };
    server.node("a", "127.0.0.1");
    // A kubelet that shows a certificate for another address.
    server.node("b", "127.0.0.2");
    server.pod("web", "a");
    server.pod("stuck", "a");
    server.pod("far", "b");
    let spec = |cron: &str| {
        json!({
            "cron": cron, "selector": {"matchLabels": {"app": "web"}}, "containers": ["app"], "retention": {"count": 2},
        })
    };
    // Archives of earlier runs that no agent has seen yet.
    let old = [3, 2].map(|hours| {
        server.archive("shop", "web", "app", Timestamp::now().checked_sub(hours.hours()).unwrap())
    });
    let by_hand = server.archive("shop", "db", "app", Timestamp::now());
    let waiting: BTreeMap<&String, Value> =
        old.iter().map(|file| (file, json!({"pod": "web", "container": "app"}))).collect();
    // Due within the hour that a run may be late, and not again while this test runs.
    let minute = Timestamp::now().checked_sub(2.minutes()).unwrap().strftime("%-M").to_string();
    server.schedule("nightly", &spec(&format!("{minute} * * * *")), &json!({"pending": {"a": waiting}}));
    server.schedule("wrong", &spec("61 * * * *"), &Value::Null);

    let stop = Stop::default();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log: Log = {
        let lines = Arc::clone(&lines);
        Arc::new(move |line: &str| lines.lock().unwrap().push(line.to_owned()))
    };
    let options = |holder: &str| scheduler::Options {
        namespace: "clouder".into(),
        lease: "scheduler".into(),
        holder: holder.into(),
        cluster: "lab".into(),
        stores: None,
    };
    let mut threads = Vec::new();
    for holder in ["one", "two"] {
        let (cluster, options) = (Cluster::new(&access).unwrap(), options(holder));
        let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
        threads.push(std::thread::spawn(move || scheduler::run(cluster, options, log, &stop)));
    }
    let options =
        agent::Options { node: "a".into(), folder: folder.clone(), cluster: "lab".into(), stores: None };
    let (cluster, own_log, own_stop) = (Cluster::new(&access).unwrap(), Arc::clone(&log), Arc::clone(&stop));
    threads.push(std::thread::spawn(move || agent::run(cluster, options, own_log, &own_stop)));

    // One checkpoint is made, one the runtime cannot make, and one kubelet is not whom it should be.
    let status = server.wait("nightly", |status| status["lastRun"]["ended"].is_string());
    assert_eq!(
        (&status["lastRun"]["checkpoints"], &status["lastRun"]["failed"]),
        (&json!(1), &json!(2)),
        "{status:#}"
    );
    let failures = status["lastRun"]["failures"].to_string();
    assert!(failures.contains("the node's container runtime makes no checkpoints"), "{failures}");
    assert!(
        failures.contains("the kubelet at 127.0.0.2") && failures.contains("cannot be asked"),
        "{failures}"
    );
    assert_eq!(status["conditions"][0]["status"], "True");
    assert!(status["nextRunTime"].as_str().unwrap().parse::<Timestamp>().unwrap() > Timestamp::now());

    // The agent takes charge of all three, and keeps two.
    let status = server.wait("nightly", |status| {
        status["nodes"]["a"]["archives"] == 2 && status["pending"]["a"] == json!({})
    });
    assert_eq!(status["nodes"]["a"]["bytes"], 12);
    assert!(
        !folder.join(&old[0]).exists() && folder.join(&old[1]).exists() && folder.join(&by_hand).exists()
    );

    // What is wrong is told of, and nothing more is done.
    let status = server.wait("wrong", |status| status["conditions"][0]["status"] == "False");
    assert!(status["conditions"][0]["message"].as_str().unwrap().contains("61"), "{status:#}");
    let events: Vec<Value> = server
        .objects
        .lock()
        .unwrap()
        .iter()
        .filter(|(key, _)| key.contains("/events/"))
        .map(|(_, event)| event.clone())
        .collect();
    let reasons: Vec<&str> = events.iter().filter_map(|event| event["reason"].as_str()).collect();
    assert!(reasons.contains(&"Invalid") && reasons.contains(&"Failed"), "{reasons:?}");

    // Of two schedulers one has asked, each kubelet once; it holds the lease until it ends.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(server.checkpoints.lock().unwrap().len(), 2, "the third kubelet was not spoken to");
    let lease = || {
        server.objects.lock().unwrap()["/apis/coordination.k8s.io/v1/namespaces/clouder/leases/scheduler"]["spec"].clone()
    };
    assert!(["one", "two"].contains(&lease()["holderIdentity"].as_str().unwrap()));
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap().unwrap();
    }
    assert_eq!(lease()["holderIdentity"], "");
    let told = lines.lock().unwrap().join("\n");
    assert!(!told.contains(TOKEN), "{told}");
}
