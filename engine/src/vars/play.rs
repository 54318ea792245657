//! The variables of a play.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use clouder_inventory::Variables;
use clouder_lang::yaml::{Mapping, Node, Yaml};

use crate::playbook::{Keywords, Role};

/// The variables of an entry of `vars_files`.
#[derive(Debug)]
pub enum FileVariables {
    /// One file for all hosts.
    All(Variables),
    /// Each host's own file.
    ByHost(HashMap<Arc<str>, Variables>),
}

impl FileVariables {
    fn of_host(&self, host: &str) -> Option<&Variables> {
        match self {
            Self::All(variables) => Some(variables),
            Self::ByHost(hosts) => hosts.get(host),
        }
    }
}

/// What a play adds: its `vars`, `vars_files`, answers to `vars_prompt`, and what its roles show to all its tasks.
#[derive(Debug, Default)]
pub struct PlayVariables {
    /// The play's name.
    pub name: String,
    /// `vars`.
    pub vars: Variables,
    /// Answers to `vars_prompt`.
    pub prompts: Variables,
    /// The folder of the playbook it is written in.
    pub folder: Option<PathBuf>,
    /// All hosts of the play, failed ones too.
    pub all_hosts: Vec<Arc<str>>,
    files: RwLock<BTreeMap<usize, FileVariables>>,
    roles: RwLock<Vec<Arc<Role>>>,
    used: RwLock<Vec<Arc<str>>>,
    depended_on: RwLock<Vec<Arc<str>>>,
    batch: RwLock<Vec<Arc<str>>>,
    alive: RwLock<Vec<Arc<str>>>,
}

impl PlayVariables {
    /// Those that a play in a folder has by its keywords.
    pub fn of(keywords: &Keywords, folder: &Path) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        Self { vars: mapping_of(keywords.vars.as_ref()), folder: Some(folder), ..Self::default() }
    }

    /// Sets the variables of an entry of `vars_files`.
    pub fn set_file(&self, entry: usize, variables: FileVariables) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(entry, variables);
    }

    /// What the files say of a variable, as a host sees them, the strongest first.
    pub fn file_variables(&self, host: &str, name: &str) -> Vec<Node> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let files = files.values().rev().filter_map(|file| file.of_host(host));
        files.filter_map(|file| file.get(name).cloned()).collect()
    }

    /// Shows a role's variables and defaults to all tasks of the play.
    pub fn expose(&self, role: &Arc<Role>) {
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        if !roles.iter().any(|known| Arc::ptr_eq(known, role)) {
            roles.push(Arc::clone(role));
        }
    }

    /// Notes a role that the play names: in `roles`, imported or included, once for each time.
    pub fn use_role(&self, name: &Arc<str>) {
        self.used.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(name));
    }

    /// Notes a role that another one depends on.
    pub fn depend_on(&self, name: &Arc<str>) {
        let mut names = self.depended_on.write().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(name) {
            names.push(Arc::clone(name));
        }
    }

    /// The roles that the play names, once for each time.
    pub fn used_roles(&self) -> Vec<Arc<str>> {
        self.used.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The roles that others depend on.
    pub fn depended_on(&self) -> Vec<Arc<str>> {
        self.depended_on.read().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// Takes out hosts that failed, or that the play was ended for.
    pub fn lose(&self, failed: impl Fn(&Arc<str>) -> bool) {
        for hosts in [&self.batch, &self.alive] {
            hosts.write().unwrap_or_else(PoisonError::into_inner).retain(|name| !failed(name));
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

    /// The names of all variables that a host sees.
    pub(super) fn names(&self, host: &str) -> Vec<Arc<str>> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let files = files.values().filter_map(|file| file.of_host(host)).flat_map(|file| file.keys());
        self.vars.keys().chain(self.prompts.keys()).chain(files).cloned().collect()
    }
}

/// A mapping of variables as written; a list of mappings is merged.
pub fn mapping_of(node: Option<&Node>) -> Variables {
    let nodes = match node.map(|node| (&node.value, node)) {
        Some((Yaml::Sequence(items), _)) => items.iter().collect(),
        Some((_, node)) => vec![node],
        None => Vec::new(),
    };
    let mappings = nodes.into_iter().filter_map(Node::as_mapping);
    mappings.flat_map(Mapping::iter).map(|(name, entry)| (Arc::clone(name), entry.value.clone())).collect()
}
