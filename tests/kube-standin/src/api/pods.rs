//! Pods: which there should be for DaemonSets and Deployments, and how one is asked to go.

use serde_json::{Value, json};

use super::answer::{self, Refusal};
use super::store::{State, Store, key};
use crate::http::Response;
use crate::pki::hex;
use crate::random::random;

/// Five random letters and digits, for names.
pub(crate) fn suffix() -> String {
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    random::<5>().iter().map(|byte| char::from(letters[usize::from(*byte) % letters.len()])).collect()
}

/// A random identity.
pub(crate) fn uid() -> String {
    let digits = hex(&random::<16>());
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default()).join("-")
}

/// A workload's selector must match what it makes.
pub(super) fn check_selector(kind: &str, object: &Value) -> Result<(), Refusal> {
    if !matches!(kind, "DaemonSet" | "Deployment" | "StatefulSet" | "ReplicaSet") {
        return Ok(());
    }
    let name = &object["metadata"]["name"];
    let wanted = object["spec"]["selector"]["matchLabels"].as_object();
    let Some(wanted) = wanted.filter(|labels| !labels.is_empty()) else {
        return Err(Refusal::invalid(format!("{kind} {name} is invalid: spec.selector: Required value")));
    };
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    if wanted.iter().any(|(label, value)| labels[label] != *value) {
        return Err(Refusal::invalid(format!(
            "{kind} {name} is invalid: spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`"
        )));
    }
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    if containers.is_none_or(Vec::is_empty) {
        return Err(Refusal::invalid(format!(
            "{kind} {name} is invalid: spec.template.spec.containers: Required value"
        )));
    }
    Ok(())
}

/// Makes and removes pods until every workload has those it should, and counts them in its status.
pub(super) fn reconcile(state: &mut State) {
    let nodes = state.list("nodes", None);
    for (plural, kind) in [("daemonsets.apps", "DaemonSet"), ("deployments.apps", "Deployment")] {
        for mut owner in state.list(plural, None) {
            let wanted = wanted(&owner, kind, &nodes);
            let mut pods = owned(state, &owner);
            pods.retain(|pod| {
                let stale = pod["metadata"]["annotations"]["standin/generation"].as_str()
                    != Some(&owner["metadata"]["generation"].to_string());
                let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
                let misplaced = match &wanted {
                    Wanted::On(names) => !names.iter().any(|name| name == node),
                    Wanted::Count(_) => !nodes.iter().any(|found| found["metadata"]["name"] == node),
                };
                if stale || misplaced {
                    state.remove(&pod_key(pod));
                }
                !(stale || misplaced)
            });
            let missing: Vec<String> = match &wanted {
                Wanted::On(names) => {
                    let has =
                        |name: &&String| !pods.iter().any(|pod| pod["spec"]["nodeName"] == name.as_str());
                    names.iter().filter(has).cloned().collect()
                }
                Wanted::Count(count) => {
                    pods.iter().skip(*count).for_each(|pod| drop(state.remove(&pod_key(pod))));
                    let fit: Vec<String> = nodes
                        .iter()
                        .filter(|node| accepts(node, &owner["spec"]["template"]["spec"], true))
                        .map(name_of)
                        .collect();
                    let missing = count.saturating_sub(pods.len());
                    fit.iter().cycle().take(if fit.is_empty() { 0 } else { missing }).cloned().collect()
                }
            };
            for node in missing {
                let pod = make(&owner, &node);
                state.put(pod_key(&pod), pod);
            }
            count(state, plural, &mut owner, &wanted);
        }
    }
    orphans(state);
    schedule(state, &nodes);
    allow(state);
}

/// Gives pods that people have made a node.
fn schedule(state: &mut State, nodes: &[Value]) {
    for mut pod in state.list("pods", None) {
        if pod["spec"]["nodeName"].is_null()
            && let Some(node) = nodes.iter().find(|node| accepts(node, &pod["spec"], true))
        {
            pod["spec"]["nodeName"] = name_of(node).into();
            state.put(pod_key(&pod), pod);
        }
    }
}

enum Wanted {
    On(Vec<String>),
    Count(usize),
}

