//! Copies in stores that are not ours: moto for S3, Azurite for Azure Blob Storage, each also read by its own client; what is
//! encrypted is opened by rage.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clouder_checkpoint::archive::Origin;
use clouder_checkpoint::seal::Recipient;
use clouder_checkpoint::store::{Place, Store, StoreConfig, StoreError};
use clouder_fleet::{install, missing, succeed};
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

/// The release of Azurite that is installed.
const AZURITE: &str = "azurite@3.37.0";

/// The Python of a virtual environment with what `requirements.txt` names, made when it is not there.
fn python() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/requirements.txt");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stores");
    clouder_fleet::python(&folder, &fs::read_to_string(requirements).unwrap()).unwrap()
}

/// Azurite's program for blobs, installed when it is not there.
fn azurite() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("azurite");
    let program = folder.join("node_modules/.bin/azurite-blob");
    if !program.exists() {
        install(&missing(&[("npm", "npm")])).unwrap();
        let words =
            ["install", "--silent", "--no-audit", "--no-fund", "--prefix", folder.to_str().unwrap(), AZURITE];
        succeed("npm", &words).unwrap();
    }
    program
}

/// A server, ended with the test.
struct Server {
    program: Child,
    port: u16,
}

impl Server {
    fn start(command: &mut Command, port: u16) -> Self {
        let program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let listens = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(listens, "{command:?} does not listen");
        Self { program, port }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn tool(words: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/tool.py");
    let words = [&["-B", script.to_str().unwrap()], words].concat();
    serde_json::from_str(&succeed(python().to_str().unwrap(), &words).unwrap()).unwrap()
}

/// What holds of every store.
fn keeps_copies(kind: &str, origin: &str, config: &str) {
    let ask = |command: &str, words: &[&str]| tool(&[&[command, kind, origin], words].concat());
    ask("make", &[]);
    let config = StoreConfig::of("offsite", config).unwrap();
    let store = Store::new(&config, "lab").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let keys = [tool(&["keys"]), tool(&["keys"])];
    let recipients: Vec<Recipient> =
        keys.iter().map(|one| one["public"].as_str().unwrap().parse().unwrap()).collect();
    // Three parts, the last of them short.
    let large: Vec<u8> =
        (0..20_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let archive = folder.path().join("archive.tar");
    fs::write(&archive, &large).unwrap();
    let origin_of = |pod: &str| Origin { namespace: "shop".into(), pod: pod.into(), container: "app".into() };
    let web = origin_of("web");
    let time: Timestamp = "2026-11-27T03:00:00Z".parse().unwrap();
    let later = time.checked_add(48.hours()).unwrap();
    let place = Place { schedule: "nightly", origin: &web, time };
    let copy = || store.copy(&archive, &place, &recipients, later);

    let name = copy().unwrap();
    assert_eq!(name, "kept/lab/shop/nightly/web/app/20261127T030000Z.tar.age");
    assert_eq!(ask("names", &[]), serde_json::json!([name]));
    let opened = folder.path().join("opened");
    let read = |key: &Value| ask("read", &[&name, key["secret"].as_str().unwrap(), opened.to_str().unwrap()]);
    let first = read(&keys[0]);
    assert!(fs::read(&opened).unwrap() == large, "each recipient opens it");
    fs::remove_file(&opened).unwrap();
    read(&keys[1]);
    assert!(fs::read(&opened).unwrap() == large);
    assert_eq!(first["metadata"]["cloudercluster"], "lab");
    assert_eq!(first["metadata"]["clouderexpires"], "2026-11-29T03:00:00Z");

    // What is there is not sent again; what is different is.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(copy().unwrap(), name);
    assert_eq!(read(&keys[0])["changed"], first["changed"]);
    fs::write(&archive, b"another").unwrap();
    assert_eq!(copy().unwrap(), name);
    assert_ne!(read(&keys[0])["changed"], first["changed"]);
    assert_eq!(fs::read(&opened).unwrap(), b"another");

    // Only what is ours and over is deleted.
    let db = origin_of("db");
    let over = time.checked_add(1.hour()).unwrap();
    let old = Place { schedule: "nightly", origin: &db, time };
    let old = store.copy(&archive, &old, &recipients, over).unwrap();
    let others = [
        "kept/lab/shop/nightly/db/app/20200101T000000Z.tar.age",
        "kept/lab/notes.txt",
        "kept/lab-2/x",
        "kept.txt",
    ];
    others.iter().for_each(|other| drop(ask("put", &[other])));
    let neighbour = Store::new(&config, "lab-2").unwrap();
    let theirs = neighbour.copy(&archive, &place, &recipients, over).unwrap();
    let expired = store.expire(time.checked_add(2.hours()).unwrap()).unwrap();
    assert_eq!((expired.ours, expired.deleted.as_slice()), (2, [old.clone()].as_slice()));
    let left = ask("names", &[]);
    let left: Vec<&str> = left.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        left.contains(&name.as_str()) && left.contains(&theirs.as_str()) && !left.contains(&old.as_str()),
        "{left:?}"
    );
    assert!(others.iter().all(|other| left.contains(other)), "{left:?}");

    // An archive that is gone, and a store that says no.
    let gone = store.copy(&folder.path().join("none"), &place, &recipients, later);
    assert!(matches!(gone, Err(StoreError::Read { .. })), "{gone:?}");
}

#[test]
fn s3_keeps_copies() {
    let port = free_port();
    let mut server = Command::new(python());
    server.args(["-m", "moto.server", "--port", &port.to_string()]);
    let server = Server::start(&mut server, port);
    let origin = server.origin();
    let config = format!(
        r#"{{"kind": "s3", "bucket": "backups", "prefix": "kept", "endpoint": "{origin}", "insecure": true,
            "access_key_id": "key", "secret_access_key": "secret"}}"#
    );
    keeps_copies("s3", &origin, &config);
    let nowhere = StoreConfig::of("nowhere", &config.replace("backups", "none")).unwrap();
    let refused = Store::new(&nowhere, "lab").unwrap().expire(Timestamp::now()).unwrap_err();
    assert!(refused.to_string().contains("does not list copies"), "{refused}");
}

#[test]
fn azure_keeps_copies() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut server = Command::new(azurite());
    server
        .args(["--silent", "--skipApiVersionCheck", "--blobPort", &port.to_string(), "--location"])
        .arg(folder.path());
    let server = Server::start(&mut server, port);
    let origin = server.origin();
    let config = format!(
        r#"{{"kind": "azure", "account": "devstoreaccount1", "container": "backups", "prefix": "/kept/", "insecure": true,
            "endpoint": "{origin}/devstoreaccount1",
            "access_key": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="}}"#
    );
    keeps_copies("azure", &origin, &config);
}
