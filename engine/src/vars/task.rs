//! What one task of one host sees.
//!
//! From the strongest to the weakest, after Ansible's table of precedence: magic variables, variables of the loop,
//! extra variables, parameters of roles and includes, `set_fact` and `register`, `include_vars`, `vars` of the task
//! and the blocks around it, role variables, `vars_files`, `vars_prompt`, play variables, facts, the inventory (with
//! its own order, see `clouder_inventory`), role defaults.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::Node;
use indexmap::{IndexMap, IndexSet};

use super::{HostState, PlayVariables, SharedVariables, magic};
use crate::playbook::{Keywords, Layer, Origin, Role};
use crate::template::{Scope, TemplateError, Value};

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

    /// The roles around the task, innermost first, then those the play shows, the last one first.
    fn roles(&self) -> IndexSet<RoleKey> {
        let around = self.layer.iter().flat_map(|layer| layer.roles()).cloned();
        let shown = self.play.iter().flat_map(|play| play.exposed().into_iter().rev());
        around.chain(shown).map(RoleKey).collect()
    }

    /// A variable as written, from the strongest place that has it; parts that hold values come first.
    fn find(&self, name: &str) -> Option<Found> {
        if let Some(value) = self.locals.get(name) {
            return Some(Found::Value(value.clone()));
        }
        if let Some(node) = self.shared.extra.get(name) {
            return Some(Found::Node(node.clone()));
        }
        let parameters = self.layers().filter(|layer| {
            matches!(layer.origin, Origin::Role(_) | Origin::Parameters | Origin::Include(_))
        });
        if let Some(node) = parameters.filter_map(|layer| variable_of(&layer.keywords, name)).next() {
            return Some(Found::Node(node));
        }
        if let Some(value) = self.host.set_variable(name) {
            return Some(Found::Value(value));
        }
        if let Some(node) = self.host.included(name) {
            return Some(Found::Node(node));
        }
        if let Some(node) = self.keywords.as_ref().and_then(|keywords| variable_of(keywords, name)) {
            return Some(Found::Node(node));
        }
        let blocks = self.layers().filter(|layer| matches!(layer.origin, Origin::Block | Origin::Tasks(_)));
        if let Some(node) = blocks.filter_map(|layer| variable_of(&layer.keywords, name)).next() {
            return Some(Found::Node(node));
        }
        let roles = self.roles();
        if let Some(node) = roles.iter().find_map(|role| last_of(&role.0.vars, name)) {
            return Some(Found::Node(node));
        }
        if let Some(play) = &self.play {
            if let Some(node) = play.file_variable(&self.host.name, name) {
                return Some(Found::Node(node));
            }
            if let Some(value) = play.prompts.get(name) {
                return Some(Found::Value(value.clone()));
            }
            if let Some(node) = play.vars.get(name) {
                return Some(Found::Node(node.clone()));
            }
        }
        if let Some(value) = self.host.fact(name) {
            return Some(Found::Value(value));
        }
        if let Some(node) = self.host.inventory().get(name) {
            return Some(Found::Node(node.clone()));
        }
        roles.iter().find_map(|role| last_of(&role.0.defaults, name)).map(Found::Node)
    }
}

/// A variable's value, or what it is to be made from.
enum Found {
    Value(Value),
    Node(Node),
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

fn variable_of(keywords: &Keywords, name: &str) -> Option<Node> {
    keywords.vars.as_ref()?.as_mapping()?.get(name).cloned()
}

fn last_of(mappings: &[Node], name: &str) -> Option<Node> {
    mappings.iter().rev().find_map(|node| node.as_mapping()?.get(name).cloned())
}

impl Scope for TaskVariables {
    fn variable(self: Arc<Self>, name: &str) -> Option<Result<Value, TemplateError>> {
        if let Some(value) = magic::variable(&self, name) {
            return Some(Ok(value));
        }
        match self.find(name)? {
            Found::Value(value) => Some(Ok(value)),
            Found::Node(node) => {
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
        for role in self.roles() {
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
        folders.insert(self.shared.playbook_folder.clone());
        // The folder of a playbook beside which clouder runs has no name.
        let absolute = |folder: PathBuf| std::path::absolute(Path::new(".").join(&folder)).unwrap_or(folder);
        folders.into_iter().map(absolute).collect()
    }

    fn check_mode(&self) -> bool {
        self.shared.check_mode
    }
}
