//! What the kubelet is asked directly: to checkpoint containers. It shows its serving certificate, and lets the API server say
//! who asks and whether that is allowed.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{PATIENCE, certificates, sandboxes};
use crate::client::Client;
use crate::cri::Runtime;
use crate::failure::{Context as _, Failure, Result};
use crate::http::{Request, Response};
use crate::kubeconfig::Kubeconfig;
use crate::{files, pki, tls};

const PORT: u16 = 10250;
/// Where archives go; only root may look into it.
const FOLDER: &str = "/var/lib/kubelet/checkpoints";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// A kubelet that is asked.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) node: String,
    pub(super) endpoint: String,
    pub(super) kubeconfig: std::path::PathBuf,
    /// The kubelet's configuration of `authentication`.
    pub(super) authentication: Value,
}

/// Somebody, by name and groups.
type User = (String, Vec<String>);

/// A status, and what is said with it.
struct Refusal(u16, String);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(500, failure.message)
    }
}

impl Server {
    /// Listens, in a thread of its own.
    pub(super) fn start(self) -> Result<()> {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).doing("failed to listen and serve")?;
        let server = Arc::new(self);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || drop(server.serve(stream)));
            }
        });
        Ok(())
    }

    /// Each connection sees the certificate that there is by then.
    fn serve(&self, stream: TcpStream) -> Result<()> {
        let authority = self.authentication["x509"]["clientCAFile"].as_str().unwrap_or_default();
        let config = tls::server(&certificates::shown()?, &files::read(authority.as_ref())?)?;
        let (mut stream, certificate) = tls::accept(stream, &config)?;
        let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
        let answered = self.answer(&request, certificate.as_deref());
        let response =
            answered.unwrap_or_else(|Refusal(status, text)| Response::new(status, "text/plain", text));
        response.write(&mut stream, true)?;
        stream.conn.send_close_notify();
        stream.conn.complete_io(&mut stream.sock).map(drop).doing("close")
    }

    fn answer(
        &self,
        request: &Request,
        certificate: Option<&[u8]>,
    ) -> std::result::Result<Response, Refusal> {
        let client = Client::new(Kubeconfig::read(&self.kubeconfig)?, PATIENCE);
        let (user, groups) = who(request, certificate, &client)?;
        let path: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        let part = if path.first() == Some(&"checkpoint") { "checkpoint" } else { "proxy" };
        let verb = if request.method == "POST" { "create" } else { "get" };
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": user, "groups": groups,
                "resourceAttributes": {"verb": verb, "version": "v1", "resource": "nodes", "subresource": part, "name": self.node}},
        });
        let reviewed = client.create(ACCESS, &review).map_err(Failure::from)?;
        if reviewed["status"]["allowed"] != true {
            return Err(Refusal(
                403,
                format!("Forbidden (user={user}, verb={verb}, resource=nodes, subresource(s)=[{part}])"),
            ));
        }
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["checkpoint", namespace, pod, container]) => {
                self.checkpoint(&client, request, namespace, pod, container)
            }
            (_, ["checkpoint", _, _, _]) => Err(Refusal(405, "405: Method Not Allowed".to_owned())),
            _ => Err(Refusal(404, "404 page not found".to_owned())),
        }
    }

    fn checkpoint(
        &self,
        client: &Client,
        request: &Request,
        namespace: &str,
        pod: &str,
        container: &str,
    ) -> std::result::Result<Response, Refusal> {
        let found = match client.get(&format!("/api/v1/namespaces/{namespace}/pods/{pod}")) {
            Ok(found) if found["spec"]["nodeName"] == self.node.as_str() => found,
            Err(error) if !error.is_not_found() => return Err(Failure::from(error).into()),
            _ => return Err(Refusal(404, "pod does not exist".to_owned())),
        };
        let mut containers = found["spec"]["containers"].as_array().into_iter().flatten();
        if !containers.any(|one| one["name"] == container) {
            return Err(Refusal(404, format!("container {container} does not exist")));
        }
        let timeout = match request.parameter("timeout").map(|text| text.parse::<u64>()) {
            None | Some(Ok(0)) => None,
            Some(Ok(seconds)) => Some(Duration::from_secs(seconds)),
            Some(Err(_)) => return Err(Refusal(500, "cannot parse value of timeout parameter".to_owned())),
        };
        let failed = |failure: Failure| {
            Refusal(
                500,
                format!("checkpointing of {namespace}/{pod}/{container} failed ({})", failure.message),
            )
        };
        let location = self.write(&found, container, timeout).map_err(failed)?;
        Ok(Response::new(200, "application/json", json!({"items": [location]}).to_string()))
    }

    /// Lets the runtime write the archive; returns its path.
    fn write(&self, pod: &Value, container: &str, timeout: Option<Duration>) -> Result<String> {
        let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
        let runtime = Runtime::new(&self.endpoint);
        let id = sandboxes::container(&runtime, text("uid"), container)?;
        files::private_folder(FOLDER.as_ref())?;
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).doing("clock")?;
        let name = format!(
            "checkpoint-{}_{}-{container}-{}.tar",
            text("name"),
            text("namespace"),
            now.format(&Rfc3339).doing("clock")?
        );
        let location = Path::new(FOLDER).join(name);
        runtime.checkpoint(&id, &location, timeout)?;
        Ok(location.display().to_string())
    }
}

/// Who asks: by certificate, or by a token that the API server knows.
fn who(request: &Request, certificate: Option<&[u8]>, client: &Client) -> std::result::Result<User, Refusal> {
    let nobody = || Refusal(401, "Unauthorized".to_owned());
    if let Some(der) = certificate {
        return pki::holder(der).map_err(|_| nobody());
    }
    let token =
        request.header("authorization").and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(nobody)?;
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let reviewed = client.create(REVIEWS, &review).map_err(Failure::from)?;
    let status = &reviewed["status"];
    if status["authenticated"] != true {
        return Err(nobody());
    }
    let groups = status["user"]["groups"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok((
        status["user"]["username"].as_str().unwrap_or_default().to_owned(),
        groups.map(str::to_owned).collect(),
    ))
}
