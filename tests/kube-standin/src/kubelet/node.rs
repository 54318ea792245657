//! The node, as its kubelet reports it.

use std::path::Path;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Kubelet;
use crate::client::Client;
use crate::cri::Runtime;
use crate::failure::{Result, refuse};
use crate::machine;
use crate::tool::architecture;
use crate::version::Version;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/// Registers the node if it is not yet, and says how it is; returns whether it is ready.
pub(super) fn report(client: &Client, kubelet: &Kubelet) -> Result<bool> {
    supported(client, kubelet)?;
    // First: a node that is thought to be lost becomes ready with what follows.
    live(client, &kubelet.name)?;
    let path = format!("/api/v1/nodes/{}", kubelet.name);
    let found = match client.get(&path) {
        Err(error) if error.is_not_found() => client.create("/api/v1/nodes", &registration(kubelet))?,
        other => other?,
    };
    let status = status(kubelet);
    if found["status"] != status {
        client.merge(&format!("{path}/status"), &json!({"status": status}))?;
    }
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    Ok(conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True"))
}

/// A kubelet may be older than the API server, but not newer. The real one is not stopped by it, and is not supported then.
fn supported(client: &Client, kubelet: &Kubelet) -> Result<()> {
    let found = client.get("/version")?;
    let server: Version = found["gitVersion"].as_str().unwrap_or_default().parse()?;
    if kubelet.version.minor > server.minor {
        refuse!(
            "kubelet v{} is newer than kube-apiserver v{server}: this is not a supported version skew",
            kubelet.version
        );
    }
    Ok(())
}

/// Renews the lease that says the kubelet is alive.
fn live(client: &Client, name: &str) -> Result<()> {
    let now = OffsetDateTime::now_utc();
    let path = format!("{LEASES}/{name}");
    let renewal = json!({"spec": {"renewTime": now.format(&Rfc3339).unwrap_or_default()}});
    match client.get(&path) {
        Err(error) if error.is_not_found() => {
            let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
                "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewal["spec"]["renewTime"]}});
            client.create(LEASES, &lease)?;
        }
        found => {
            let last = found?["spec"]["renewTime"]
                .as_str()
                .and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
            if last.is_none_or(|last| (now - last).whole_seconds() >= 8) {
                client.merge(&path, &renewal)?;
            }
        }
    }
    Ok(())
}

fn registration(kubelet: &Kubelet) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": kubelet.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture(),
        "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": architecture(),
    });
    for (key, value) in &kubelet.labels {
        labels[key] = value.clone().into();
    }
    let mut taints: Vec<Value> = kubelet.taints.iter().map(|taint| json!(taint)).collect();
    if kubelet.waits_for_cloud {
        taints.push(json!({"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}));
    }
    let mut node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": kubelet.name, "labels": labels}, "spec": {"taints": taints}, "status": status(kubelet)});
    if let Some(id) = &kubelet.provider_id {
        node["spec"]["providerID"] = id.clone().into();
    }
    node
}

fn status(kubelet: &Kubelet) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message});
    let version = Runtime::new(&kubelet.endpoint).version();
    let ready = match version.as_ref().map_err(|failure| failure.message.clone()).and_then(|_| network()) {
        Ok(()) => condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        Err(why) => condition("Ready", "False", "KubeletNotReady", &why),
    };
    let (processors, memory) = machine::size();
    let pods = kubelet.settings.max_pods.unwrap_or(110).to_string();
    let size = json!({"cpu": processors.to_string(), "memory": format!("{}Ki", memory * 1024), "pods": pods});
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let image = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or_default()
        .trim_matches('"');
    json!({
        "addresses": [{"type": "InternalIP", "address": kubelet.address}, {"type": "Hostname", "address": kubelet.name}],
        "capacity": size, "allocatable": size,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ready,
        ],
        "nodeInfo": {
            "kubeletVersion": format!("v{}", kubelet.version), "osImage": image, "operatingSystem": "linux", "architecture": architecture(),
            "containerRuntimeVersion": format!("containerd://{}", version.unwrap_or_default()), "kernelVersion": machine::sysctl("kernel.osrelease"),
        },
    })
}

/// Whether pods would get a network: a configuration, all of whose plugins are there.
fn network() -> std::result::Result<(), String> {
    let not_ready = |why: &str| {
        Err(format!(
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: {why}"
        ))
    };
    let folder = std::fs::read_dir("/etc/cni/net.d").into_iter().flatten().flatten();
    let mut files: Vec<_> = folder
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "conf" || end == "conflist"))
        .collect();
    files.sort();
    let Some(file) = files.first() else { return not_ready("cni plugin not initialized") };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let plugins: Vec<&str> = match value["plugins"].as_array() {
        Some(list) => list.iter().filter_map(|plugin| plugin["type"].as_str()).collect(),
        None => value["type"].as_str().into_iter().collect(),
    };
    if plugins.is_empty() {
        return not_ready(&format!("{} names no plugin", file.display()));
    }
    match plugins.iter().find(|plugin| !Path::new("/opt/cni/bin").join(plugin).exists()) {
        Some(missing) => not_ready(&format!("failed to find plugin {missing:?} in path [/opt/cni/bin]")),
        None => Ok(()),
    }
}
