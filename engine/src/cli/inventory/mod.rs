//! `clouder inventory`.

mod data;
mod graph;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_inventory::{Inventory, VariableFolder, Variables, combine};
use clouder_lang::yaml::to_json;
use serde_json::{Map, Value};

use super::options::{InventoryOptions, VaultOptions};
use super::{Failure, print, setup, vault};
use crate::config::{self, Config};
use crate::template::to_yaml;

/// The exit code for wrong use, as Ansible has it.
const USAGE: u8 = 5;

/// Shows hosts, groups and their variables.
#[derive(Args)]
#[group(id = "what", multiple = true, args = ["list", "graph", "host"])]
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
    #[arg(long)]
    vars: bool,
    /// Show YAML instead of JSON
    #[arg(short, long)]
    yaml: bool,
    /// Leave variables with the group that has them, instead of telling each host's
    #[arg(long)]
    export: bool,
    /// Write into a file instead
    #[arg(long, value_name = "FILE")]
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
    /// What is beside the playbook.
    beside: &'a VariableFolder,
    /// Whether the playbook's folder was named. As for Ansible, it is else this folder, but only for all that holds for a host.
    is_named: bool,
    /// Only these hosts.
    limit: Option<Vec<Arc<str>>>,
    export: bool,
    /// Variables of the command line.
    extra: &'a Variables,
}

impl InventoryCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        if u8::from(self.list) + u8::from(self.graph) + u8::from(self.host.is_some()) != 1 {
            let message = "one of --list, --graph and --host says what is shown";
            return Err(Failure::new(message, "clouder inventory --list shows all").code(USAGE));
        }
        let keyring = vault::of_run(config, &self.vault)?;
        let extra = setup::extra_of(config, &self.options, &keyring)?;
        let mut inventory = setup::inventory(config, &self.options, &keyring, &extra)?;
        let named = self.playbook_dir.clone().or_else(|| config.path(&config::PLAYBOOK_DIR));
        let is_named = named.is_some();
        let reader = setup::reader(config, &keyring);
        let beside = VariableFolder::read(&named.unwrap_or_else(|| PathBuf::from(".")), &reader)?;
        beside.read_for(&inventory, &reader)?;
        let limit = match self.options.limit.as_ref().filter(|limit| !limit.is_empty()) {
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
        if self.host.as_deref() == Some("localhost") {
            inventory.add_implicit_host("localhost");
        }
        let export = self.export || config.flag(&config::INVENTORY_EXPORT);
        let view = View { inventory: &inventory, beside: &beside, is_named, limit, export, extra: &extra };
        let text = if let Some(host) = &self.host {
            if inventory.host(host).is_none() {
                return Err(Failure::new(
                    format!("Could not match supplied host: {host}"),
                    "clouder inventory --graph shows all hosts",
                )
                .code(USAGE));
            }
            self.written(&Value::Object(view.host_variables(host)))
        } else if self.list {
            self.written(&if self.yaml { view.tree() } else { view.list() })
        } else {
            if inventory.group(&self.group).is_none() {
                return Err(Failure::new(
                    format!("there is no group `{}`", self.group),
                    "clouder inventory --graph shows all groups",
                )
                .code(USAGE));
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
        let mut value = value.clone();
        value.sort_all_objects();
        if self.yaml { to_yaml(&value) } else { pretty(&value) }
    }
}

impl View<'_> {
    fn shows(&self, host: &str) -> bool {
        self.limit.as_ref().is_none_or(|hosts| hosts.iter().any(|name| name.as_ref() == host))
    }

    fn named(&self) -> Option<&VariableFolder> {
        self.is_named.then_some(self.beside)
    }

    /// What is told of a host: its own variables if those of groups are told apart, else all that holds for it.
    fn host_variables(&self, host: &str) -> Map<String, Value> {
        if self.export {
            return json_of(&self.inventory.variables_of_host_alone(host, self.named()));
        }
        let mut variables = self.inventory.variables_of(host, Some(self.beside));
        combine(&mut variables, self.extra.clone(), self.inventory.merge);
        json_of(&variables)
    }

    fn group_variables(&self, group: &str) -> Map<String, Value> {
        let mut variables = json_of(&self.inventory.variables_of_group(group, self.named()));
        let priority = self.inventory.group(group).map_or(1, |group| group.priority);
        if priority != 1 {
            variables.insert("ansible_group_priority".to_owned(), priority.into());
        }
        variables
    }

    /// The groups directly below one.
    fn children(&self, group: &str) -> Vec<String> {
        self.inventory.children_of(group).iter().map(ToString::to_string).collect()
    }

    /// The hosts directly in a group.
    fn members(&self, group: &str) -> Vec<String> {
        match (group, self.inventory.group(group)) {
            ("all", _) | (_, None) => Vec::new(),
            ("ungrouped", _) => {
                self.inventory.hosts_of("ungrouped").iter().map(ToString::to_string).collect()
            }
            (_, Some(group)) => group.hosts.iter().map(ToString::to_string).collect(),
        }
    }
}

fn json_of(variables: &Variables) -> Map<String, Value> {
    variables.iter().map(|(name, node)| (name.to_string(), to_json(node))).collect()
}

/// As JSON, with Ansible's margins.
pub(super) fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Values of JSON can always be written to memory.
    let _ = serde::Serialize::serialize(value, &mut serializer);
    String::from_utf8_lossy(&out).into_owned() + "\n"
}
