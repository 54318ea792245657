//! A client of the container runtime interface: the calls of the kubelet that make pods, run their containers and checkpoint
//! them; and of containerd's own, of containers that were made otherwise.

mod messages;
mod protobuf;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Request};
use tokio::net::UnixStream;

use crate::failure::{Context as _, Failure, Result, refuse};
pub(crate) use messages::{
    Container, ContainerConfig, ContainerState, NamespaceMode, Namespaces, PodSandbox, PodSandboxConfig,
    TaskState,
};
use protobuf::{Reader, Writer};

/// Where the runtime listens unless something else is said.
pub(crate) const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// How long a call may take unless it says so itself: containers are started by it, and images unpacked.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the runtime may take to say that it works.
const CHECK: Duration = Duration::from_secs(5);
const RUNTIME: &str = "runtime.v1.RuntimeService";
const IMAGES: &str = "runtime.v1.ImageService";
const TASKS: &str = "containerd.services.tasks.v1.Tasks";
/// The longest answer that is read.
const LARGEST: usize = 16 << 20;

/// The container runtime of this node.
pub(crate) struct Runtime {
    socket: PathBuf,
}

impl Runtime {
    /// The runtime at an endpoint such as `unix:///run/containerd/containerd.sock`.
    pub(crate) fn new(endpoint: &str) -> Self {
        Self { socket: Path::new(endpoint.strip_prefix("unix://").unwrap_or(endpoint)).to_owned() }
    }

    /// The runtime's version, if it answers and its CRI plugin works.
    ///
    /// # Errors
    /// As the real tools word it when they cannot reach the CRI.
    pub(crate) fn version(&self) -> Result<String> {
        let answer =
            self.call(RUNTIME, "Version", Writer::default().text(1, "0.1.0"), CHECK).doing(format_args!(
                "validate service connection: validate CRI v1 runtime API for endpoint \"unix://{}\"",
                self.socket.display()
            ))?;
        Ok(Reader::new(&answer)?.text(3))
    }

    /// The states of all containers by their names, also of those that were not made by this interface.
    pub(crate) fn tasks(&self) -> Result<HashMap<String, TaskState>> {
        let answer = self.call(TASKS, "List", Writer::default(), PATIENCE)?;
        let tasks = Reader::new(&answer)?.messages(1)?;
        Ok(tasks.iter().map(TaskState::read).collect())
    }

    /// All pods.
    pub(crate) fn sandboxes(&self) -> Result<Vec<PodSandbox>> {
        let answer = self.call(RUNTIME, "ListPodSandbox", Writer::default(), PATIENCE)?;
        Reader::new(&answer)?.messages(1)?.iter().map(PodSandbox::read).collect()
    }

    /// All containers, those that have ended, too.
    pub(crate) fn containers(&self) -> Result<Vec<Container>> {
        let answer = self.call(RUNTIME, "ListContainers", Writer::default(), PATIENCE)?;
        Reader::new(&answer)?.messages(1)?.iter().map(Container::read).collect()
    }

    /// Makes a pod; returns its identity.
    pub(crate) fn run_sandbox(&self, config: &PodSandboxConfig) -> Result<String> {
        let answer =
            self.call(RUNTIME, "RunPodSandbox", Writer::default().message(1, &config.written()), PATIENCE)?;
        Ok(Reader::new(&answer)?.text(1))
    }

    /// Ends a pod with all its containers.
    pub(crate) fn remove_sandbox(&self, id: &str) -> Result<()> {
        self.call(RUNTIME, "StopPodSandbox", Writer::default().text(1, id), PATIENCE)?;
        self.call(RUNTIME, "RemovePodSandbox", Writer::default().text(1, id), PATIENCE).map(drop)
    }

    /// Makes a container in a pod, and starts it.
    pub(crate) fn run_container(
        &self,
        id: &str,
        pod: &PodSandboxConfig,
        config: &ContainerConfig,
    ) -> Result<()> {
        let request = Writer::default().text(1, id).message(2, &config.written()).message(3, &pod.written());
        let answer = self.call(RUNTIME, "CreateContainer", request, PATIENCE)?;
        let made = Reader::new(&answer)?.text(1);
        let started = self.call(RUNTIME, "StartContainer", Writer::default().text(1, &made), PATIENCE);
        if started.is_err() {
            let _ = self.call(RUNTIME, "RemoveContainer", Writer::default().text(1, &made), PATIENCE);
        }
        started.map(drop)
    }

    /// Writes the state of a container that runs into an archive.
    pub(crate) fn checkpoint(
        &self,
        container: &str,
        location: &Path,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let request = Writer::default()
            .text(1, container)
            .text(2, &location.to_string_lossy())
            .number(3, timeout.map_or(0, |time| time.as_secs()));
        self.call(RUNTIME, "CheckpointContainer", request, timeout.unwrap_or(PATIENCE)).map(drop)
    }