fn wanted(owner: &Value, kind: &str, nodes: &[Value]) -> Wanted {
    if kind == "DaemonSet" {
        Wanted::On(
            nodes
                .iter()
                .filter(|node| accepts(node, &owner["spec"]["template"]["spec"], false))
                .map(name_of)
                .collect(),
        )
    } else {
        Wanted::Count(owner["spec"]["replicas"].as_u64().unwrap_or(1) as usize)
    }
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn pod_key(pod: &Value) -> String {
    key("pods", pod["metadata"]["namespace"].as_str(), &name_of(pod))
}

fn owned(state: &State, owner: &Value) -> Vec<Value> {
    let pods = state.list("pods", owner["metadata"]["namespace"].as_str());
    pods.into_iter()
        .filter(|pod| pod["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"])
        .collect()
}

/// Whether a node takes pods that want this: their selector, its taints, and unless they are a DaemonSet's whether it is ready.
fn accepts(node: &Value, spec: &Value, scheduled: bool) -> bool {
    let labels = &node["metadata"]["labels"];
    let selected =
        spec["nodeSelector"].as_object().into_iter().flatten().all(|(label, value)| labels[label] == *value);
    let unschedulable = node["spec"]["unschedulable"] == true;
    if !selected || scheduled && (unschedulable || !is_ready(node)) {
        return false;
    }
    let tolerated = |taint: &Value| {
        spec["tolerations"].as_array().into_iter().flatten().any(|toleration| {
            let any = |field: &str| toleration[field].as_str().is_none_or(str::is_empty);
            let key = any("key") || toleration["key"] == taint["key"];
            let effect = any("effect") || toleration["effect"] == taint["effect"];
            let value = toleration["operator"] == "Exists"
                || toleration["value"].as_str().unwrap_or_default()
                    == taint["value"].as_str().unwrap_or_default();
            key && effect && value
        })
    };
    // DaemonSets come to nodes that are not ready, too.
    let own = |taint: &Value| {
        !scheduled && taint["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"))
    };
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.filter(|taint| taint["effect"] != "PreferNoSchedule").all(|taint| own(taint) || tolerated(taint))
}

/// Whether a node or a pod says of itself that it is ready.
pub(super) fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter(|condition| condition["type"] == "Ready").any(|condition| condition["status"] == "True")
}

fn make(owner: &Value, node: &str) -> Value {
    let mut metadata = owner["spec"]["template"]["metadata"].clone();
    metadata["name"] = format!("{}-{}", name_of(owner), suffix()).into();
    metadata["namespace"] = owner["metadata"]["namespace"].clone();
    metadata["uid"] = uid().into();
    metadata["annotations"]["standin/generation"] = owner["metadata"]["generation"].to_string().into();
    metadata["ownerReferences"] = json!([{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}]);
    let mut spec = owner["spec"]["template"]["spec"].clone();
    spec["nodeName"] = node.into();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}})
}

fn count(state: &mut State, plural: &str, owner: &mut Value, wanted: &Wanted) {
    let pods = owned(state, owner);
    let ready = pods.iter().filter(|pod| is_ready(pod)).count();
    let generation = owner["metadata"]["generation"].clone();
    owner["status"] = match wanted {
        Wanted::On(names) => {
            json!({"observedGeneration": generation, "desiredNumberScheduled": names.len(), "currentNumberScheduled": pods.len(), "updatedNumberScheduled": pods.len(), "numberReady": ready, "numberAvailable": ready})
        }
        Wanted::Count(count) => {
            let available = if ready >= *count { "True" } else { "False" };
            json!({"observedGeneration": generation, "replicas": pods.len(), "updatedReplicas": pods.len(), "readyReplicas": ready, "availableReplicas": ready,
                "conditions": [{"type": "Available", "status": available}]})
        }
    };
    state.put(key(plural, owner["metadata"]["namespace"].as_str(), &name_of(owner)), owner.clone());
}

/// Removes pods whose owner or node is gone.
fn orphans(state: &mut State) {
    let owners: Vec<String> = ["daemonsets.apps", "deployments.apps"]
        .iter()
        .flat_map(|plural| state.list(plural, None))
        .filter_map(|owner| owner["metadata"]["uid"].as_str().map(str::to_owned))
        .collect();
    let nodes: Vec<String> = state.list("nodes", None).iter().map(name_of).collect();
    for pod in state.list("pods", None) {
        let owner = pod["metadata"]["ownerReferences"][0]["uid"].as_str();
        let ownerless = owner.is_some_and(|uid| !owners.iter().any(|owner| owner == uid));
        let homeless =
            pod["spec"]["nodeName"].as_str().is_some_and(|name| !nodes.iter().any(|node| node == name));
        if ownerless || homeless {
            state.remove(&pod_key(&pod));
        }
    }
}

/// What a disruption budget allows.
struct Allowance {
    /// The names of all pods it is about.
    pods: Vec<String>,
    healthy: u64,
    needed: u64,
}

