//! What one task of one host sees.
//!
//! From the strongest to the weakest, after Ansible's table of precedence: magic variables, variables of the loop,
//! extra variables, parameters of roles and includes, `set_fact` and `register`, `include_vars`, `vars` of the task
//! and the blocks around it, role variables, `vars_files`, `vars_prompt`, play variables, facts, the inventory (with
//! its own order, see `clouder_inventory`), role defaults.

use std::iter::once_with;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;
use indexmap::{IndexMap, IndexSet};

use super::{HostState, PlayVariables, SharedVariables, magic};
use crate::playbook::{Keywords, Layer, Origin, Role};
use crate::template::{Scope, TemplateError, Value, to_json};

/// What one task of one host sees. Cheap to make: everything in it is shared.
#[derive(Clone, Debug)]
pub struct TaskVariables {
    /// What all tasks share.
    pub shared: Arc<SharedVariables>,
    /// The host.
    pub host: Arc<HostState>,
    /// The play, unless variables are looked at from outside of one.
    pub play: Option<Arc<PlayVariables>>,
    /// What stands around the task.
    pub layer: Option<Arc<Layer>>,
    /// The task's own keywords.
    pub keywords: Option<Arc<Keywords>>,
    /// The folder of the file the task was written in.
    pub task_folder: Option<PathBuf>,
    /// Variables of the moment: the loop's element, `ansible_loop` …
    pub locals: IndexMap<Arc<str>, Value>,
}

impl TaskVariables {
    /// What is seen of a host from outside of any play.
    pub fn of_host(shared: &Arc<SharedVariables>, host: &Arc<HostState>) -> Self {
        Self {
            shared: Arc::clone(shared),
            host: Arc::clone(host),
            play: None,
            layer: None,
            keywords: None,
            task_folder: None,
            locals: IndexMap::new(),
        }
    }

    /// The same with one more variable of the moment.
    #[must_use]
    pub fn with_local(mut self, name: impl Into<Arc<str>>, value: Value) -> Self {
        self.locals.insert(name.into(), value);
        self
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.layer.iter().flat_map(|layer| layer.chain())
    }

    /// The folder of the playbook that the play is written in.
    pub(super) fn playbook_folder(&self) -> &Path {
        let of_play = self.play.as_ref().and_then(|play| play.folder.as_deref());
        of_play.unwrap_or(&self.shared.playbook_folder)
    }

    /// The roles that a variable may be of, the strongest first: the task's own, those around it, innermost first, and those
    /// that the play shows, the last one first. What the own one depends on is stronger than those around it for `vars`, and
    /// weaker for `defaults`.
    fn roles(&self, level: Level) -> IndexSet<RoleKey> {
        let mut around = self.layer.iter().flat_map(|layer| layer.roles());
        let mut roles = IndexSet::new();
        let own = around.next();
        roles.extend(own.cloned().map(RoleKey));
        if level == Level::RoleDefaults {
            roles.extend(around.by_ref().cloned().map(RoleKey));
        }
        if let Some(own) = own {
            add_dependencies(own, &mut roles);
        }
        roles.extend(around.cloned().map(RoleKey));
        roles.extend(self.play.iter().flat_map(|play| play.exposed().into_iter().rev()).map(RoleKey));
        roles
    }

    /// A variable as written, from the strongest place that has it. Where mappings are merged, what weaker places have is added
    /// until one of them has something else.
    fn find(&self, name: &str) -> Option<Found> {
        let mut definitions = self.definitions(name);
        if !self.shared.merge {
            return definitions.next().map(|(_, found)| found);
        }
        let mut merged: Option<Node> = None;
        let mut before = None;
        for (level, found) in definitions {
            // Of what stands around a task, and of parameters, the innermost counts alone.
            let level = if level == Level::Block { Level::Task } else { level };
            if matches!(level, Level::Task | Level::Parameters) && before == Some(level) {
                continue;
            }
            before = Some(level);
            let Some(node) = found.mapping().filter(|_| level != Level::Local) else {
                return merged.map(Found::Node).or(Some(found));
            };
            merged = Some(match &merged {
                Some(stronger) => stronger.merged_over(&node),
                None => node,
            });
        }
        merged.map(Found::Node)
    }

