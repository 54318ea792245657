//! The variables of a play.

use std::sync::{Arc, PoisonError, RwLock};

use clouder_inventory::Variables;
use clouder_lang::yaml::Node;
use indexmap::IndexMap;

use crate::playbook::Role;
use crate::template::Value;

/// What a play adds: its `vars`, `vars_files`, answers to `vars_prompt`, and what its roles show to all its tasks.
#[derive(Debug, Default)]
pub struct PlayVariables {
    /// The play's name.
    pub name: String,
    /// `vars`.
    pub vars: Variables,
    /// Answers to `vars_prompt`.
    pub prompts: IndexMap<Arc<str>, Value>,
    /// All hosts of the play, failed ones too.
    pub all_hosts: Vec<Arc<str>>,
    files: RwLock<Variables>,
    roles: RwLock<Vec<Arc<Role>>>,
    batch: RwLock<Vec<Arc<str>>>,
    alive: RwLock<Vec<Arc<str>>>,
}

impl PlayVariables {
    /// The variables of a play with its own `vars`.
    pub fn new(
        name: String,
        vars: Variables,
        prompts: IndexMap<Arc<str>, Value>,
        all_hosts: Vec<Arc<str>>,
    ) -> Self {
        Self { name, vars, prompts, all_hosts, ..Self::default() }
    }

    /// Adds the variables of a `vars_files` file.
    pub fn add_file(&self, variables: Variables) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).extend(variables);
    }

    /// A variable of the files.
    pub fn file_variable(&self, name: &str) -> Option<Node> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Shows a role's variables and defaults to all tasks of the play.
    pub fn expose(&self, role: &Arc<Role>) {
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        if !roles.iter().any(|known| Arc::ptr_eq(known, role)) {
            roles.push(Arc::clone(role));
        }
    }

    /// The roles whose variables all tasks see, first one first.
    pub fn exposed(&self) -> Vec<Arc<Role>> {
        self.roles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the hosts of the batch, and those of the play that have not failed.
    pub fn set_hosts(&self, batch: Vec<Arc<str>>, alive: Vec<Arc<str>>) {
        *self.batch.write().unwrap_or_else(PoisonError::into_inner) = batch;
        *self.alive.write().unwrap_or_else(PoisonError::into_inner) = alive;
    }

    /// Takes out hosts that failed.
    pub fn lose(&self, failed: impl Fn(&Arc<str>) -> bool) {
        for hosts in [&self.batch, &self.alive] {
            hosts.write().unwrap_or_else(PoisonError::into_inner).retain(|name| !failed(name));
        }
    }

    /// Takes in hosts again that had failed.
    pub fn regain(&self, names: &[Arc<str>]) {
        for hosts in [&self.batch, &self.alive] {
            let mut hosts = hosts.write().unwrap_or_else(PoisonError::into_inner);
            let missing: Vec<Arc<str>> = names.iter().filter(|name| !hosts.contains(name)).cloned().collect();
            hosts.extend(missing);
            let place = |name: &Arc<str>| self.all_hosts.iter().position(|host| host == name);
            hosts.sort_by_key(place);
        }
    }

    /// The hosts of the batch that have not failed.
    pub fn batch(&self) -> Vec<Arc<str>> {
        self.batch.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The hosts of the play that have not failed.
    pub fn alive(&self) -> Vec<Arc<str>> {
        self.alive.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        self.vars.keys().chain(self.prompts.keys()).chain(files.keys()).cloned().collect()
    }
}
