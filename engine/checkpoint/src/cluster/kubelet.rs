//! Kubelets: asked directly, over TLS by a certificate that the cluster's authority signed, with nothing but
//! `nodes/checkpoint: create`. Through the API server it would take `nodes/proxy`, which is good for anything on a node.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::{Api, AskError, Target};

/// Where the kubelet listens unless its node says otherwise.
const PORT: u64 = 10250;

/// What a kubelet is given beyond the time for the checkpoint itself.
const GRACE: Duration = Duration::from_secs(15);

/// Why there is no checkpoint.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The node is not known, or has no address.
    #[error("the node is not known: {0}")]
    Node(String),
    /// Its kubelet did not answer, or is none that the cluster knows.
    #[error("the kubelet at {0} cannot be asked: {1}")]
    Unreachable(String, String),
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It said yes, and nothing that can be understood.
    #[error("the kubelet says nothing of where the archive is: {0}")]
    Unclear(String),
}

/// Asks once: to ask again would freeze the container again.
pub(super) fn checkpoint(
    api: &Api,
    node: &Value,
    namespace: &str,
    target: &Target,
    timeout: Duration,
) -> Result<String, CheckpointError> {
    let Target { node: name, pod, container } = target;
    let place = place(node).ok_or_else(|| CheckpointError::Node(format!("{name} has no address")))?;
    let url =
        format!("https://{place}/checkpoint/{namespace}/{pod}/{container}?timeout={}", timeout.as_secs());
    match api.send("POST", &url, None, timeout + GRACE) {
        Ok(text) => file(&text).ok_or_else(|| CheckpointError::Unclear(text.chars().take(200).collect())),
        Err(AskError::Refused { status, message }) => {
            Err(CheckpointError::Refused(explained(status, &message)))
        }
        Err(error) => Err(CheckpointError::Unreachable(place, error.to_string())),
    }
}

/// Where the kubelet of a node listens: at its internal address, by which the certificate knows it.
fn place(node: &Value) -> Option<String> {
    let addresses = node["status"]["addresses"].as_array()?;
    let of = |kind: &str| addresses.iter().find(|one| one["type"] == kind)?["address"].as_str();
    let address = of("InternalIP").or_else(|| of("Hostname"))?;
    let port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"].as_u64().unwrap_or(PORT);
    Some(if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") })
}

/// The name of the file in the kubelet's answer: `{"items": ["/var/lib/kubelet/checkpoints/…"]}`.
fn file(text: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let path = answer["items"].get(0)?.as_str()?;
    let name = path.rsplit('/').next()?;
    crate::archive::Name::of(name).map(|_| name.to_owned())
}

/// What a refusal means.
fn explained(status: u16, text: &str) -> String {
    let said: String = text.chars().take(300).collect();
    match status {
        401 | 403 => format!("the kubelet does not allow it: {said}"),
        404 => {
            format!("the kubelet has no such container, or its feature ContainerCheckpoint is off: {said}")
        }
        500 if text.contains("Unimplemented")
            || text.contains("not implemented")
            || text.contains("unknown method") =>
        {
            format!(
                "the node's container runtime makes no checkpoints: containerd does from 2.0 on, CRI-O with enable_criu_support: {said}"
            )
        }
        _ => format!("the kubelet answers {status}: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kubelet_is_where_its_node_says() {
        let node = |addresses: Value, ends: Value| json!({"status": {"addresses": addresses, "daemonEndpoints": ends}});
        let (ip, name) = (
            json!({"type": "InternalIP", "address": "10.0.0.4"}),
            json!({"type": "Hostname", "address": "a"}),
        );
        let ends = json!({"kubeletEndpoint": {"Port": 10999}});
        assert_eq!(place(&node(json!([name, ip]), json!({}))).as_deref(), Some("10.0.0.4:10250"));
        assert_eq!(place(&node(json!([name]), ends)).as_deref(), Some("a:10999"));
        assert_eq!(
            place(&node(json!([{"type": "InternalIP", "address": "fd00::1"}]), json!({}))).as_deref(),
            Some("[fd00::1]:10250")
        );
        assert_eq!(place(&node(json!([]), json!({}))), None);
    }

    #[test]
    fn answers_are_read_and_refusals_explained() {
        let name = "checkpoint-a_b-c-2026-11-27T03:00:00Z.tar";
        assert_eq!(
            file(&json!({"items": [format!("/var/lib/kubelet/checkpoints/{name}")]}).to_string()).as_deref(),
            Some(name)
        );
        for other in ["", "{}", r#"{"items": []}"#, r#"{"items": ["/etc/passwd"]}"#] {
            assert_eq!(file(other), None, "{other}");
        }
        assert!(
            explained(500, "rpc error: code = Unimplemented desc = x")
                .contains("containerd does from 2.0 on")
        );
        assert!(explained(403, "Forbidden").contains("not allow"));
    }
}
