//! The node's pods. Images cannot be had, so of what most pods would do, only the copying of files onto the node is done:
//! that is how a network plugin sets a node up. Those whose images are on the machine run for real.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Kubelet, sandboxes};
use crate::client::Client;
use crate::cri::Runtime;
use crate::failure::Result;
use crate::files;

/// Brings all pods of this node to run.
pub(super) fn tend(client: &Client, kubelet: &Kubelet) -> Result<()> {
    let pods = client.get("/api/v1/pods")?;
    let all = pods["items"].as_array().into_iter().flatten();
    let own: Vec<&Value> = all.filter(|pod| pod["spec"]["nodeName"] == kubelet.name.as_str()).collect();
    let runtime = Runtime::new(&kubelet.endpoint);
    sandboxes::clean(&runtime, &own)?;
    for pod in own.into_iter().filter(|pod| pod["status"]["phase"] != "Running" || sandboxes::is_real(pod)) {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let status = if sandboxes::is_real(pod) {
            sandboxes::tend(&runtime, pod)
        } else {
            start(client, pod, namespace)
                .map(|()| json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}))
        };
        let status = status.unwrap_or_else(|failure| json!({"phase": "Pending", "message": failure.message}));
        if pod["status"] != status {
            client.merge(
                &format!("/api/v1/namespaces/{namespace}/pods/{name}/status"),
                &json!({"status": status}),
            )?;
        }
    }
    Ok(())
}

fn start(client: &Client, pod: &Value, namespace: &str) -> Result<()> {
    for container in pod["spec"]["initContainers"].as_array().into_iter().flatten() {
        if container["command"] != json!(["cp"]) {
            continue;
        }
        let words: Vec<&str> =
            container["args"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let [.., from, to] = words.as_slice() else { continue };
        let content = source(client, pod, container, namespace, from)?;
        if let Some(target) = on_the_node(pod, container, to) {
            let mode = if content.is_some() { 0o644 } else { 0o755 };
            files::write(
                &target,
                &content.unwrap_or_else(|| "#!/bin/sh\n# stands for a file of an image\n".to_owned()),
                mode,
            )?;
        }
    }
    Ok(())
}

/// The volume that a path inside a container lies in, and the path in it.
fn volume<'pod>(pod: &'pod Value, container: &Value, path: &str) -> Option<(&'pod Value, PathBuf)> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    let (name, rest) = mounts
        .filter_map(|mount| {
            let rest = Path::new(path).strip_prefix(mount["mountPath"].as_str()?).ok()?;
            Some((mount["name"].clone(), rest.to_owned()))
        })
        .next()?;
    let volume = pod["spec"]["volumes"].as_array()?.iter().find(|volume| volume["name"] == name)?;
    Some((volume, rest))
}

/// What a file of a ConfigMap holds; none for a file of the image.
fn source(
    client: &Client,
    pod: &Value,
    container: &Value,
    namespace: &str,
    path: &str,
) -> Result<Option<String>> {
    let Some((volume, rest)) = volume(pod, container, path) else { return Ok(None) };
    let Some(name) = volume["configMap"]["name"].as_str() else { return Ok(None) };
    let map = client.get(&format!("/api/v1/namespaces/{namespace}/configmaps/{name}"))?;
    Ok(map["data"][rest.to_string_lossy().as_ref()].as_str().map(str::to_owned))
}

fn on_the_node(pod: &Value, container: &Value, path: &str) -> Option<PathBuf> {
    let (volume, rest) = volume(pod, container, path)?;
    Some(Path::new(volume["hostPath"]["path"].as_str()?).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_container_is_found_on_the_node() {
        let pod = json!({"spec": {"volumes": [{"name": "cni", "hostPath": {"path": "/etc/cni/net.d"}}]}});
        let container = json!({"volumeMounts": [{"name": "cni", "mountPath": "/host/cni"}]});
        assert_eq!(
            on_the_node(&pod, &container, "/host/cni/10.conflist"),
            Some(PathBuf::from("/etc/cni/net.d/10.conflist"))
        );
        assert_eq!(on_the_node(&pod, &container, "/elsewhere/x"), None);
    }
}
