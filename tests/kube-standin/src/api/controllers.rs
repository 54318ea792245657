//! What a control plane does by itself: first namespaces, addresses for nodes, certificates for kubelets, the
//! signatures of cluster-info, and noticing nodes that have gone silent.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::authentication::{data, token_lives};
use super::store::{State, Store, key};
use super::{PERIOD, pods, volumes};
use crate::failure::Failure;
use crate::pki::{Pair, YEAR};

/// After how many seconds without a sign of life a node counts as lost.
const SILENCE: i64 = 40;
/// After how many periods the controllers look even if nothing has changed.
const REST: u32 = 5;

const REQUESTS: &str = "certificatesigningrequests.certificates.k8s.io";
const CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const SERVING: &str = "kubernetes.io/kubelet-serving";

/// The last sign of life of each node, and when it was first seen: what a clock said elsewhere, or before a snapshot, counts for nothing.
type Signs = HashMap<String, (String, OffsetDateTime)>;

/// Starts the controllers, which begin by making what is there from the beginning. Every server has them, and what one has done, the
/// others find done.
pub(super) fn start(store: &Arc<Store>, authority: Pair, services: &str) {
    let first = services.split('/').next().and_then(|text| text.parse::<Ipv4Addr>().ok());
    let address = first.map(|first| Ipv4Addr::from(u32::from(first) + 1).to_string());
    let store = Arc::clone(store);
    std::thread::spawn(move || {
        let mut seen = None;
        let mut rested = 0;
        let mut signs = Signs::default();
        loop {
            let revision = store.read().map(|state| state.revision).ok();
            // Where nothing has changed, only time has passed.
            if revision != seen || rested >= REST {
                rested = 0;
                let worked = store.change(|state| {
                    begin(state, address.as_deref());
                    establish(state);
                    publish(state, &authority.certificate);
                    give_addresses(state);
                    sign(state, &authority);
                    sign_cluster_info(state);
                    forget_tokens(state);
                    watch_nodes(state, OffsetDateTime::now_utc(), &mut signs);
                    pods::reconcile(state);
                    volumes::reconcile(state);
                    Ok::<_, Failure>(state.revision)
                });
                seen = worked.ok();
            }
            rested += 1;
            std::thread::sleep(PERIOD);
        }
    });
}

fn begin(state: &mut State, address: Option<&str>) {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        found(
            state,
            "namespaces",
            None,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": "Active"}}),
        );
    }
    found(
        state,
        "services",
        Some("default"),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": address, "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}], "type": "ClusterIP"}}),
    );
}

/// Says of kinds that were added that they can be used.
fn establish(state: &mut State) {
    const KINDS: &str = "customresourcedefinitions.apiextensions.k8s.io";
    for mut definition in state.list(KINDS, None) {
        if definition["status"]["conditions"].is_null() {
            definition["status"]["conditions"] = json!([{"type": "Established", "status": "True"}]);
            let name = definition["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            state.put(key(KINDS, None, &name), definition);
        }
    }
}

/// Tells pods in every namespace whom to trust.
fn publish(state: &mut State, authority: &str) {
    for namespace in state.list("namespaces", None) {
        let name = namespace["metadata"]["name"].as_str();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": name},
            "data": {"ca.crt": authority}});
        found(state, "configmaps", name, map);
    }
}

fn found(state: &mut State, plural: &str, namespace: Option<&str>, mut object: Value) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let key = key(plural, namespace, &name);
    if !state.objects.contains_key(&key) {
        object["metadata"]["uid"] = pods::uid().into();
        object["metadata"]["creationTimestamp"] =
            OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default().into();
        state.put(key, object);
    }
}

