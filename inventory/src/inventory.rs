//! Hosts and groups.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;
use indexmap::{IndexMap, IndexSet};

use crate::pattern::LOCAL_NAMES;
use crate::variables::combine;
use crate::{VariableFolder, literal};

/// Variables as written, by name.
pub type Variables = IndexMap<Arc<str>, Node>;

/// One host.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its variables from the inventory's sources.
    pub variables: Variables,
    /// The groups it is in directly.
    pub groups: IndexSet<Arc<str>>,
    /// Whether nobody wrote it down: the controller itself, named without being in the inventory.
    pub implicit: bool,
    /// The source that named it first.
    pub source: Option<Arc<Path>>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its variables from the inventory's sources.
    pub variables: Variables,
    /// The hosts directly in it.
    pub hosts: IndexSet<Arc<str>>,
    /// The groups directly in it.
    pub children: IndexSet<Arc<str>>,
    /// Among groups of one depth, the variables of the higher priority win.
    pub priority: i64,
}

impl Default for Group {
    fn default() -> Self {
        Self { variables: Variables::new(), hosts: IndexSet::new(), children: IndexSet::new(), priority: 1 }
    }
}

/// What of an inventory says a variable of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// A group, in one of the sources.
    Group(Arc<str>),
    /// A group, in a folder `group_vars`.
    GroupFile(Arc<str>),
    /// The host, in one of the sources.
    Host,
    /// The host, in a folder `host_vars`.
    HostFile,
}

/// All hosts and groups. `all` and `ungrouped` always exist.
#[derive(Clone, Debug)]
pub struct Inventory {
    hosts: IndexMap<Arc<str>, Host>,
    groups: IndexMap<Arc<str>, Group>,
    /// Where it was read from.
    pub sources: Vec<PathBuf>,
    /// `group_vars` and `host_vars` beside the sources.
    pub folders: Vec<VariableFolder>,
    /// Whether mappings of one name are merged instead of replaced (`hash_behaviour`).
    pub merge: bool,
    /// The source that is being read.
    pub(crate) reading: Option<Arc<Path>>,
}

impl Default for Inventory {
    fn default() -> Self {
        let groups = ["all", "ungrouped"].map(|name| (Arc::from(name), Group::default()));
        Self {
            hosts: IndexMap::new(),
            groups: groups.into_iter().collect(),
            sources: Vec::new(),
            folders: Vec::new(),
            merge: false,
            reading: None,
        }
    }
}