    /// Whether an image is there.
    pub(crate) fn has_image(&self, name: &str) -> Result<bool> {
        let request = Writer::default().message(1, &messages::image(name));
        let answer = self.call(IMAGES, "ImageStatus", request, PATIENCE)?;
        Ok(Reader::new(&answer)?.has(1))
    }

    /// Pulls an image.
    pub(crate) fn pull(&self, name: &str) -> Result<()> {
        let request = Writer::default().message(1, &messages::image(name));
        self.call(IMAGES, "PullImage", request, PATIENCE).map(drop)
    }

    fn call(&self, service: &str, method: &str, request: Writer, patience: Duration) -> Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("tokio")?;
        let path = format!("/{service}/{method}");
        runtime.block_on(async {
            let late = || Failure::new("rpc error: code = DeadlineExceeded desc = context deadline exceeded");
            let exchange = self.exchange(&path, request.bytes());
            tokio::time::timeout(patience, exchange).await.map_err(|_| late())?
        })
    }

    /// Sends a message in a call of its own, and returns the message that answers it.
    async fn exchange(&self, path: &str, message: Vec<u8>) -> Result<Vec<u8>> {
        let what = "rpc error: code = Unavailable desc = connection error";
        let stream = UnixStream::connect(&self.socket).await.doing(what)?;
        let (mut sender, connection) = h2::client::handshake(stream).await.doing(what)?;
        let driver = tokio::spawn(connection);
        let request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            // What containerd's own services ask for; the other interface has no such thing.
            .header("containerd-namespace", "k8s.io")
            .body(())
            .doing(what)?;
        let (response, mut body) = sender.send_request(request, false).doing(what)?;
        body.send_data(framed(&message)?, true).doing(what)?;
        let (head, mut body) = response.await.doing(what)?.into_parts();
        let mut received = Vec::new();
        while let Some(piece) = body.data().await {
            let piece: Bytes = piece.doing(what)?;
            body.flow_control().release_capacity(piece.len()).doing(what)?;
            received.extend_from_slice(&piece);
            if received.len() > LARGEST {
                refuse!("rpc error: code = ResourceExhausted desc = the answer is too large");
            }
        }
        let trailers = body.trailers().await.doing(what)?;
        driver.abort();
        judge(trailers.as_ref().unwrap_or(&head.headers))?;
        // One byte says whether it is compressed, four how long it is.
        Ok(received.split_off(received.len().min(5)))
    }
}

fn framed(message: &[u8]) -> Result<Bytes> {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).doing("the message is too large")?);
    frame.put_slice(message);
    Ok(frame.freeze())
}

/// The names of gRPC's codes, by their numbers.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// What came of a call, as it says at its end.
fn judge(told: &HeaderMap) -> Result<()> {
    let text = |name: &str| told.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let code: usize = text("grpc-status").parse().unwrap_or(2);
    if code == 0 {
        return Ok(());
    }
    let name = CODES.get(code).copied().unwrap_or("Unknown");
    // A plus is itself here, other than in a query.
    let message = crate::http::decoded(&text("grpc-message").replace('+', "%2B"));
    refuse!("rpc error: code = {name} desc = {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runtime that gives every call the same answer, on a socket of its own.
    fn answering(message: Option<Vec<u8>>) -> (tempfile::TempDir, Runtime) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                let (stream, _) =
                    tokio::net::UnixListener::from_std(listener).unwrap().accept().await.unwrap();
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut trailers = HeaderMap::new();
                    let head = http::Response::builder().status(200);
                    match &message {
                        Some(message) => {
                            let mut body = respond.send_response(head.body(()).unwrap(), false).unwrap();
                            body.send_data(framed(message).unwrap(), false).unwrap();
                            trailers.insert("grpc-status", 0.into());
                            body.send_trailers(trailers).unwrap();
                        }
                        None => {
                            let head =
                                head.header("grpc-status", 12).header("grpc-message", "no%20such%20method");
                            respond.send_response(head.body(()).unwrap(), true).unwrap();
                        }
                    }
                }
            });
        });
        (folder, Runtime::new(&format!("unix://{}", socket.display())))
    }

    #[test]
    fn answers_are_read() {
        let container = Writer::default()
            .text(1, "1")
            .text(2, "2")
            .message(3, &Writer::default().text(1, "counter"))
            .number(6, 1);
        let (_folder, runtime) = answering(Some(Writer::default().message(1, &container).bytes()));
        let found = runtime.containers().unwrap();
        let wanted = Container {
            id: "1".to_owned(),
            pod_sandbox_id: "2".to_owned(),
            name: "counter".to_owned(),
            state: ContainerState::Running,
        };
        assert_eq!(found, [wanted]);
    }

    #[test]
    fn refusals_are_told_as_the_kubelet_tells_them() {
        let (_folder, runtime) = answering(None);
        let refused = runtime.checkpoint("1", Path::new("/x"), None).unwrap_err();
        assert_eq!(refused.message, "rpc error: code = Unimplemented desc = no such method");
        let nobody = Runtime::new("unix:///no/such/socket").containers().unwrap_err();
        assert!(nobody.message.contains("code = Unavailable"), "{}", nobody.message);
    }
}