impl Allowance {
    fn of(state: &State, budget: &Value) -> Self {
        let selector = budget["spec"]["selector"]["matchLabels"].as_object();
        let mut pods = state.list("pods", budget["metadata"]["namespace"].as_str());
        pods.retain(|pod| {
            selector.is_some_and(|labels| {
                labels.iter().all(|(label, value)| pod["metadata"]["labels"][label] == *value)
            })
        });
        let minimum = budget["spec"]["minAvailable"].as_u64();
        let maximum = budget["spec"]["maxUnavailable"].as_u64();
        let most = maximum.map(|most| (pods.len() as u64).saturating_sub(most));
        Self {
            healthy: pods.iter().filter(|pod| is_ready(pod)).count() as u64,
            needed: minimum.or(most).unwrap_or(0),
            pods: pods.iter().map(name_of).collect(),
        }
    }
}

/// Says of every budget how many pods may go.
fn allow(state: &mut State) {
    for mut budget in state.list("poddisruptionbudgets.policy", None) {
        let allowance = Allowance::of(state, &budget);
        let status = json!({
            "currentHealthy": allowance.healthy, "desiredHealthy": allowance.needed, "expectedPods": allowance.pods.len(),
            "disruptionsAllowed": allowance.healthy.saturating_sub(allowance.needed),
        });
        if budget["status"] != status {
            budget["status"] = status;
            let namespace = budget["metadata"]["namespace"].as_str().map(str::to_owned);
            state.put(key("poddisruptionbudgets.policy", namespace.as_deref(), &name_of(&budget)), budget);
        }
    }
}

/// Asks a pod to go, unless a budget forbids it.
pub(super) fn evict(store: &Store, namespace: Option<&str>, name: &str) -> Result<Response, Refusal> {
    store.change(|state| {
        let key = key("pods", namespace, name);
        let pod = state.at(&key).cloned();
        let pod = pod.ok_or_else(|| Refusal::not_found(format!("pods {name:?} not found")))?;
        for budget in state.list("poddisruptionbudgets.policy", namespace) {
            let allowance = Allowance::of(state, &budget);
            if allowance.pods.contains(&name_of(&pod)) && allowance.healthy <= allowance.needed {
                return Err(Refusal::too_many_requests(format!(
                    "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget {} needs {} healthy pods and has {} currently",
                    name_of(&budget), allowance.needed, allowance.healthy
                )));
            }
        }
        state.remove(&key);
        Ok(())
    })?;
    Ok(answer::object(201, &json!({"kind": "Status", "apiVersion": "v1", "status": "Success"})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, ready: bool) -> Value {
        let status = if ready { "True" } else { "False" };
        json!({"metadata": {"name": name, "labels": {"os": "linux"}}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": status}]}})
    }

    fn owner(kind: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x", "namespace": "default", "uid": "1", "generation": 1},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"nodeSelector": {"os": "linux"}, "containers": [{"name": "c"}]}}}})
    }

    fn state(kind: &str) -> State {
        let mut state = State::default();
        for (name, ready) in [("a", true), ("b", false)] {
            state.put(key("nodes", None, name), node(name, ready));
        }
        let plural = format!("{}s.apps", kind.to_lowercase());
        state.put(key(&plural, Some("default"), "x"), owner(kind));
        state
    }

    #[test]
    fn a_daemon_set_has_a_pod_on_every_node_and_a_deployment_only_where_it_is_ready() {
        let mut daemons = state("DaemonSet");
        reconcile(&mut daemons);
        let revision = daemons.revision;
        reconcile(&mut daemons);
        assert_eq!((daemons.list("pods", None).len(), daemons.revision), (2, revision));
        let mut replicas = state("Deployment");
        reconcile(&mut replicas);
        let pods = replicas.list("pods", None);
        assert_eq!(pods.len(), 2);
        assert!(pods.iter().all(|pod| pod["spec"]["nodeName"] == "a"));
        replicas.remove(&key("nodes", None, "a"));
        reconcile(&mut replicas);
        reconcile(&mut replicas);
        assert!(replicas.list("pods", None).is_empty());
    }

    #[test]
    fn a_taint_keeps_pods_away_unless_it_is_tolerated() {
        let mut tainted = node("a", true);
        tainted["spec"]["taints"] = json!([{"key": "dedicated", "value": "x", "effect": "NoSchedule"}]);
        let mut pod = owner("Deployment")["spec"]["template"]["spec"].take();
        assert!(!accepts(&tainted, &pod, true));
        pod["tolerations"] = json!([{"key": "dedicated", "operator": "Exists"}]);
        assert!(accepts(&tainted, &pod, true));
    }

    #[test]
    fn a_selector_must_match_the_template() {
        let mut object = owner("DaemonSet");
        assert!(check_selector("DaemonSet", &object).is_ok());
        object["spec"]["template"]["metadata"]["labels"]["app"] = "y".into();
        assert!(check_selector("DaemonSet", &object).is_err());
    }
}
