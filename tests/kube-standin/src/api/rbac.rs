//! What roles allow.

use serde_json::{Value, json};

use super::authentication::User;
use crate::http::Request;

const GROUP: &str = "rbac.authorization.k8s.io";

/// What somebody wants to do, as rules speak of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) verb: String,
    pub(super) group: String,
    /// With a part: `nodes/checkpoint`.
    pub(super) resource: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Wish {
    /// What a request to the API wants; nothing where it is not about objects.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let mut words = request.path().trim_matches('/').split('/');
        let group = match words.next()? {
            "api" => String::new(),
            "apis" => words.next()?.to_owned(),
            _ => return None,
        };
        let _version = words.next()?;
        let mut rest: Vec<&str> = words.collect();
        let mut namespace = None;
        if rest.first() == Some(&"namespaces") && rest.len() > 2 {
            namespace = rest.get(1).map(|name| (*name).to_owned());
            rest.drain(..2);
        }
        let plural = rest.first()?;
        let name = rest.get(1).map(|name| (*name).to_owned());
        let verb = match (request.method.as_str(), &name) {
            ("GET", Some(_)) => "get",
            ("GET", None) if request.parameter("watch").as_deref() == Some("true") => "watch",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            _ => return None,
        };
        let resource = rest.get(2).map_or_else(|| (*plural).to_owned(), |part| format!("{plural}/{part}"));
        Some(Self { verb: verb.to_owned(), group, resource, namespace, name })
    }

    /// What a SubjectAccessReview asks about.
    pub(super) fn asked(attributes: &Value) -> Self {
        let text =
            |field: &str| attributes[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let resource = text("resource").unwrap_or_default();
        Self {
            verb: text("verb").unwrap_or_default(),
            group: text("group").unwrap_or_default(),
            resource: text("subresource")
                .map_or_else(|| resource.clone(), |part| format!("{resource}/{part}")),
            namespace: text("namespace"),
            name: text("name"),
        }
    }
}

/// Whether the roles that a user has allow something. `list` gives all objects of a kind, of one namespace or of all.
pub(super) fn allows(user: &User, wish: &Wish, list: impl Fn(&str, Option<&str>) -> Vec<Value>) -> bool {
    let cluster_roles = list(&format!("clusterroles.{GROUP}"), None);
    let granted = |binding: &Value, roles: &[Value]| {
        let means = |subject: &Value| is(user, subject, &binding["metadata"]["namespace"]);
        let has = binding["subjects"].as_array().into_iter().flatten().any(means);
        let kind = &binding["roleRef"]["kind"];
        let all = if kind == "ClusterRole" { &cluster_roles[..] } else { roles };
        let role = all.iter().find(|role| role["metadata"]["name"] == binding["roleRef"]["name"]);
        let mut rules = role.and_then(|role| role["rules"].as_array()).into_iter().flatten();
        has && rules.any(|rule| covers(rule, wish))
    };
    if list(&format!("clusterrolebindings.{GROUP}"), None).iter().any(|binding| granted(binding, &[])) {
        return true;
    }
    let Some(namespace) = wish.namespace.as_deref() else { return false };
    let roles = list(&format!("roles.{GROUP}"), Some(namespace));
    list(&format!("rolebindings.{GROUP}"), Some(namespace)).iter().any(|binding| granted(binding, &roles))
}

/// Whether a subject of a binding is this user.
fn is(user: &User, subject: &Value, own_namespace: &Value) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => user.name == name,
        Some("Group") => user.is_in(name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().or(own_namespace.as_str()).unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn covers(rule: &Value, wish: &Wish) -> bool {
    let has = |field: &str, wanted: &str| {
        rule[field]
            .as_array()
            .is_some_and(|words| words.contains(&json!("*")) || words.contains(&json!(wanted)))
    };
    let names = rule["resourceNames"].as_array().filter(|names| !names.is_empty());
    let named = names.is_none_or(|names| wish.name.as_ref().is_some_and(|name| names.contains(&json!(name))));
    let part = wish.resource.split_once('/').map(|(_, part)| format!("*/{part}"));
    has("verbs", &wish.verb)
        && has("apiGroups", &wish.group)
        && (has("resources", &wish.resource) || part.is_some_and(|part| has("resources", &part)))
        && named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(plural: &str, _: Option<&str>) -> Vec<Value> {
        let role = |name: &str, rule: Value| json!({"metadata": {"name": name}, "rules": [rule]});
        let binding = |kind: &str, role: &str, subject: Value| json!({"metadata": {"name": "x", "namespace": "default"}, "subjects": [subject], "roleRef": {"kind": kind, "name": role}});
        match plural.split('.').next() {
            Some("clusterroles") => vec![role(
                "checkpoint",
                json!({"apiGroups": [""], "resources": ["nodes/checkpoint"], "verbs": ["create"]}),
            )],
            Some("clusterrolebindings") => vec![binding(
                "ClusterRole",
                "checkpoint",
                json!({"kind": "ServiceAccount", "name": "robot", "namespace": "kube-system"}),
            )],
            Some("roles") => {
                vec![role(
                    "one",
                    json!({"apiGroups": ["*"], "resources": ["leases"], "verbs": ["*"], "resourceNames": ["mine"]}),
                )]
            }
            Some("rolebindings") => vec![binding("Role", "one", json!({"kind": "Group", "name": "team"}))],
            _ => Vec::new(),
        }
    }

    fn allowed(name: &str, group: &str, method: &str, target: &str) -> bool {
        let user = User { name: name.to_owned(), groups: vec![group.to_owned()] };
        let request = Request { method: method.to_owned(), target: target.to_owned(), ..Request::default() };
        allows(&user, &Wish::of(&request).unwrap(), objects)
    }

    #[test]
    fn a_role_allows_what_it_says_to_whom_it_is_bound() {
        let robot = "system:serviceaccount:kube-system:robot";
        assert!(allowed(robot, "", "POST", "/api/v1/nodes/a/checkpoint"));
        assert!(!allowed(robot, "", "GET", "/api/v1/nodes/a/checkpoint"));
        assert!(!allowed(robot, "", "POST", "/api/v1/nodes/a/proxy"));
        assert!(!allowed("system:serviceaccount:default:robot", "", "POST", "/api/v1/nodes/a/checkpoint"));
        let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
        assert!(allowed("bob", "team", "PATCH", &format!("{lease}/mine")));
        assert!(!allowed("bob", "team", "PATCH", &format!("{lease}/other")));
        assert!(!allowed("bob", "team", "GET", lease));
        assert!(!allowed("bob", "others", "PATCH", &format!("{lease}/mine")));
    }

    #[test]
    fn a_review_asks_for_the_same_as_a_request() {
        let asked = json!({"verb": "create", "resource": "nodes", "subresource": "checkpoint", "name": "a"});
        let request = Request {
            method: "POST".into(),
            target: "/api/v1/nodes/a/checkpoint".into(),
            ..Request::default()
        };
        assert_eq!(Some(Wish::asked(&asked)), Wish::of(&request));
    }
}
