//! The whole inventory as data: `--list`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::View;

impl View<'_> {
    /// As `ansible-inventory --list` has it: groups by name, variables of hosts apart.
    pub(super) fn list(&self) -> Value {
        let hosts: Map<String, Value> = self
            .inventory
            .hosts()
            .filter(|name| self.shows(name))
            .map(|name| (name.to_string(), Value::Object(sorted(self.host_variables(name)))))
            .filter(|(_, variables)| variables.as_object().is_some_and(|variables| !variables.is_empty()))
            .collect();
        let mut groups = Map::new();
        for (name, _) in self.inventory.groups() {
            let mut group = Map::new();
            let children = self.children(name);
            if !children.is_empty() {
                group.insert("children".to_owned(), json!(children));
            }
            let members = self.shown(name);
            if !members.is_empty() {
                group.insert("hosts".to_owned(), json!(members));
            }
            let variables = self.exported(name);
            if !variables.is_empty() {
                group.insert("vars".to_owned(), Value::Object(variables));
            }
            if !group.is_empty() {
                groups.insert(name.to_string(), Value::Object(group));
            }
        }
        let mut whole = Map::new();
        whole.insert("_meta".to_owned(), json!({"hostvars": sorted(hosts), "profile": "inventory_legacy"}));
        whole.extend(sorted(groups));
        Value::Object(whole)
    }

    /// As an inventory in YAML: groups inside of groups, each group and host told once.
    pub(super) fn tree(&self) -> Value {
        let mut told = Vec::new();
        let all = self.branch("all", &mut told);
        json!({"all": all})
    }

    fn branch(&self, group: &str, told: &mut Vec<String>) -> Value {
        let mut children = Map::new();
        for child in self.children(group) {
            let below = if told.iter().any(|name| *name == format!("@{child}")) {
                Value::Object(Map::new())
            } else {
                let below = self.branch(&child, told);
                told.push(format!("@{child}"));
                if below.as_object().is_some_and(Map::is_empty) {
                    continue;
                }
                below
            };
            children.insert(child, below);
        }
        let mut hosts = Map::new();
        for host in self.shown(group) {
            let variables = if told.contains(&host) { Map::new() } else { self.host_variables(&host) };
            told.push(host.clone());
            hosts.insert(host, Value::Object(sorted(variables)));
        }
        let mut branch = Map::new();
        for (name, part) in [("children", children), ("hosts", hosts), ("vars", self.exported(group))] {
            if !part.is_empty() {
                branch.insert(name.to_owned(), Value::Object(sorted(part)));
            }
        }
        Value::Object(branch)
    }

    /// The hosts directly in a group, within the limit.
    fn shown(&self, group: &str) -> Vec<String> {
        self.members(group).into_iter().filter(|host| self.shows(host)).collect()
    }

    /// The variables of a group, when they are to be told apart from those of hosts.
    fn exported(&self, group: &str) -> Map<String, Value> {
        if self.export { sorted(self.group_variables(group)) } else { Map::new() }
    }
}

/// By name.
pub(super) fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}
