//! kube-apiserver, with the controllers that the rest of a control plane would be.
//!
//! Real certificates and tokens say who asks; what is kept, is kept in the etcd that the flags name.

mod answer;
mod apply;
mod authentication;
mod authorization;
mod controllers;
mod objects;
mod pods;
mod rbac;
mod reviews;
mod selector;
mod store;
mod tokens;
mod volumes;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::json;

use crate::etcd::Etcd;
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::flags::Flags;
use crate::http::{Request, Response};
use crate::pki::Pair;
use crate::version::Version;
use crate::{files, tls};

use answer::Refusal;
use authentication::User;
pub(crate) use controllers::signature;
use store::Store;
use tokens::Signer;

/// The flags that kubeadm writes into the manifest.
const FLAGS: &str = "advertise-address= allow-privileged= authorization-mode= client-ca-file= enable-admission-plugins= \
    enable-bootstrap-token-auth= etcd-cafile= etcd-certfile= etcd-keyfile= etcd-servers= kubelet-client-certificate= \
    kubelet-client-key= kubelet-preferred-address-types= proxy-client-cert-file= proxy-client-key-file= \
    requestheader-allowed-names= requestheader-client-ca-file= requestheader-extra-headers-prefix= \
    requestheader-group-headers= requestheader-username-headers= secure-port= service-account-issuer= \
    service-account-key-file= service-account-signing-key-file= service-cluster-ip-range= tls-cert-file= \
    tls-private-key-file= audit-log-path= audit-policy-file= audit-log-maxage= audit-log-maxbackup= \
    audit-log-maxsize= profiling= tls-min-version= tls-cipher-suites= encryption-provider-config= \
    feature-gates= anonymous-auth= bind-address= v= request-timeout= event-ttl= runtime-config=";

/// How long etcd may take to answer a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take when only its health is asked for.
const HEALTH: Duration = Duration::from_secs(2);
/// How often etcd is tried before it answers for the first time.
const STORAGE: Duration = Duration::from_millis(300);

/// A running server.
struct Server {
    version: Version,
    store: Arc<Store>,
    /// The same, for whoever does not want to wait.
    health: Store,
    signer: Signer,
}

/// Runs the server until it is killed.
///
/// # Errors
/// A flag it does not know, a file it cannot read, or an address it cannot listen on.
pub fn run(arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(arguments, FLAGS)?;
    let need =
        |name: &str| flags.value(name).ok_or_else(|| Failure::new(format!("--{name} must be specified")));
    let pair = |certificate: &str, key: &str| -> Result<Pair> {
        Ok(Pair {
            certificate: files::read(need(certificate)?.as_ref())?,
            key: files::read(need(key)?.as_ref())?,
        })
    };
    let authority_file = PathBuf::from(need("client-ca-file")?);
    let authority = Pair {
        certificate: files::read(&authority_file)?,
        key: files::read(&authority_file.with_extension("key"))?,
    };
    let config = tls::server(&pair("tls-cert-file", "tls-private-key-file")?, &authority.certificate)?;
    let port: u16 = flags.value("secure-port").unwrap_or("6443").parse().doing("secure-port")?;
    let etcd_authority = files::read(need("etcd-cafile")?.as_ref())?;
    let etcd_client = pair("etcd-certfile", "etcd-keyfile")?;
    let etcd_server = need("etcd-servers")?;
    let etcd = |patience| Etcd::new(etcd_server, &etcd_authority, etcd_client.clone(), patience);
    let store = Arc::new(Store::new(etcd(PATIENCE)));
    let health = store.through(etcd(HEALTH));
    // As with the real one, nobody is listened to before there is a storage: of a control plane that joins, the others' would be
    // better asked.
    while health.read().is_err() {
        std::thread::sleep(STORAGE);
    }
    let listener =
        TcpListener::bind(("0.0.0.0", port)).doing(format_args!("failed to listen on 0.0.0.0:{port}"))?;
    controllers::start(&store, authority, flags.value("service-cluster-ip-range").unwrap_or("10.96.0.0/12"));
    let signing_key = files::read(need("service-account-signing-key-file")?.as_ref())?;
    let signer = Signer::new(&signing_key, need("service-account-issuer")?)?;
    let server = Arc::new(Server { version: image_version()?, store, health, signer });
    for stream in listener.incoming().flatten() {
        let (server, config) = (Arc::clone(&server), Arc::clone(&config));
        std::thread::spawn(move || server.serve(stream, &config));
    }
    Ok(())
}

/// The version of the image that the server's own manifest names.
fn image_version() -> Result<Version> {
    let text = files::read("/etc/kubernetes/manifests/kube-apiserver.yaml".as_ref())?;
    let image = text.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix("image: "));
    let Some((_, tag)) = image.and_then(|image| image.trim_matches(['\'', '"']).rsplit_once(':')) else {
        refuse!("the manifest names no image")
    };
    tag.parse()
}

impl Server {
    fn serve(&self, stream: TcpStream, config: &Arc<ServerConfig>) {
        let Ok((mut stream, certificate)) = tls::accept(stream, config) else { return };
        let Ok(Some(request)) = Request::read(&mut stream) else { return };
        let response = self.answer(&request, certificate.as_deref());
        let _ = response.write(&mut stream, true);
        stream.conn.send_close_notify();
        let _ = stream.conn.complete_io(&mut stream.sock);
    }

    fn answer(&self, request: &Request, certificate: Option<&[u8]>) -> Response {
        let answered = (|| {
            let user = User::of(request, certificate, &self.store, &self.signer)?;
            authorization::check(&user, request, || self.store.read())?;
            if let Some(response) = self.about_itself(request) {
                return Ok(response);
            }
            if let Some(answer) = reviews::answer(request, &self.store, &self.signer) {
                return answer;
            }
            objects::answer(&self.store, request, &user, self.version)
        })();
        answered.unwrap_or_else(|refusal: Refusal| refusal.response())
    }

    /// Health and version.
    fn about_itself(&self, request: &Request) -> Option<Response> {
        match request.path() {
            "/readyz" | "/livez" | "/healthz" => Some(match self.health.read() {
                Ok(state) if state.get("namespaces", None, "kube-system").is_some() => {
                    Response::new(200, "text/plain", "ok")
                }
                Ok(_) => Response::new(
                    500,
                    "text/plain",
                    "[-]poststarthook/start-system-namespaces-controller failed\n",
                ),
                Err(failure) => {
                    let checks = format!("[+]ping ok\n[-]etcd failed: {failure}\nreadyz check failed\n");
                    Response::new(500, "text/plain", checks)
                }
            }),
            "/version" => {
                let version = json!({"major": "1", "minor": self.version.minor.to_string(), "gitVersion": format!("v{}", self.version), "platform": "linux/amd64"});
                Some(Response::new(200, "application/json", version.to_string()))
            }
            _ => None,
        }
    }
}

/// How often controllers look.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);
