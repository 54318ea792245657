//! `clouder inventory`.

mod data;
mod graph;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_inventory::{Inventory, VariableFolder, Variables};
use clouder_lang::yaml::to_json;
use serde_json::{Map, Value};

use super::options::{InventoryOptions, VaultOptions};
use super::{Failure, print, setup, vault};
use crate::config::{self, Config};
use crate::template::to_yaml;
use data::sorted;

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
    /// Show YAML instead of JSON
    #[arg(short, long)]
    yaml: bool,
    /// Leave variables with the group that has them, instead of telling each host's
    #[arg(long)]
    export: bool,
    /// Write into a file instead
    #[arg(long, value_name = "FILE", requires = "list")]
    output: Option<PathBuf>,
    /// The folder whose group_vars and host_vars count, too
    #[arg(long, alias = "basedir", value_name = "FOLDER")]
    playbook_dir: Option<PathBuf>,
    /// The group at the top of the tree
    #[arg(value_name = "GROUP", default_value = "all")]
    group: String,
    #[command(flatten)]
    options: InventoryOptions,
    #[command(flatten)]
    vault: VaultOptions,
}

/// What is shown of an inventory.
struct View<'a> {
    inventory: &'a Inventory,
    folder: Option<&'a VariableFolder>,
    /// Only these hosts.
    limit: Option<Vec<Arc<str>>>,
    export: bool,
}

impl InventoryCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let keyring = vault::of_run(config, &self.vault)?;
        let mut inventory = setup::inventory(config, &self.options, &keyring)?;
        let folder = self.playbook_dir.clone().or_else(|| config.path(&config::PLAYBOOK_DIR));
        let folder = match &folder {
            Some(folder) => Some(VariableFolder::read(folder, &setup::reader(config, &keyring))?),
            None => None,
        };
        let limit = match &self.options.limit {
            Some(pattern) => {
                let selected = inventory.select(pattern).map_err(|error| {
                    Failure::new(
                        error.to_string(),
                        "patterns are names, globs, ~regular expressions, joined by : & !",
                    )
                })?;
                Some(selected.hosts)
            }
            None => None,
        };
        let view = View { inventory: &inventory, folder: folder.as_ref(), limit, export: self.export };
        let text = if let Some(host) = &self.host {
            if inventory.host(host).is_none() {
                return Err(Failure::new(
                    format!("Could not match supplied host: {host}"),
                    "clouder inventory --graph shows all hosts",
                ));
            }
            self.written(&Value::Object(sorted(view.merged(host))))
        } else if self.list {
            self.written(&if self.yaml { view.tree() } else { view.list() })
        } else {
            if inventory.group(&self.group).is_none() {
                return Err(Failure::new(
                    format!("there is no group `{}`", self.group),
                    "clouder inventory --graph shows all groups",
                ));
            }
            view.graph(&self.group, self.vars.then_some(&*keyring))?
        };
        match &self.output {
            Some(path) => std::fs::write(path, text).map_err(|error| {
                Failure::new(
                    format!("cannot write {}: {error}", path.display()),
                    "--output names a file in a folder that is there",
                )
            })?,
            None => print(&text),
        }
        Ok(0)
    }

    fn written(&self, value: &Value) -> String {
        if self.yaml { to_yaml(value) } else { pretty(value) }
    }
}

impl View<'_> {
    fn shows(&self, host: &str) -> bool {
        self.limit.as_ref().is_none_or(|hosts| hosts.iter().any(|name| name.as_ref() == host))
    }

    /// All that holds for a host.
    fn merged(&self, host: &str) -> Map<String, Value> {
        json_of(&self.inventory.variables_of(host, self.folder))
    }

    /// What is told of a host: its own variables if those of groups are told apart, else all.
    fn host_variables(&self, host: &str) -> Map<String, Value> {
        if self.export {
            json_of(&self.inventory.variables_of_host_alone(host, self.folder))
        } else {
            self.merged(host)
        }
    }

    fn group_variables(&self, group: &str) -> Map<String, Value> {
        json_of(&self.inventory.variables_of_group(group, self.folder))
    }

    /// The groups directly below one; below `all` those that are below no other.
    fn children(&self, group: &str) -> Vec<String> {
        let mut names: Vec<String> = match (group, self.inventory.group(group)) {
            ("all", _) => {
                let is_child = |name: &str| {
                    self.inventory
                        .groups()
                        .any(|(parent, group)| parent.as_ref() != "all" && group.children.contains(name))
                };
                self.inventory
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

    /// The hosts directly in a group.
    fn members(&self, group: &str) -> Vec<String> {
        let names: Vec<String> = match (group, self.inventory.group(group)) {
            ("all", _) | (_, None) => Vec::new(),
            ("ungrouped", _) => {
                self.inventory.hosts_of("ungrouped").iter().map(ToString::to_string).collect()
            }
            (_, Some(group)) => group.hosts.iter().map(ToString::to_string).collect(),
        };
        names.into_iter().filter(|name| self.shows(name)).collect()
    }
}

fn json_of(variables: &Variables) -> Map<String, Value> {
    variables.iter().map(|(name, node)| (name.to_string(), to_json(node))).collect()
}

fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Values of JSON can always be written to memory.
    let _ = serde::Serialize::serialize(value, &mut serializer);
    String::from_utf8_lossy(&out).into_owned() + "\n"
}