impl Inventory {
    /// Host names, in the order they were written.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<str>> {
        self.hosts.iter().filter(|(_, host)| !host.implicit).map(|(name, _)| name)
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// Groups by name, in the order they were written; `all` and `ungrouped` first.
    pub fn groups(&self) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        self.groups.iter()
    }

    /// A group by name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Adds a host, or finds the one of that name.
    pub fn add_host(&mut self, name: &str) -> &mut Host {
        let source = self.reading.clone();
        let host = self.hosts.entry(Arc::from(name)).or_insert_with(|| Host { source, ..Host::default() });
        host.implicit = false;
        host
    }

    /// Sets variables of a host, which is added if need be.
    pub fn set_host_variables(&mut self, host: &str, variables: impl IntoIterator<Item = (Arc<str>, Node)>) {
        let merge = self.merge;
        combine(&mut self.add_host(host).variables, variables, merge);
    }

    /// Sets the port of a host, unless it has one.
    pub(crate) fn set_port(&mut self, host: &str, port: Option<&str>, span: &Span) {
        if let Some(port) = port {
            let variables = &mut self.add_host(host).variables;
            variables.entry(Arc::from("ansible_port")).or_insert_with(|| literal::value(port, span));
        }
    }

    /// Sets a variable of a group, which is added if need be.
    pub fn set_group_variable(&mut self, group: &str, name: Arc<str>, value: Node) {
        let merge = self.merge;
        let group = self.add_group(group);
        if name.as_ref() == "ansible_group_priority" {
            group.priority = value.to_text().parse().unwrap_or(group.priority);
        } else {
            combine(&mut group.variables, [(name, value)], merge);
        }
    }

    /// Adds a host that nobody wrote down and that is in no group, unless there is a host of that name. The controller
    /// itself is reached without a network.
    pub fn add_implicit_host(&mut self, name: &str) {
        self.hosts.entry(Arc::from(name)).or_insert_with(|| {
            let mut host = Host { implicit: true, ..Host::default() };
            if LOCAL_NAMES.contains(&name) {
                let local = Node::text("local", Span::of_text("the implicit host", "local"));
                host.variables.insert(Arc::from("ansible_connection"), local);
            }
            host
        });
    }

    /// Adds a group, or finds the one of that name.
    pub fn add_group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(Arc::from(name)).or_default()
    }

    /// Puts a host into a group; both are added if need be. Returns whether it was not in it before.
    pub fn add_to_group(&mut self, host: &str, group: &str) -> bool {
        self.add_host(host);
        if group == "all" {
            self.add_group(group).hosts.insert(Arc::from(host));
            return false;
        }
        let (host, group): (Arc<str>, Arc<str>) = (Arc::from(host), Arc::from(group));
        if let Some(host) = self.hosts.get_mut(&host) {
            host.groups.insert(Arc::clone(&group));
        }
        self.add_group(&group).hosts.insert(host)
    }

    /// Puts a group into another; both are added if need be. Returns `false`, and does nothing, when that would make
    /// a circle.
    pub fn add_child(&mut self, parent: &str, child: &str) -> bool {
        self.add_group(child);
        if parent == child || self.descendants(child).contains(parent) {
            return false;
        }
        self.add_group(parent).children.insert(Arc::from(child));
        true
    }

    /// A group and all groups below it.
    fn descendants(&self, group: &str) -> BTreeSet<Arc<str>> {
        let mut found = BTreeSet::new();
        let mut todo = vec![Arc::<str>::from(group)];
        while let Some(name) = todo.pop() {
            if let Some(group) = self.groups.get(&name) {
                todo.extend(group.children.iter().filter(|child| !found.contains(*child)).cloned());
            }
            found.insert(name);
        }
        found
    }

    /// The hosts of a group and of all groups below it: its own first, then those of its groups, then those of their groups.
    pub fn hosts_of(&self, group: &str) -> Vec<Arc<str>> {
        let mut groups: IndexSet<Arc<str>> = IndexSet::from([Arc::from(group)]);
        let mut hosts = IndexSet::new();
        let mut next = 0;
        while let Some(group) = groups.get_index(next).cloned() {
            groups.extend(self.children_of(&group));
            match self.groups.get(&group) {
                Some(_) if group.as_ref() == "ungrouped" => {
                    hosts.extend(self.hosts().filter(|name| self.is_ungrouped(name)).cloned());
                }
                Some(group) => hosts.extend(group.hosts.iter().cloned()),
                None => {}
            }
            next += 1;
        }
        hosts.into_iter().collect()
    }

    /// The groups directly below a group; below `all` are those that are below no other, too.
    pub fn children_of(&self, group: &str) -> Vec<Arc<str>> {
        let written = self.groups.get(group).into_iter().flat_map(|group| &group.children);
        if group != "all" {
            return written.cloned().collect();
        }
        let is_top = |name: &Arc<str>| name.as_ref() != "all" && self.parents(name).next().is_none();
        let ungrouped = self.groups.keys().filter(|name| name.as_ref() == "ungrouped");
        let all = ungrouped.chain(written).chain(self.groups.keys().filter(|name| is_top(name)));
        all.cloned().collect::<IndexSet<_>>().into_iter().collect()
    }

    fn is_ungrouped(&self, host: &str) -> bool {
        self.hosts.get(host).is_some_and(|host| host.groups.iter().all(|group| group.as_ref() == "ungrouped"))
    }

    /// The groups directly above a group; `all` for those that have no other.
    fn parents<'a>(&'a self, child: &'a str) -> impl Iterator<Item = &'a Arc<str>> {
        self.groups.iter().filter(move |(_, group)| group.children.contains(child)).map(|(name, _)| name)
    }

    /// How far a group is below `all`.
    fn depth(&self, group: &str) -> usize {
        if group == "all" {
            0
        } else {
            self.parents(group).map(|parent| self.depth(parent)).max().unwrap_or(0) + 1
        }
    }

    /// Every group a host is in, directly or not, without `all`; weakest variables first.
    pub fn groups_of(&self, host: &str) -> Vec<Arc<str>> {
        let Some(entry) = self.hosts.get(host) else { return Vec::new() };
        let mut found: IndexSet<Arc<str>> = entry.groups.clone();
        if self.is_ungrouped(host) && !entry.implicit {
            found.insert(Arc::from("ungrouped"));
        } else {
            // A host that came into a group is ungrouped no more.
            found.shift_remove("ungrouped");
        }
        let mut next = 0;
        while let Some(group) = found.get_index(next).cloned() {
            found.extend(self.parents(&group).filter(|parent| parent.as_ref() != "all").cloned());
            next += 1;
        }
        let mut groups: Vec<(usize, i64, Arc<str>)> = found
            .into_iter()
            .map(|name| (self.depth(&name), self.groups.get(&name).map_or(1, |group| group.priority), name))
            .collect();
        groups.sort();
        groups.into_iter().map(|(_, _, name)| name).collect()
    }

    /// All that says variables of a host, by Ansible's precedence, the weakest first: groups, the `group_vars` and
    /// `host_vars` folders, the host itself. `playbook` is the folder of the playbook, whose files win over the inventory's.
    pub fn levels_of<'a>(
        &'a self,
        host: &str,
        playbook: Option<&'a VariableFolder>,
    ) -> Vec<(Level, &'a Variables)> {
        let Some(entry) = self.hosts.get(host) else { return Vec::new() };
        let folders = || self.folders.iter().chain(playbook);
        let groups = self.groups_of(host);
        let all = Arc::from("all");
        let mut levels = Vec::new();
        let sources = (!entry.implicit).then_some(&all).into_iter().chain(&groups);
        levels
            .extend(sources.filter_map(|name| {
                Some((Level::Group(Arc::clone(name)), &self.groups.get(name)?.variables))
            }));
        let of_group = |name: &Arc<str>, folder: &'a VariableFolder| {
            Some((Level::GroupFile(Arc::clone(name)), folder.of_group(name)?))
        };
        levels.extend(folders().filter_map(|folder| of_group(&all, folder)));
        for folder in folders() {
            levels.extend(groups.iter().filter_map(|name| of_group(name, folder)));
        }
        levels.push((Level::Host, &entry.variables));
        levels.extend(folders().filter_map(|folder| Some((Level::HostFile, folder.of_host(host)?))));
        levels
    }

    /// The variables of a host, those of the stronger levels in place of those of the weaker ones.
    pub fn variables_of(&self, host: &str, playbook: Option<&VariableFolder>) -> Variables {
        let mut merged = Variables::new();
        for (_, variables) in self.levels_of(host, playbook) {
            combine(&mut merged, variables.clone(), self.merge);
        }
        merged
    }

    /// The variables of a host that sources themselves say, without `group_vars` and `host_vars`.
    pub(crate) fn variables_of_sources(&self, host: &str) -> Variables {
        let Some(entry) = self.hosts.get(host) else { return Variables::new() };
        let groups = self.groups_of(host);
        let mut merged = Variables::new();
        for group in std::iter::once("all").chain(groups.iter().map(AsRef::as_ref)) {
            if let Some(group) = self.groups.get(group) {
                combine(&mut merged, group.variables.clone(), self.merge);
            }
        }
        combine(&mut merged, entry.variables.clone(), self.merge);
        merged
    }

    /// The variables that a group has itself.
    pub fn variables_of_group(&self, group: &str, playbook: Option<&VariableFolder>) -> Variables {
        let mut own = self.groups.get(group).map(|group| group.variables.clone()).unwrap_or_default();
        for folder in self.folders.iter().chain(playbook) {
            combine(&mut own, folder.of_group(group).cloned().unwrap_or_default(), self.merge);
        }
        own
    }

    /// The variables that a host has itself, without those of its groups.
    pub fn variables_of_host_alone(&self, host: &str, playbook: Option<&VariableFolder>) -> Variables {
        let mut own = self.hosts.get(host).map(|host| host.variables.clone()).unwrap_or_default();
        for folder in self.folders.iter().chain(playbook) {
            combine(&mut own, folder.of_host(host).cloned().unwrap_or_default(), self.merge);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[Arc<str>]) -> Vec<&str> {
        list.iter().map(AsRef::as_ref).collect()
    }

    #[test]
    fn the_deeper_group_and_then_the_higher_priority_wins() {
        let mut inventory = Inventory::default();
        for (group, priority) in [("web", 1), ("eu", 10), ("deep", 1)] {
            inventory.add_to_group("h", group);
            let text = Node::text(group, Span::of_text("test", group));
            let group = inventory.add_group(group);
            group.priority = priority;
            group.variables.insert(Arc::from("who"), text);
        }
        assert_eq!(inventory.variables_of("h", None)["who"].as_str(), Some("eu"));
        assert!(inventory.add_child("web", "deep"));
        assert_eq!(names(&inventory.groups_of("h")), ["web", "eu", "deep"]);
        assert_eq!(inventory.variables_of("h", None)["who"].as_str(), Some("deep"));
    }

    #[test]
    fn mappings_are_merged_if_they_are_to_be() {
        let made = |merge: bool| {
            let mut inventory = Inventory { merge, ..Inventory::default() };
            inventory.add_to_group("h", "web");
            let mapping = |text: &str| literal::value(text, &Span::of_text("test", text));
            inventory.set_group_variable("web", Arc::from("m"), mapping("{'a': {'x': 1}, 'b': 1, 'l': [1]}"));
            inventory
                .set_host_variables("h", [(Arc::from("m"), mapping("{'a': {'y': 2}, 'b': 2, 'l': [2]}"))]);
            clouder_lang::yaml::to_json(&inventory.variables_of("h", None)["m"]).to_string()
        };
        assert_eq!(made(false), r#"{"a":{"y":2},"b":2,"l":[2]}"#);
        assert_eq!(made(true), r#"{"a":{"x":1,"y":2},"b":2,"l":[2]}"#);
    }

    #[test]
    fn circles_of_groups_are_refused() {
        let mut inventory = Inventory::default();
        assert!(inventory.add_child("a", "b") && inventory.add_child("b", "c"));
        assert!(!inventory.add_child("c", "a") && !inventory.add_child("a", "a"));
    }

    #[test]
    fn hosts_of_no_group_are_ungrouped() {
        let mut inventory = Inventory::default();
        inventory.add_host("alone");
        inventory.add_to_group("h", "web");
        assert_eq!(names(&inventory.hosts_of("ungrouped")), ["alone"]);
        assert_eq!(names(&inventory.hosts_of("all")), ["alone", "h"]);
        assert_eq!(names(&inventory.groups_of("alone")), ["ungrouped"]);
    }

    #[test]
    fn the_implicit_host_is_in_no_group() {
        let mut inventory = Inventory::default();
        inventory.add_implicit_host("localhost");
        assert!(inventory.host("localhost").is_some_and(|host| host.implicit));
        assert_eq!(inventory.hosts().count(), 0);
        assert!(inventory.groups_of("localhost").is_empty());
    }
}