    /// All that says a variable, the strongest first; parts that hold values come before those that others are in.
    pub(super) fn definitions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Level, Found)> + 'a {
        let layers = move |level: Level, of: fn(&Origin) -> bool| {
            let layers = self.layers().filter(move |layer| of(&layer.origin));
            let nodes = layers.filter_map(move |layer| variable_of(&layer.keywords, name));
            nodes.map(move |node| (level, Found::Node(node)))
        };
        let roles = move |level: Level, of: fn(&Role) -> &[Node]| {
            let all = once_with(move || self.roles(level)).flatten();
            let nodes = all.flat_map(move |role| all_of(of(&role.0), name));
            nodes.map(move |node| (level, Found::Node(node)))
        };
        let play = move || self.play.as_deref();
        one(Level::Local, move || self.locals.get(name).cloned().map(Found::Value))
            .chain(one(Level::Extra, move || self.shared.extra.get(name).cloned().map(Found::Node)))
            .chain(layers(Level::Parameters, |origin| {
                matches!(origin, Origin::Role(_) | Origin::Parameters | Origin::Include(_))
            }))
            .chain(one(Level::Set, move || self.host.set_variable(name).map(Found::Value)))
            .chain(one(Level::Included, move || self.host.included(name).map(Found::Node)))
            .chain(one(Level::Task, move || variable_of(self.keywords.as_ref()?, name).map(Found::Node)))
            .chain(layers(Level::Block, |origin| matches!(origin, Origin::Block | Origin::Tasks(_))))
            .chain(roles(Level::RoleVars, |role| &role.vars))
            .chain(play().into_iter().flat_map(move |play| {
                play.file_variables(&self.host.name, name)
                    .into_iter()
                    .map(|node| (Level::VarsFile, Found::Node(node)))
            }))
            .chain(one(Level::Prompt, move || play()?.prompts.get(name).cloned().map(Found::Node)))
            .chain(one(Level::Play, move || play()?.vars.get(name).cloned().map(Found::Node)))
            .chain(one(Level::Fact, move || self.host.fact(name).map(Found::Value)))
            .chain(one(Level::Inventory, move || magic::of_inventory(self, name).map(Found::Value)))
            .chain(one(Level::Inventory, move || self.host.inventory().get(name).cloned().map(Found::Node)))
            .chain(roles(Level::RoleDefaults, |role| &role.defaults))
    }
}

/// What says a variable, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The loop, and what else is of the moment.
    Local,
    /// `-e`.
    Extra,
    /// Parameters of a role or an include.
    Parameters,
    /// `set_fact` and `register`.
    Set,
    /// `include_vars`.
    Included,
    /// `vars` of the task.
    Task,
    /// `vars` of a block or an import around it.
    Block,
    /// `vars` of a role.
    RoleVars,
    /// `vars_files` of the play.
    VarsFile,
    /// `vars_prompt` of the play.
    Prompt,
    /// `vars` of the play.
    Play,
    /// Gathered facts.
    Fact,
    /// The inventory.
    Inventory,
    /// `defaults` of a role.
    RoleDefaults,
}

/// What says a variable at one level, looked for only when nothing stronger does.
fn one(level: Level, find: impl FnOnce() -> Option<Found>) -> impl Iterator<Item = (Level, Found)> {
    once_with(find).flatten().map(move |found| (level, found))
}

/// A variable's value, or what it is to be made from.
pub(super) enum Found {
    Value(Value),
    Node(Node),
}

