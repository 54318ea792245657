//! `clouder inventory`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use clouder_inventory::{Inventory, Reader, VariableFolder};
use clouder_lang::yaml::to_json;
use serde_json::{Map, Value, json};

use super::options::InventoryOptions;
use super::{Failure, print, setup};

/// Shows hosts, groups and their variables.
#[derive(Args)]
#[group(id = "what", required = true, multiple = false, args = ["list", "graph", "host"])]
pub(super) struct InventoryCommand {
    /// Show all as JSON
    #[arg(long)]
    list: bool,
    /// Show groups and hosts as a tree
    #[arg(long)]
    graph: bool,
    /// Show the variables of a host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Show variables in the tree, too
    #[arg(long, requires = "graph")]
    vars: bool,
    /// The folder whose group_vars and host_vars count, too
    #[arg(long, value_name = "FOLDER")]
    playbook_dir: Option<PathBuf>,
    /// The group at the top of the tree
    #[arg(value_name = "GROUP", default_value = "all")]
    group: String,
    #[command(flatten)]
    options: InventoryOptions,
}

impl InventoryCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self) -> Result<i32, Failure> {
        let inventory = setup::inventory(&self.options)?;
        let folder = match &self.playbook_dir {
            Some(folder) => Some(VariableFolder::read(folder, &Reader::new(&setup::no_vault))?),
            None => None,
        };
        let variables = |host: &str| -> Map<String, Value> {
            inventory
                .variables_of(host, folder.as_ref())
                .iter()
                .map(|(name, node)| (name.to_string(), to_json(node)))
                .collect()
        };
        if let Some(host) = &self.host {
            if inventory.host(host).is_none() {
                return Err(Failure::new(
                    format!("Could not match supplied host: {host}"),
                    "clouder inventory --graph shows all hosts",
                ));
            }
            print(&pretty(&Value::Object(sorted(variables(host)))));
        } else if self.list {
            print(&pretty(&list(&inventory, &variables)));
        } else {
            if inventory.group(&self.group).is_none() {
                return Err(Failure::new(
                    format!("there is no group `{}`", self.group),
                    "clouder inventory --graph shows all groups",
                ));
            }
            let mut text = String::new();
            graph(&inventory, &self.group, 0, self.vars, &variables, &mut text);
            print(&text);
        }
        Ok(0)
    }
}

fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Values of JSON can always be written to memory.
    let _ = serde::Serialize::serialize(value, &mut serializer);
    String::from_utf8_lossy(&out).into_owned() + "\n"
}

fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// The groups directly below one; below `all` those that are below no other.
fn children(inventory: &Inventory, group: &str) -> Vec<String> {
    let mut names: Vec<String> = match (group, inventory.group(group)) {
        ("all", _) => {
            let is_child = |name: &str| {
                inventory
                    .groups()
                    .any(|(parent, group)| parent.as_ref() != "all" && group.children.contains(name))
            };
            inventory
                .groups()
                .map(|(name, _)| name.to_string())
                .filter(|name| name != "all" && !is_child(name))
                .collect()
        }
        (_, Some(group)) => group.children.iter().map(ToString::to_string).collect(),
        (_, None) => Vec::new(),
    };
    if group == "all" {
        names.sort_by_key(|name| name != "ungrouped");
    }
    names
}

fn members(inventory: &Inventory, group: &str) -> Vec<String> {
    if group == "ungrouped" {
        return inventory.hosts_of("ungrouped").iter().map(ToString::to_string).collect();
    }
    inventory
        .group(group)
        .map(|group| group.hosts.iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

fn list(inventory: &Inventory, variables: &dyn Fn(&str) -> Map<String, Value>) -> Value {
    let hosts: Map<String, Value> = inventory
        .hosts()
        .map(|name| (name.to_string(), Value::Object(sorted(variables(name)))))
        .filter(|(_, variables)| variables.as_object().is_some_and(|variables| !variables.is_empty()))
        .collect();
    let mut all = Map::new();
    for (name, _) in inventory.groups() {
        let mut group = Map::new();
        let (children, members) = (
            children(inventory, name),
            if name.as_ref() == "all" { Vec::new() } else { members(inventory, name) },
        );
        if !children.is_empty() {
            group.insert("children".to_owned(), json!(children));
        }
        if !members.is_empty() {
            group.insert("hosts".to_owned(), json!(members));
        }
        if !group.is_empty() {
            all.insert(name.to_string(), Value::Object(group));
        }
    }
    let mut whole = Map::new();
    whole.insert("_meta".to_owned(), json!({"hostvars": sorted(hosts)}));
    whole.extend(sorted(all));
    Value::Object(whole)
}

fn graph(
    inventory: &Inventory,
    group: &str,
    depth: usize,
    with_variables: bool,
    variables: &dyn Fn(&str) -> Map<String, Value>,
    text: &mut String,
) {
    let margin = |depth: usize| {
        if depth == 0 { String::new() } else { format!("{}|--", "  |".repeat(depth - 1) + "  ") }
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}@{group}:", margin(depth));
    for child in children(inventory, group) {
        graph(inventory, &child, depth + 1, with_variables, variables, text);
    }
    if group == "all" {
        return;
    }
    for host in members(inventory, group) {
        let _ = writeln!(text, "{}{host}", margin(depth + 1));
        if with_variables {
            for (name, value) in sorted(variables(&host)) {
                let _ = writeln!(text, "{}{{{name} = {value}}}", margin(depth + 2));
            }
        }
    }
}
