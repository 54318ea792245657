//! The kubelet's certificates: one to speak to the API server with, one to be spoken to.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::client::Client;
use crate::failure::{Context as _, Result, refuse};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::pki::{self, Pair, Subject, YEAR};
use crate::{files, yaml};

const FOLDER: &str = "/var/lib/kubelet/pki";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/// How long before its end a certificate is renewed.
const EARLY: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long an approval of the client's certificate is waited for.
const APPROVAL: Duration = Duration::from_secs(20);

/// Gets a client certificate with a bootstrap token, and writes the kubelet's kubeconfig with it.
pub(super) fn bootstrap(config: &Kubeconfig, node: &str, kubeconfig: &Path) -> Result<()> {
    let client = Client::new(config.clone(), PATIENCE);
    let user = format!("system:node:{node}");
    let (request, key) =
        pki::request(&Subject { name: &user, group: Some("system:nodes"), names: Vec::new() })?;
    let made = client.create(
        REQUESTS,
        &document("node-csr-", "kubernetes.io/kube-apiserver-client-kubelet", &request, "client auth"),
    )?;
    let name = made["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let deadline = Instant::now() + APPROVAL;
    while Instant::now() < deadline {
        if let Some(certificate) = certificate(&client.get(&format!("{REQUESTS}/{name}"))?)? {
            let file = keep("kubelet-client", &Pair { certificate, key })?;
            return write(config, &user, &file, kubeconfig);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    refuse!("timed out waiting for the certificate request {name} to be approved");
}

/// A kubeconfig that names the certificate's file, which is renewed under the same name.
fn write(config: &Kubeconfig, user: &str, file: &Path, kubeconfig: &Path) -> Result<()> {
    let mut value = Kubeconfig { credentials: Credentials::Anonymous, ..config.clone() }
        .to_value("default-cluster", user);
    value["users"][0]["user"] = json!({"client-certificate": file, "client-key": file});
    files::write(kubeconfig, &yaml::write(&value)?, 0o600)
}

/// Keeps a serving certificate that somebody approved; asks for one when there is none.
pub(super) fn serving(client: &Client, node: &str, address: &str) -> Result<()> {
    let current = Path::new(FOLDER).join("kubelet-server-current.pem");
    if std::fs::read_to_string(&current).is_ok_and(|text| pki::lasts(&text, EARLY)) {
        return Ok(());
    }
    // The key of a request that is under way: on disk, so that it outlives the kubelet.
    let waiting = Path::new(FOLDER).join("kubelet-server-pending.json");
    if let Ok(text) = std::fs::read_to_string(&waiting) {
        let pending: Value = serde_json::from_str(&text).unwrap_or_default();
        let text = |key: &str| pending[key].as_str().unwrap_or_default().to_owned();
        match client.get(&format!("{REQUESTS}/{}", text("name"))) {
            Ok(request) => {
                if let Some(certificate) = certificate(&request)? {
                    keep("kubelet-server", &Pair { certificate, key: text("key") })?;
                    return std::fs::remove_file(&waiting).doing("pki");
                }
                return Ok(());
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let user = format!("system:node:{node}");
    let subject = Subject {
        name: &user,
        group: Some("system:nodes"),
        names: vec![node.to_owned(), address.to_owned()],
    };
    let (request, key) = pki::request(&subject)?;
    let made = client
        .create(REQUESTS, &document("csr-", "kubernetes.io/kubelet-serving", &request, "server auth"))?;
    files::write(&waiting, &json!({"name": made["metadata"]["name"], "key": key}).to_string(), 0o600)
}

/// Keeps a serving certificate that the kubelet signed itself.
pub(super) fn own(node: &str, address: &str) -> Result<()> {
    let folder = Path::new(FOLDER);
    if folder.join("kubelet.crt").exists() {
        return Ok(());
    }
    let authority = Pair::authority(&format!("{node}-ca"), YEAR)?;
    authority
        .issue(&Subject { name: node, group: None, names: vec![node.to_owned(), address.to_owned()] }, YEAR)?
        .write(folder, "kubelet")
}

/// The certificate that the kubelet shows, with its key: the one that was approved, else its own.
pub(super) fn shown() -> Result<Pair> {
    let current = Path::new(FOLDER).join("kubelet-server-current.pem");
    match std::fs::read_to_string(&current) {
        // One file has both, and each is found in it.
        Ok(text) => Ok(Pair { certificate: text.clone(), key: text }),
        Err(_) => Pair::read(Path::new(FOLDER), "kubelet"),
    }
}

fn document(prefix: &str, signer: &str, request: &str, usage: &str) -> Value {
    json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"generateName": prefix},
        "spec": {"request": BASE64.encode(request), "signerName": signer, "usages": ["digital signature", usage]},
    })
}

fn certificate(request: &Value) -> Result<Option<String>> {
    let conditions = request["status"]["conditions"].as_array().into_iter().flatten();
    if conditions.clone().any(|condition| condition["type"] == "Denied") {
        refuse!("certificate signing request is denied: {}", request["metadata"]["name"]);
    }
    let Some(encoded) = request["status"]["certificate"].as_str() else { return Ok(None) };
    let bytes = BASE64.decode(encoded).doing("certificate")?;
    String::from_utf8(bytes).doing("certificate").map(Some)
}

/// Writes a certificate with its key, and makes it the current one.
fn keep(name: &str, pair: &Pair) -> Result<PathBuf> {
    let stamp =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let file = Path::new(FOLDER).join(format!("{name}-{stamp}.pem"));
    files::write(&file, &format!("{}{}", pair.certificate, pair.key), 0o600)?;
    let current = Path::new(FOLDER).join(format!("{name}-current.pem"));
    let beside = current.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    symlink(&file, &beside).doing("pki")?;
    std::fs::rename(&beside, &current).doing("pki")?;
    Ok(current)
}