/// Gives each node a part of the pods' network.
fn give_addresses(state: &mut State) {
    let config = state.get("configmaps", Some("kube-system"), "kubeadm-config");
    let text = config.and_then(|config| config["data"]["ClusterConfiguration"].as_str()).unwrap_or_default();
    let Some(network) =
        text.lines().find_map(|line| line.trim().strip_prefix("podSubnet: ")).and_then(network)
    else {
        return;
    };
    let nodes = state.list("nodes", None);
    let taken: Vec<String> =
        nodes.iter().filter_map(|node| node["spec"]["podCIDR"].as_str().map(str::to_owned)).collect();
    let mut free = (0..256)
        .map(|index| format!("{}/24", Ipv4Addr::from(network + (index << 8))))
        .filter(|part| !taken.contains(part));
    for mut node in nodes {
        if node["spec"]["podCIDR"].as_str().is_none()
            && let Some(part) = free.next()
        {
            node["spec"]["podCIDRs"] = json!([part]);
            node["spec"]["podCIDR"] = part.into();
            let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            state.put(key("nodes", None, &name), node);
        }
    }
}

fn network(text: &str) -> Option<u32> {
    let address = text.trim().trim_matches('"').split('/').next()?;
    address.parse::<Ipv4Addr>().ok().map(u32::from)
}

