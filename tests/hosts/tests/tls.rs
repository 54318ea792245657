//! What the agent speaks with web servers: it is built smaller than other programs with the same libraries, so each version,
//! key and curve is tried with the agent that is tested, the released one in `cargo xtask test`.

#![expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clouder_fleet::{install, missing};
use clouder_tests::clouder_alone;

const KEYS: [(&str, &[&str]); 4] = [
    ("rsa", &["-newkey", "rsa:2048"]),
    ("p256", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p384", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("ed25519", &["-newkey", "ed25519"]),
];
const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];
const CURVES: [&str; 3] = ["X25519", "P-256", "P-384"];

/// A web server that shows what was agreed on; it ends when this is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, key: &str, options: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
            .arg(folder.join(format!("{key}.crt")))
            .arg("-key")
            .arg(folder.join(format!("{key}.key")))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
        Self { address: address.unwrap(), child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_version_key_and_curve_is_spoken() {
    install(&missing(&[("openssl", "openssl")])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut certificates = String::new();
    for (name, options) in KEYS {
        let (key, certificate) =
            (folder.path().join(format!("{name}.key")), folder.path().join(format!("{name}.crt")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"])
            .args(options)
            .arg("-keyout")
            .arg(key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        certificates += &std::fs::read_to_string(certificate).unwrap();
    }
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificates).unwrap();

    let mut servers = Vec::new();
    for (key, _) in KEYS {
        for version in VERSIONS {
            for curve in CURVES {
                servers.push(Server::start(folder.path(), key, &[version, "-groups", curve]));
            }
        }
    }
    let urls = servers.iter().map(|server| format!("https://{}/", server.address)).collect::<Vec<_>>();
    let playbook = folder.path().join("play.yml");
    let text = format!(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    \
         - uri: {{url: '{{{{ item }}}}', ca_path: {trusted:?}}}\n      loop: {urls:?}\n    \
         - uri: {{url: '{{{{ item }}}}'}}\n      loop: {urls:?}\n      register: strange\n      \
         failed_when: strange is succeeded or 'certificate' not in strange.msg\n"
    );
    std::fs::write(&playbook, text).unwrap();
    let ran = clouder_alone(&["run", &playbook.display().to_string(), "-v"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert_eq!(ran.recap("localhost"), "ok=2 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0");
}
