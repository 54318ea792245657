//! Where a collection sends names: `meta/runtime.yml`.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use clouder_lang::yaml::{self, Mapping, Node};

use super::Files;

/// How many redirections may follow each other.
const LIMIT: usize = 20;

/// What a collection says of names of modules, and of groups of them.
#[derive(Debug, Default)]
pub(super) struct Routing {
    modules: BTreeMap<String, Route>,
    groups: BTreeMap<String, Vec<Node>>,
}

/// What a collection says of a name.
#[derive(Clone, Debug, Default)]
struct Route {
    redirect: Option<String>,
    deprecation: Option<String>,
    tombstone: Option<String>,
}

/// Where the name of a module leads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// The name it stands for.
    pub name: String,
    /// What is to be said of names on the way that will go.
    pub deprecations: Vec<String>,
    /// Why there is no such module any more.
    pub removed: Option<String>,
}

impl Files {
    /// Follows the name of a collection's module to what it stands for.
    pub(in crate::playbook) fn routed(&self, name: &str) -> Routed {
        let mut routed = Routed { name: name.to_owned(), ..Routed::default() };
        for _ in 0..LIMIT {
            let Some((collection, short)) = parts(&routed.name) else { break };
            let routing = self.routing(&collection);
            let Some(route) = routing.modules.get(short) else { break };
            let told = |words: &String| format!("{}: {words}", routed.name);
            routed.removed = route.tombstone.as_ref().map(told);
            routed.deprecations.extend(route.deprecation.as_ref().map(told));
            match &route.redirect {
                Some(next) if routed.removed.is_none() => {
                    // A name without a collection is one of the same collection.
                    routed.name =
                        if next.contains('.') { next.clone() } else { format!("{collection}.{next}") };
                }
                _ => break,
            }
        }
        routed
    }

    /// Whether a group of modules, `namespace.collection.group`, has one of these names.
    pub(in crate::playbook) fn group_has(&self, group: &str, names: &[&str]) -> bool {
        let mut seen = Vec::new();
        self.group_holds(group, names, &mut seen)
    }

    fn group_holds(&self, group: &str, names: &[&str], seen: &mut Vec<String>) -> bool {
        let Some((collection, short)) = parts(group) else { return false };
        if seen.iter().any(|known| known == group) {
            return false;
        }
        seen.push(group.to_owned());
        let whole = |name: &str| {
            if name.contains('.') { name.to_owned() } else { format!("{collection}.{name}") }
        };
        let routing = self.routing(&collection);
        routing.groups.get(short).into_iter().flatten().any(|member| match member.as_mapping() {
            Some(member) => {
                let more = member.get("metadata").and_then(Node::as_mapping);
                let more = more.and_then(|metadata| metadata.get("extend_group")).map(texts);
                more.unwrap_or_default().iter().any(|group| self.group_holds(&whole(group), names, seen))
            }
            None => {
                let name = whole(&member.to_text());
                let target = self.routed(&name).name;
                names.iter().any(|known| {
                    [&name, &target]
                        .iter()
                        .any(|name| name == known || crate::playbook::short_name(name) == *known)
                })
            }
        })
    }

    /// What a collection says; what cannot be read says nothing.
    fn routing(&self, collection: &str) -> Arc<Routing> {
        let mut known = self.routings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(routing) = known.get(collection) {
            return Arc::clone(routing);
        }
        let path = self.collection_folder(collection).map(|folder| folder.join("meta/runtime.yml"));
        let document = path
            .filter(|path| self.is_file(path))
            .and_then(|path| yaml::load_file(&self.source(&path).ok()?).ok()?.document);
        let routing = document.as_ref().and_then(Node::as_mapping).map(Routing::new).unwrap_or_default();
        let routing = Arc::new(routing);
        known.insert(collection.to_owned(), Arc::clone(&routing));
        routing
    }
}

impl Routing {
    fn new(document: &Mapping) -> Self {
        let section = |node: Option<&Node>, name: &str| -> Mapping {
            node.and_then(Node::as_mapping)
                .and_then(|mapping| mapping.get(name))
                .and_then(Node::as_mapping)
                .cloned()
                .unwrap_or_default()
        };
        let mut routing = Self::default();
        // What is said of actions is stronger.
        for kind in ["modules", "action"] {
            for (name, entry) in section(document.get("plugin_routing"), kind).iter() {
                let Some(said) = entry.value.as_mapping() else { continue };
                let words = |key: &str| said.get(key).and_then(Node::as_mapping).map(told);
                let route = Route {
                    redirect: said.get("redirect").and_then(Node::as_str).map(str::to_owned),
                    deprecation: words("deprecation"),
                    tombstone: words("tombstone"),
                };
                routing.modules.insert(name.to_string(), route);
            }
        }
        let groups = document.get("action_groups").and_then(Node::as_mapping);
        for (name, entry) in groups.into_iter().flat_map(Mapping::iter) {
            let members = entry.value.as_sequence().unwrap_or_default().to_vec();
            routing.groups.insert(name.to_string(), members);
        }
        routing
    }
}

/// A warning of a collection, and when what it is about goes.
fn told(said: &Mapping) -> String {
    let text = |key: &str| said.get(key).map(Node::to_text);
    let words = text("warning_text").unwrap_or_else(|| "it is going away".into());
    match (text("removal_version"), text("removal_date")) {
        (Some(version), _) => format!("{words} (version {version})"),
        (None, Some(date)) => format!("{words} ({date})"),
        (None, None) => words.to_string(),
    }
}

fn texts(node: &Node) -> Vec<Arc<str>> {
    match node.as_sequence() {
        Some(items) => items.iter().map(Node::to_text).collect(),
        None => vec![node.to_text()],
    }
}

/// `namespace.collection` and the rest of a name.
fn parts(name: &str) -> Option<(String, &str)> {
    let (namespace, rest) = name.split_once('.')?;
    let (collection, rest) = rest.split_once('.')?;
    Some((format!("{namespace}.{collection}"), rest))
}
