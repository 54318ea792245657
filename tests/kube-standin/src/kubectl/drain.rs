//! `kubectl cordon`, `uncordon` and `drain`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Kubectl, apply, say};
use crate::failure::{Result, refuse};
use crate::listing;
use crate::resources::identity;

/// How long eviction is tried when nothing is said.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

pub(super) fn run(kubectl: &Kubectl, command: &str) -> Result<()> {
    if kubectl.flags.words.is_empty() {
        refuse!("error: USAGE: {command} NODE [flags]");
    }
    for node in &kubectl.flags.words {
        let node = node.strip_prefix("node/").unwrap_or(node);
        let path = format!("/api/v1/nodes/{node}");
        let found = kubectl.client.get(&path)?;
        let closed = found["spec"]["unschedulable"] == true;
        let close = command != "uncordon";
        if closed == close {
            say(&format!("node/{node} already {}", if close { "cordoned" } else { "uncordoned" }))?;
        } else {
            let value = if close { Value::Bool(true) } else { Value::Null };
            kubectl.client.merge(&path, &json!({"spec": {"unschedulable": value}}))?;
            say(&format!("node/{node} {}", if close { "cordoned" } else { "uncordoned" }))?;
        }
        if command == "drain" {
            drain(kubectl, node)?;
        }
    }
    Ok(())
}

fn drain(kubectl: &Kubectl, node: &str) -> Result<()> {
    let deadline = Instant::now() + kubectl.timeout(FOREVER)?;
    let all = kubectl.client.get("/api/v1/pods")?;
    let here = listing::items(&all).filter(|pod| pod["spec"]["nodeName"] == node);
    let is_daemon = |pod: &&Value| pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet";
    let (daemons, pods): (Vec<&Value>, Vec<&Value>) = here.partition(is_daemon);
    let names = |pods: &[&Value]| pods.iter().map(|pod| title(pod)).collect::<Vec<_>>().join(", ");
    if !daemons.is_empty() {
        if !kubectl.flags.is_on("ignore-daemonsets")? {
            refuse!(
                "error: unable to drain node {node:?} due to error: cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {}, continuing command...",
                names(&daemons)
            );
        }
        apply::note(&format!("Warning: ignoring DaemonSet-managed Pods: {}", names(&daemons)));
    }
    let local: Vec<&Value> = pods
        .iter()
        .copied()
        .filter(|pod| {
            pod["spec"]["volumes"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|volume| volume.get("emptyDir").is_some())
        })
        .collect();
    if !local.is_empty() && !kubectl.flags.is_on("delete-emptydir-data")? {
        refuse!(
            "error: unable to drain node {node:?} due to error: cannot delete Pods with local storage (use --delete-emptydir-data to override): {}",
            names(&local)
        );
    }
    let bare: Vec<&Value> =
        pods.iter().copied().filter(|pod| pod["metadata"]["ownerReferences"][0].is_null()).collect();
    if !bare.is_empty() && !kubectl.flags.is_on("force")? {
        refuse!(
            "error: unable to drain node {node:?} due to error: cannot delete Pods that declare no controller (use --force to override): {}",
            names(&bare)
        );
    }
    for pod in pods {
        let (namespace, name) = identity(pod);
        let namespace = namespace.unwrap_or_default();
        loop {
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}});
            match kubectl.client.create(&path, &eviction) {
                Ok(_) => {
                    say(&format!("pod/{name} evicted"))?;
                    break;
                }
                Err(error) if error.is_not_found() => break,
                Err(error) if error.status == 429 => {
                    if Instant::now() >= deadline {
                        refuse!(
                            "error: unable to drain node {node:?} due to error: error when evicting pods/{name:?} -n {namespace:?}: global timeout reached: {}",
                            error.message
                        );
                    }
                    apply::note(&format!(
                        "error when evicting pods/{name:?} -n {namespace:?} (will retry after 5s): {}",
                        error.message
                    ));
                    std::thread::sleep(
                        Duration::from_secs(5).min(deadline.saturating_duration_since(Instant::now())),
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    say(&format!("node/{node} drained"))
}

fn title(pod: &Value) -> String {
    let (namespace, name) = identity(pod);
    format!("{}/{name}", namespace.unwrap_or_default())
}
