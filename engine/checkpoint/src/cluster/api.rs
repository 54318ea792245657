//! Asking the API server, and kubelets, as the service account of a pod.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The most that is read of one answer, in bytes.
const LARGEST: u64 = 64 << 20;

/// How the cluster is reached, and as whom.
#[derive(Clone, Debug)]
pub struct Access {
    /// The origin of the API server; that of the cluster this runs in, if none is named.
    pub server: Option<String>,
    /// The file of the token. It is read again and again: the kubelet renews it.
    pub token: PathBuf,
    /// The file of the cluster's authority, which API server and kubelets are trusted by.
    pub authority: PathBuf,
}

/// Why there is no answer that is of use.
#[derive(Debug, Error)]
pub enum AskError {
    /// Something of the credentials is missing.
    #[error("{0}")]
    Access(String),
    /// There is no answer.
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    /// The answer is no.
    #[error("{message}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// What it says.
        message: String,
    },
}

impl AskError {
    /// Whether the answer had this status.
    #[must_use]
    pub fn is(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }
}

/// A connection to everything in a cluster that speaks HTTP and is known by its authority.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    agent: Agent,
    server: String,
    token: PathBuf,
}

impl Api {
    pub(crate) fn new(access: &Access) -> Result<Self, AskError> {
        let server = match &access.server {
            Some(server) => server.trim_end_matches('/').to_owned(),
            None => own_server()?,
        };
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        let agent = config.tls_config(trust(&access.authority)?).build().into();
        Ok(Self { agent, server, token: access.token.clone() })
    }

    /// Asks the API server.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Value, AskError> {
        let text = self.send(method, &format!("{}{path}", self.server), body, Duration::from_secs(30))?;
        serde_json::from_str(&text).map_err(|error| AskError::Silent(self.server.clone(), error.to_string()))
    }

    /// Asks anybody in the cluster; returns what is said.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        body: Option<(&str, &Value)>,
        patience: Duration,
    ) -> Result<String, AskError> {
        let place = url.split('/').take(3).collect::<Vec<_>>().join("/");
        let silent = |why: &dyn std::fmt::Display| AskError::Silent(place.clone(), why.to_string());
        let token = read(&self.token)?;
        let mut request = Request::builder().method(method).uri(url);
        request = request.header("authorization", format!("Bearer {}", token.trim()));
        let mut sent = Vec::new();
        if let Some((kind, value)) = body {
            request = request.header("content-type", kind);
            sent = value.to_string().into_bytes();
        }
        let request = request.body(sent).map_err(|error| silent(&error))?;
        let request = self.agent.configure_request(request).timeout_global(Some(patience)).build();
        let mut answer = self.agent.run(request).map_err(|error| silent(&error))?;
        let text = answer.body_mut().with_config().limit(LARGEST).lossy_utf8(true).read_to_string();
        let text = text.map_err(|error| silent(&error))?;
        let status = answer.status().as_u16();
        if status < 300 {
            return Ok(text);
        }
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        let message = said["message"].as_str().unwrap_or_else(|| text.trim()).chars().take(500).collect();
        Err(AskError::Refused { status, message })
    }
}

/// The API server of the cluster that this runs in.
fn own_server() -> Result<String, AskError> {
    let told = |name: &str| {
        let missing =
            |_| AskError::Access(format!("{name} is not set: this runs in a pod, or is told its server"));
        std::env::var(name).map_err(missing)
    };
    let (host, port) = (told("KUBERNETES_SERVICE_HOST")?, told("KUBERNETES_SERVICE_PORT")?);
    Ok(if host.contains(':') { format!("https://[{host}]:{port}") } else { format!("https://{host}:{port}") })
}

fn read(path: &Path) -> Result<String, AskError> {
    fs::read_to_string(path)
        .map_err(|error| AskError::Access(format!("cannot read {}: {error}", path.display())))
}

/// Nobody is trusted but who the cluster's authority has signed.
fn trust(authority: &Path) -> Result<TlsConfig, AskError> {
    let text = read(authority)?;
    let certificates = certificates(&text);
    if certificates.is_empty() {
        return Err(AskError::Access(format!("{} has no certificate", authority.display())));
    }
    Ok(tls(&certificates))
}

/// The certificates of a text in PEM.
pub(crate) fn certificates(text: &str) -> Vec<Certificate<'static>> {
    let items = parse_pem(text.as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    items.collect()
}

/// TLS that trusts these.
pub(crate) fn tls(certificates: &[Certificate<'static>]) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
    builder.root_certs(RootCerts::new_with_certs(certificates)).build()
}
