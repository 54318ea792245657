//! The cluster, as the scheduler and its agents see it: through the API server, and the kubelets.

mod api;
mod kubelet;
pub mod lease;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

pub use self::api::{Access, AskError};
pub(crate) use self::api::{Api, certificates, tls};
pub use self::kubelet::CheckpointError;
use crate::schedule::{GROUP, KIND, VERSION};

/// Who tells of something, in events.
const NAME: &str = "clouder-checkpoint";

/// Why the cluster did not do as it was asked.
#[derive(Debug, Error)]
#[error("the API server does not {doing}: {source}")]
pub struct ClusterError {
    /// What it was asked to do.
    doing: &'static str,
    /// What it said.
    source: AskError,
}

fn failed(doing: &'static str) -> impl Fn(AskError) -> ClusterError {
    move |source| ClusterError { doing, source }
}

/// A schedule as it is in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its namespace.
    pub namespace: String,
    /// Its name in it.
    pub name: String,
    /// What tells it from another of that name.
    pub uid: String,
    /// Since when it is there.
    pub created: Timestamp,
    /// The number of its last change.
    pub generation: u64,
    /// What is wanted.
    pub spec: Value,
    /// What became of it.
    pub status: Value,
}

impl Found {
    /// `NAMESPACE/NAME`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn of(object: &Value) -> Option<Self> {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().map(str::to_owned);
        Some(Self {
            namespace: text("namespace")?,
            name: text("name")?,
            uid: text("uid")?,
            created: metadata["creationTimestamp"].as_str()?.parse().ok()?,
            generation: metadata["generation"].as_u64().unwrap_or_default(),
            spec: object["spec"].clone(),
            status: object["status"].clone(),
        })
    }
}

/// A container to checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node that its pod is on.
    pub node: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
}

/// A connection to a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    api: Api,
}

impl Cluster {
    /// Makes ready to ask a cluster; asks nobody yet.
    ///
    /// # Errors
    /// When something of the credentials is missing.
    pub fn new(access: &Access) -> Result<Self, AskError> {
        Ok(Self { api: Api::new(access)? })
    }

    /// All schedules.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub fn list(&self) -> Result<Vec<Found>, ClusterError> {
        let path = format!("/apis/{GROUP}/{VERSION}/checkpointschedules");
        let all = self.api.ask("GET", &path, None).map_err(failed("list schedules"))?;
        Ok(all["items"].as_array().into_iter().flatten().filter_map(Found::of).collect())
    }

    /// Changes these fields of a schedule's status; null takes one away. Nothing happens if the schedule is gone.
    ///
    /// # Errors
    /// When the API server does not do so.
    pub fn report(&self, found: &Found, status: &Value) -> Result<(), ClusterError> {
        let Found { namespace, name, .. } = found;
        let path =
            format!("/apis/{GROUP}/{VERSION}/namespaces/{namespace}/checkpointschedules/{name}/status");
        let change = json!({"status": status});
        match self.api.ask("PATCH", &path, Some(("application/merge-patch+json", &change))) {
            Err(error) if error.is(404) => Ok(()),
            other => other.map(drop).map_err(failed("take what became of a schedule")),
        }
    }

    /// The running containers of the pods of a selector, those of these names if any are named.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub fn targets(
        &self,
        namespace: &str,
        selector: &str,
        containers: &[String],
    ) -> Result<Vec<Target>, ClusterError> {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", encoded(selector));
        let pods = self.api.ask("GET", &path, None).map_err(failed("list pods"))?;
        let mut targets: Vec<Target> =
            pods["items"].as_array().into_iter().flatten().flat_map(|pod| of_pod(pod, containers)).collect();
        targets.sort_by(|one, other| (&one.pod, &one.container).cmp(&(&other.pod, &other.container)));
        Ok(targets)
    }

    /// Lets the kubelet of a node checkpoint a container; returns the name of the archive's file on that node.
    ///
    /// # Errors
    /// When the node is not known, or its kubelet does not do so.
    pub fn checkpoint(
        &self,
        namespace: &str,
        target: &Target,
        timeout: Duration,
    ) -> Result<String, CheckpointError> {
        let node = self.api.ask("GET", &format!("/api/v1/nodes/{}", target.node), None);
        let node = node.map_err(|error| CheckpointError::Node(error.to_string()))?;
        kubelet::checkpoint(&self.api, &node, namespace, target, timeout)
    }

    /// Tells people of something about a schedule, by an event.
    ///
    /// # Errors
    /// When the API server does not take it.
    pub fn warn(&self, found: &Found, why: &str, message: &str) -> Result<(), ClusterError> {
        let Found { namespace, name, uid, .. } = found;
        let now = rfc3339(Timestamp::now());
        // The API server takes no longer message.
        let message: String = message.chars().take(1000).collect();
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": format!("{name}."), "namespace": namespace},
            "involvedObject": {
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": KIND, "name": name, "namespace": namespace, "uid": uid,
            },
            "type": "Warning", "reason": why, "message": message, "count": 1, "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": NAME},
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let made = self.api.ask("POST", &path, Some(("application/json", &event)));
        made.map(drop).map_err(failed("take an event"))
    }
}

/// A time as the API server takes it: in whole seconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A text as it may stand in a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn of_pod(pod: &Value, wanted: &[String]) -> Vec<Target> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let goes = !pod["metadata"]["deletionTimestamp"].is_null() || pod["status"]["phase"] != "Running";
    let (Some(name), Some(node), false) =
        (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"]), goes)
    else {
        return Vec::new();
    };
    let names =
        pod["spec"]["containers"].as_array().into_iter().flatten().filter_map(|one| text(&one["name"]));
    let named = names.filter(|name| wanted.is_empty() || wanted.contains(name));
    named.map(|container| Target { node: node.clone(), pod: name.clone(), container }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_running_containers_that_are_wanted_count() {
        let pod = |phase: &str| json!({"metadata": {"name": "web"}, "spec": {"nodeName": "a", "containers": [{"name": "app"}, {"name": "log"}]}, "status": {"phase": phase}});
        let names = |pod: &Value, wanted: &[String]| {
            of_pod(pod, wanted).into_iter().map(|one| one.container).collect::<Vec<_>>()
        };
        assert_eq!(names(&pod("Running"), &[]), ["app", "log"]);
        assert_eq!(names(&pod("Running"), &["log".to_owned()]), ["log"]);
        assert!(names(&pod("Pending"), &[]).is_empty());
        let mut going = pod("Running");
        going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(names(&going, &[]).is_empty());
        assert_eq!(encoded("app=web,tier in (a,b)"), "app%3Dweb%2Ctier%20in%20%28a%2Cb%29");
    }
}
