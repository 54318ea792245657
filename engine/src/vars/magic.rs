//! Magic variables: those that a run sets itself.

use std::path::Path;
use std::sync::Arc;

use super::TaskVariables;
use super::hostvars::{HostVars, ScopeMapping};
use crate::template::Value;

/// Those that depend on the host, the play or the role.
const NAMES: [&str; 27] = [
    "ansible_dependent_role_names",
    "ansible_facts",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_collection_name",
    "ansible_search_path",
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_names",
    "role_path",
    "vars",
];

/// The names of those that have a value here.
pub(super) fn names(scope: &TaskVariables) -> Vec<&'static str> {
    let shared = scope.shared.constants.keys().copied();
    shared
        .chain(NAMES.into_iter().filter(|name| {
            *name != "vars" && variable(scope, name).or_else(|| of_inventory(scope, name)).is_some()
        }))
        .collect()
}

/// The value of a variable that belongs to the host's place in the inventory: plays, facts and whatever is stronger may say
/// something else.
pub(super) fn of_inventory(scope: &TaskVariables, name: &str) -> Option<Value> {
    match name {
        "inventory_hostname" => Some(Value::from(scope.host.name.as_ref())),
        "inventory_hostname_short" => {
            let name = scope.host.name.as_ref();
            let is_address = name.parse::<std::net::IpAddr>().is_ok();
            Some(Value::from(if is_address { name } else { name.split('.').next().unwrap_or_default() }))
        }
        "group_names" => Some(scope.shared.group_names(&scope.host.name)),
        "inventory_dir" | "inventory_file" => {
            let source = scope.shared.source_of(&scope.host.name)?;
            // A list of hosts is in no folder, which Ansible says in this word.
            let path = match &source {
                Some(source) if name == "inventory_file" => Some(&**source),
                Some(source) if source.is_absolute() => source.parent(),
                _ => None,
            };
            Some(path.map_or_else(|| Value::from("None"), path_text))
        }
        _ => None,
    }
}

/// The value of a magic variable that nothing is stronger than.
pub(super) fn variable(scope: &TaskVariables, name: &str) -> Option<Value> {
    let roles = || scope.layer.iter().flat_map(|layer| layer.roles());
    let texts = |names: Vec<Arc<str>>| Value::from_iter(names.iter().map(|name| Value::from(name.as_ref())));
    let play = scope.play.as_ref();
    match name {
        "omit" => Some(crate::template::omit()),
        "groups" => Some(scope.shared.groups()),
        "hostvars" => Some(Value::from_object(HostVars::new(&scope.shared))),
        "vars" => Some(Value::from_object(ScopeMapping {
            scope: Arc::new(scope.clone()),
            hidden: &["vars", "omit"],
        })),
        "ansible_facts" => Some(Value::from_pairs(
            scope.host.facts().into_iter().map(|(name, value)| (Value::from(bare(&name)), value)),
        )),
        "playbook_dir" => Some(path_text(scope.playbook_folder())),
        "role_path" => roles().next().map(|role| path_text(&role.path)),
        "role_name" => roles().next().map(|role| Value::from(role.short_name())),
        "ansible_role_name" => roles().next().map(|role| Value::from(role.name.as_ref())),
        "ansible_collection_name" => {
            roles().next().map(|role| Value::from(role.collection().unwrap_or_default()))
        }
        "ansible_parent_role_names" | "ansible_parent_role_paths" if roles().nth(1).is_none() => None,
        "ansible_parent_role_names" => {
            Some(Value::from_iter(roles().skip(1).map(|role| Value::from(role.name.as_ref()))))
        }
        "ansible_parent_role_paths" => {
            Some(Value::from_iter(roles().skip(1).map(|role| path_text(&role.path))))
        }
        "ansible_play_role_names" | "role_names" => play.map(|play| texts(play.used_roles())),
        "ansible_dependent_role_names" => play.map(|play| texts(play.depended_on())),
        "ansible_role_names" => play.map(|play| {
            let mut names = play.depended_on();
            let direct = play.used_roles();
            names.extend(direct);
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| seen.insert(Arc::clone(name)));
            texts(names)
        }),
        "ansible_play_name" => play.map(|play| Value::from(play.name.as_str())),
        "ansible_play_hosts" => play.map(|play| texts(play.alive())),
        "ansible_play_batch" | "play_hosts" => play.map(|play| texts(play.batch())),
        "ansible_play_hosts_all" => play.map(|play| texts(play.all_hosts.clone())),
        "ansible_search_path" => {
            use crate::template::Scope as _;
            Some(Value::from_iter(scope.search_path().iter().map(|path| path_text(path))))
        }
        other => scope.shared.constants.get(other).cloned(),
    }
}

fn path_text(path: &Path) -> Value {
    Value::from(path.to_string_lossy().into_owned())
}

/// The name of a fact in `ansible_facts`.
fn bare(name: &str) -> &str {
    name.strip_prefix("ansible_").filter(|rest| *rest != "local").unwrap_or(name)
}