impl Found {
    /// The mapping that it is.
    fn mapping(&self) -> Option<Node> {
        match self {
            Self::Node(node) => node.as_mapping().map(|_| node.clone()),
            Self::Value(value) => {
                let json = to_json(value);
                let node = Node::from_json(&json, &Span::of_text("a value", "")).into_raw();
                json.is_object().then_some(node)
            }
        }
    }
}

/// Roles are told apart by where they are used, not by name.
struct RoleKey(Arc<Role>);

impl PartialEq for RoleKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RoleKey {}

impl std::hash::Hash for RoleKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// Adds what a role depends on, the last one first, each before what it depends on itself.
fn add_dependencies(role: &Role, roles: &mut IndexSet<RoleKey>) {
    for used in role.dependencies.iter().rev() {
        roles.insert(RoleKey(Arc::clone(&used.role)));
        add_dependencies(&used.role, roles);
    }
}

fn variable_of(keywords: &Keywords, name: &str) -> Option<Node> {
    keywords.vars.as_ref()?.as_mapping()?.get(name).cloned()
}

/// What each of some mappings says of a name, the last one first.
fn all_of(mappings: &[Node], name: &str) -> Vec<Node> {
    mappings.iter().rev().filter_map(|node| node.as_mapping()?.get(name).cloned()).collect()
}

impl TaskVariables {
    /// Where the host is, for tasks of a play, when nothing says so: at its name.
    fn address(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        let other = match name {
            "ansible_host" => "ansible_ssh_host",
            "ansible_ssh_host" => "ansible_host",
            _ => return None,
        };
        self.play.as_ref()?;
        match self.find(other) {
            Some(_) => self.variable(other),
            None => Some(Ok(Value::from(self.host.name.as_ref()))),
        }
    }
}

impl Scope for TaskVariables {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        if let Some(value) = magic::variable(&self, name) {
            return Some(Ok(value));
        }
        match self.find(name) {
            None => self.address(name),
            Some(Found::Value(value)) => Some(Ok(value)),
            Some(Found::Node(node)) => {
                let templates = Arc::clone(&self.shared.templates);
                let scope: Arc<dyn Scope> = self;
                Some(templates.lazy(&node, &scope))
            }
        }
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names: IndexSet<Arc<str>> = magic::names(self).into_iter().map(Arc::from).collect();
        names.extend(self.locals.keys().chain(self.shared.extra.keys()).cloned());
        let keywords =
            self.keywords.iter().map(AsRef::as_ref).chain(self.layers().map(|layer| &layer.keywords));
        for node in keywords.filter_map(|keywords| keywords.vars.as_ref()).filter_map(Node::as_mapping) {
            names.extend(node.iter().map(|(name, _)| Arc::clone(name)));
        }
        for role in self.roles(Level::RoleVars) {
            for node in role.0.vars.iter().chain(&role.0.defaults).filter_map(Node::as_mapping) {
                names.extend(node.iter().map(|(name, _)| Arc::clone(name)));
            }
        }
        names.extend(self.play.iter().flat_map(|play| play.names(&self.host.name)));
        names.extend(self.host.own_names());
        names.extend(self.host.inventory().keys().cloned());
        names.extend(self.host.facts().into_iter().map(|(name, _)| name));
        names.into_iter().collect()
    }

    fn search_path(&self) -> Vec<PathBuf> {
        let mut folders: IndexSet<PathBuf> = IndexSet::new();
        for role in self.layer.iter().flat_map(|layer| layer.roles()) {
            folders.extend(role.folders.iter().cloned());
        }
        folders.extend(self.task_folder.clone());
        folders.insert(self.playbook_folder().to_owned());
        // The folder of a playbook beside which clouder runs has no name.
        let absolute = |folder: PathBuf| std::path::absolute(Path::new(".").join(&folder)).unwrap_or(folder);
        folders.into_iter().map(absolute).collect()
    }

    fn check_mode(&self) -> bool {
        self.shared.check_mode
    }
}
