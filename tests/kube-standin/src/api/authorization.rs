//! Who may do what: the rules that kubeadm sets up, and the roles that the cluster has.

use std::sync::Arc;

use super::answer::Refusal;
use super::authentication::User;
use super::rbac::{self, Wish};
use super::reviews;
use super::store::State;
use crate::failure::Result as Found;
use crate::http::Request;

const CSR: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Refuses what the user may not do. The state is only asked for where the cluster's roles decide.
pub(crate) fn check(
    user: &User,
    request: &Request,
    state: impl FnOnce() -> Found<Arc<State>>,
) -> Result<(), Refusal> {
    if may(user, request) {
        return Ok(());
    }
    let state = state()?;
    if Wish::of(request).is_some_and(|wish| is_allowed(user, &wish, &state))
        || serves_a_pod(user, request, &state)
    {
        return Ok(());
    }
    let verb = match request.method.as_str() {
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        _ => "delete",
    };
    Err(Refusal::forbidden(format!("User \"{}\" cannot {verb} path \"{}\"", user.name, request.path())))
}

/// Whether somebody may do something by the roles of the cluster.
pub(super) fn is_allowed(user: &User, wish: &Wish, state: &State) -> bool {
    is_administrator(user) || rbac::allows(user, wish, |plural, namespace| state.list(plural, namespace))
}

/// Whether a kubelet asks for what one of its pods needs: a secret, or a token of the pod's account.
fn serves_a_pod(user: &User, request: &Request, state: &State) -> bool {
    let Some(node) = user.node() else { return false };
    let words: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    let own = |namespace: &str| {
        let pods = state.list("pods", Some(namespace)).into_iter();
        pods.map(|mut pod| pod["spec"].take()).filter(|spec| spec["nodeName"] == node)
    };
    match (request.method.as_str(), words.as_slice()) {
        ("GET", &["api", "v1", "namespaces", namespace, "secrets", name]) => own(namespace).any(|spec| {
            let volumes = spec["volumes"].as_array();
            volumes.is_some_and(|all| all.iter().any(|volume| volume["secret"]["secretName"] == name))
        }),
        ("POST", &["api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"]) => {
            own(namespace).any(|spec| spec["serviceAccountName"] == name)
        }
        _ => false,
    }
}

fn is_administrator(user: &User) -> bool {
    user.is_in("system:masters") || user.is_in("kubeadm:cluster-admins")
}

fn may(user: &User, request: &Request) -> bool {
    let path = request.path();
    let read = request.method == "GET";
    if is_administrator(user) {
        return true;
    }
    if read
        && matches!(
            path,
            "/readyz"
                | "/livez"
                | "/healthz"
                | "/version"
                | "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        )
    {
        return true;
    }
    let asks = path.starts_with(CSR) && (read || path == CSR && request.method == "POST");
    if user.is_in("system:bootstrappers") {
        let config = |name: &str| path == format!("/api/v1/namespaces/kube-system/configmaps/{name}");
        let secret = path == "/api/v1/namespaces/kube-system/secrets/kubeadm-certs";
        return asks
            || read
                && (config("kubeadm-config")
                    || config("kubelet-config")
                    || config("kube-proxy")
                    || secret
                    || path.starts_with("/api/v1/nodes/"));
    }
    let Some(node) = user.node() else { return false };
    let own = path == format!("/api/v1/nodes/{node}") || path == format!("/api/v1/nodes/{node}/status");
    let lease = path.starts_with("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
    let create = path == "/api/v1/nodes" && request.method == "POST";
    let pod_status =
        path.starts_with("/api/v1/namespaces/") && path.contains("/pods/") && path.ends_with("/status");
    let reviews = reviews::is_one(path) && request.method == "POST";
    asks || reviews
        || own && request.method != "DELETE"
        || lease
        || create
        || pod_status
        || read && !path.contains("/secrets")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::store::key;
    use super::*;

    fn allowed(name: &str, group: &str, method: &str, target: &str) -> bool {
        let user = User { name: name.into(), groups: vec![group.into()] };
        check(&user, &Request { method: method.into(), target: target.into(), ..Request::default() }, || {
            Ok(Arc::default())
        })
        .is_ok()
    }

    #[test]
    fn a_kubelet_writes_its_own_node_and_no_other() {
        let node = |method, target| allowed("system:node:a", "system:nodes", method, target);
        assert!(node("PATCH", "/api/v1/nodes/a/status"));
        assert!(!node("PATCH", "/api/v1/nodes/b/status"));
        assert!(!node("DELETE", "/api/v1/nodes/a"));
        assert!(node("GET", "/api/v1/nodes/b"));
        assert!(!node("GET", "/api/v1/namespaces/kube-system/secrets"));
        assert!(!node("PUT", &format!("{CSR}/x/approval")));
    }

    #[test]
    fn a_kubelet_gets_what_its_pods_need() {
        let mut state = State::default();
        let spec = json!({"nodeName": "a", "serviceAccountName": "web", "volumes": [{"name": "x", "secret": {"secretName": "x"}}]});
        state.put(
            key("pods", Some("shop"), "web"),
            json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}),
        );
        let state = Arc::new(state);
        let may = |node: &str, method: &str, path: &str| {
            let user = User { name: format!("system:node:{node}"), groups: vec!["system:nodes".into()] };
            let target = format!("/api/v1/namespaces/shop/{path}");
            let request = Request { method: method.into(), target, ..Request::default() };
            check(&user, &request, || Ok(Arc::clone(&state))).is_ok()
        };
        assert!(may("a", "GET", "secrets/x") && may("a", "POST", "serviceaccounts/web/token"));
        assert!(!may("b", "GET", "secrets/x") && !may("b", "POST", "serviceaccounts/web/token"));
        assert!(!may("a", "GET", "secrets/y") && !may("a", "POST", "serviceaccounts/other/token"));
    }

    #[test]
    fn a_token_asks_for_a_certificate_and_nobody_sees_more_than_where_the_cluster_is() {
        let token =
            |method, target| allowed("system:bootstrap:abcdef", "system:bootstrappers", method, target);
        assert!(token("POST", CSR));
        assert!(token("GET", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"));
        assert!(!token("GET", "/api/v1/namespaces/kube-system/secrets/other"));
        assert!(!token("POST", "/api/v1/nodes"));
        let nobody = |target| allowed("system:anonymous", "system:unauthenticated", "GET", target);
        assert!(nobody("/api/v1/namespaces/kube-public/configmaps/cluster-info"));
        assert!(!nobody("/api/v1/nodes"));
    }
}