/// Approves kubelets' requests for client certificates, and signs what is approved.
fn sign(state: &mut State, authority: &Pair) {
    for mut request in state.list(REQUESTS, None) {
        let groups = request["spec"]["groups"].as_array().cloned().unwrap_or_default();
        let trusted = groups.iter().any(|group| group == "system:bootstrappers" || group == "system:nodes");
        let signer = request["spec"]["signerName"].as_str().unwrap_or_default().to_owned();
        let conditions = request["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let mut changed = false;
        if conditions.is_empty() && signer == CLIENT && trusted {
            request["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "reason": "AutoApproved", "message": "Auto approving kubelet client certificate after SubjectAccessReview."}]);
            changed = true;
        }
        let is = |request: &Value, kind: &str| {
            request["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == kind)
        };
        if is(&request, "Approved")
            && !is(&request, "Denied")
            && request["status"]["certificate"].as_str().is_none()
        {
            let usages: &[&str] = if signer == SERVING { &["server auth"] } else { &["client auth"] };
            let text = request["spec"]["request"]
                .as_str()
                .and_then(|text| BASE64.decode(text).ok())
                .unwrap_or_default();
            if let Ok(certificate) = authority.sign(&String::from_utf8_lossy(&text), usages, YEAR) {
                request["status"]["certificate"] = BASE64.encode(certificate).into();
                changed = true;
            }
        }
        if changed {
            let name = request["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            state.put(key(REQUESTS, None, &name), request);
        }
    }
}

/// Signs cluster-info with every token that may.
fn sign_cluster_info(state: &mut State) {
    let place = key("configmaps", Some("kube-public"), "cluster-info");
    let Some(mut info) = state.at(&place).cloned() else { return };
    let content = info["data"]["kubeconfig"].as_str().unwrap_or_default().to_owned();
    let mut signed = json!({"kubeconfig": content});
    for secret in state.list("secrets", Some("kube-system")) {
        if data(&secret, "usage-bootstrap-signing").as_deref() == Some("true")
            && token_lives(&secret)
            && let (Some(id), Some(token)) = (data(&secret, "token-id"), data(&secret, "token-secret"))
        {
            signed[format!("jws-kubeconfig-{id}")] = signature(&id, &token, &content).into();
        }
    }
    info["data"] = signed;
    state.put(place, info);
}

/// The detached signature of a text by a token.
pub(crate) fn signature(id: &str, secret: &str, content: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\"}}"));
    let payload = URL_SAFE_NO_PAD.encode(content);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{header}.{payload}").as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Removes tokens that have expired.
fn forget_tokens(state: &mut State) {
    for secret in state.list("secrets", Some("kube-system")) {
        if secret["type"] == "bootstrap.kubernetes.io/token" && !token_lives(&secret) {
            let name = secret["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            state.remove(&key("secrets", Some("kube-system"), &name));
        }
    }
}

/// Marks nodes that have gone silent, and keeps the taints of nodes that are not ready.
fn watch_nodes(state: &mut State, now: OffsetDateTime, signs: &mut Signs) {
    for mut node in state.list("nodes", None) {
        let name = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let lease = state.get("leases.coordination.k8s.io", Some("kube-node-lease"), &name);
        let sign = lease.and_then(|lease| lease["spec"]["renewTime"].as_str()).unwrap_or_default();
        let last = signs.entry(name.clone()).or_insert_with(|| (sign.to_owned(), now));
        if last.0 != sign {
            *last = (sign.to_owned(), now);
        }
        if !sign.is_empty() && (now - last.1).whole_seconds() > SILENCE {
            for condition in node["status"]["conditions"].as_array_mut().into_iter().flatten() {
                if condition["type"] == "Ready" && condition["status"] != "Unknown" {
                    *condition = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."});
                }
            }
        }
        let mut taints: Vec<Value> = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        taints.retain(|taint| {
            !matches!(
                taint["key"].as_str(),
                Some("node.kubernetes.io/not-ready" | "node.kubernetes.io/unschedulable")
            )
        });
        if !pods::is_ready(&node) {
            taints.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
        }
        if node["spec"]["unschedulable"] == true {
            taints.push(json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}));
        }
        match (taints.is_empty(), node["spec"].as_object_mut()) {
            (true, Some(spec)) => drop(spec.remove("taints")),
            _ => node["spec"]["taints"] = taints.into(),
        }
        state.put(key("nodes", None, &name), node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(state: &State, name: &str) -> Value {
        state.get("nodes", None, name).unwrap().clone()
    }

    #[test]
    fn every_node_gets_its_own_addresses() {
        let mut state = State::default();
        state.put(key("configmaps", Some("kube-system"), "kubeadm-config"), json!({"metadata": {}, "data": {"ClusterConfiguration": "networking:\n  podSubnet: 10.244.0.0/16\n"}}));
        for name in ["a", "b"] {
            state.put(key("nodes", None, name), json!({"metadata": {"name": name}, "spec": {}}));
        }
        give_addresses(&mut state);
        assert_eq!(node(&state, "a")["spec"]["podCIDR"], "10.244.0.0/24");
        assert_eq!(node(&state, "b")["spec"]["podCIDR"], "10.244.1.0/24");
    }

    #[test]
    fn a_silent_node_is_unknown_and_tainted() {
        let mut state = State::default();
        state.put(key("nodes", None, "a"), json!({"metadata": {"name": "a"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}));
        state.put(
            key("leases.coordination.k8s.io", Some("kube-node-lease"), "a"),
            json!({"metadata": {"name": "a"}, "spec": {"renewTime": "2026-01-01T00:00:00Z"}}),
        );
        // Long after, by another clock.
        let then = OffsetDateTime::parse("2026-01-02T00:00:00Z", &Rfc3339).unwrap();
        let mut signs = Signs::default();
        for seconds in [0, 30] {
            watch_nodes(&mut state, then + time::Duration::seconds(seconds), &mut signs);
            assert!(pods::is_ready(&node(&state, "a")));
        }
        watch_nodes(&mut state, then + time::Duration::seconds(41), &mut signs);
        assert_eq!(node(&state, "a")["status"]["conditions"][0]["status"], "Unknown");
        assert_eq!(node(&state, "a")["spec"]["taints"][0]["key"], "node.kubernetes.io/not-ready");
    }

    #[test]
    fn only_requests_for_clients_are_approved_without_a_person() {
        let authority = Pair::authority("kubernetes", YEAR).unwrap();
        let subject =
            crate::pki::Subject { name: "system:node:a", group: Some("system:nodes"), names: Vec::new() };
        let (pem, _) = crate::pki::request(&subject).unwrap();
        let mut state = State::default();
        for (name, signer) in [("client", CLIENT), ("serving", SERVING)] {
            state.put(key(REQUESTS, None, name), json!({"metadata": {"name": name}, "spec": {"signerName": signer, "groups": ["system:nodes"], "request": BASE64.encode(&pem)}}));
        }
        sign(&mut state, &authority);
        let certificate = |state: &State, name: &str| {
            state.get(REQUESTS, None, name).unwrap()["status"]["certificate"].as_str().map(str::to_owned)
        };
        assert!(certificate(&state, "client").is_some());
        assert!(certificate(&state, "serving").is_none());
    }
}
