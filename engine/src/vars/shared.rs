//! What all tasks of a run share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use clouder_inventory::{Inventory, Level, LoadError, VariableFolder, Variables};
use clouder_lang::yaml::Node;
use indexmap::IndexMap;

use super::{FactCache, HostState};
use crate::template::{Templates, Value};

/// A change of the inventory that can be done again.
type Addition = dyn Fn(&mut Inventory) -> bool + Send + Sync;

/// What all tasks of a run share: the inventory, the hosts, the variables of the command line.
pub struct SharedVariables {
    /// Evaluates templates.
    pub templates: Arc<Templates>,
    /// `-e`: stronger than everything else.
    pub extra: Variables,
    /// Magic variables that are the same for all: `ansible_version`, `playbook_dir` …
    pub constants: IndexMap<&'static str, Value>,
    /// The folder of the playbook that was named first.
    pub playbook_folder: PathBuf,
    /// Whether the run only predicts.
    pub check_mode: bool,
    /// Whether mappings of one name are merged instead of replaced (`hash_behaviour`).
    pub merge: bool,
    /// Where facts are kept from run to run.
    pub facts: Option<Arc<FactCache>>,
    /// The playbook that plays come from: the one that was named, or one that it imports.
    playbook: RwLock<Beside>,
    inventory: RwLock<Inventory>,
    /// What the run itself added to it.
    additions: RwLock<Vec<Box<Addition>>>,
    hosts: RwLock<HashMap<Arc<str>, Arc<HostState>>>,
    /// `groups`; made anew when it is asked for after the inventory changed.
    groups: RwLock<Option<Value>>,
}

/// The folder of a playbook, and the `group_vars` and `host_vars` in it.
struct Beside {
    folder: PathBuf,
    variables: VariableFolder,
}

impl std::fmt::Debug for SharedVariables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SharedVariables")
    }
}

impl SharedVariables {
    /// The variables of a run over an inventory. `playbook_variables` are the `group_vars` and `host_vars` beside the
    /// playbook.
    pub fn new(
        templates: Arc<Templates>,
        inventory: Inventory,
        extra: Variables,
        playbook_folder: PathBuf,
        playbook_variables: VariableFolder,
        check_mode: bool,
    ) -> Self {
        let mut inventory = inventory;
        // The controller is always there, if only for `hostvars`.
        inventory.add_implicit_host("localhost");
        let shared = Self {
            templates,
            extra,
            constants: IndexMap::new(),
            check_mode,
            merge: inventory.merge,
            facts: None,
            playbook: RwLock::new(Beside { folder: playbook_folder.clone(), variables: playbook_variables }),
            playbook_folder,
            inventory: RwLock::new(inventory),
            additions: RwLock::default(),
            hosts: RwLock::default(),
            groups: RwLock::default(),
        };
        shared.refresh();
        shared
    }

    fn playbook(&self) -> RwLockReadGuard<'_, Beside> {
        self.playbook.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to a play of a playbook in a folder, whose `group_vars` and `host_vars` count from now on.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn enter(&self, folder: &Path) -> Result<(), LoadError> {
        if self.playbook().folder == folder {
            return Ok(());
        }
        let variables = self.playbook().variables.of_folder(folder)?;
        *self.playbook.write().unwrap_or_else(PoisonError::into_inner) =
            Beside { folder: folder.to_owned(), variables };
        let read = self.read_late();
        self.refresh();
        read
    }

    /// Works on the inventory; `changed` says whether hosts and groups must be looked at anew.
    pub fn with_inventory<R>(&self, changed: bool, work: impl FnOnce(&mut Inventory) -> R) -> R {
        let result = work(&mut self.inventory.write().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.refresh();
        }
        result
    }

    /// Adds to the inventory; it is done again when that is read anew. Returns whether anything changed.
    ///
    /// # Errors
    /// When `group_vars` or `host_vars` of what was added cannot be read.
    pub fn add_to_inventory(
        &self,
        addition: impl Fn(&mut Inventory) -> bool + Send + Sync + 'static,
    ) -> Result<bool, LoadError> {
        let changed = self.with_inventory(false, &addition);
        self.additions.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(addition));
        let read = self.read_late();
        self.refresh();
        read.map(|()| changed)
    }

    /// Takes an inventory that was read anew.
    ///
    /// # Errors
    /// As [`Self::add_to_inventory`].
    pub fn replace_inventory(&self, mut inventory: Inventory) -> Result<(), LoadError> {
        for addition in self.additions.read().unwrap_or_else(PoisonError::into_inner).iter() {
            addition(&mut inventory);
        }
        inventory.add_implicit_host("localhost");
        self.with_inventory(false, |old| *old = inventory);
        let read = self.read_late();
        self.refresh();
        read
    }

    /// Reads the variables of groups and hosts that came later.
    fn read_late(&self) -> Result<(), LoadError> {
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        let playbook = self.playbook();
        let mut folders = inventory.folders.iter().chain([&playbook.variables]);
        folders.try_for_each(|folder| folder.read_late(&inventory))
    }

    /// Brings host states and `groups` in line with the inventory.
    fn refresh(&self) {
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        let playbook = self.playbook();
        for (name, host) in self.hosts.read().unwrap_or_else(PoisonError::into_inner).iter() {
            host.replace_inventory(inventory.variables_of(name, Some(&playbook.variables)));
        }
        *self.groups.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// `groups`.
    pub fn groups(&self) -> Value {
        if let Some(groups) = &*self.groups.read().unwrap_or_else(PoisonError::into_inner) {
            return groups.clone();
        }
        // While this lock is held, the inventory does not change.
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        let members = |group: &str| {
            Value::from_iter(inventory.hosts_of(group).iter().map(|host| Value::from(host.as_ref())))
        };
        let groups = Value::from_pairs(
            inventory.groups().map(|(name, _)| (Value::from(name.as_ref()), members(name))),
        );
        *self.groups.write().unwrap_or_else(PoisonError::into_inner) = Some(groups.clone());
        groups
    }

    /// The groups a host is in, sorted, as `group_names` has them.
    pub fn group_names(&self, host: &str) -> Value {
        let mut names = self.inventory.read().unwrap_or_else(PoisonError::into_inner).groups_of(host);
        names.sort();
        Value::from_iter(names.iter().map(|name| Value::from(name.as_ref())))
    }

    /// All that the inventory says of a variable of a host, the weakest first.
    pub(super) fn inventory_says(&self, host: &str, name: &str) -> Vec<(Level, Node)> {
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        let playbook = self.playbook();
        let levels = inventory.levels_of(host, Some(&playbook.variables)).into_iter();
        levels.filter_map(|(level, variables)| Some((level, variables.get(name)?.clone()))).collect()
    }

    /// The source that named a host first; nothing for hosts that are in no source at all. What a run added is in one that is not
    /// known.
    pub fn source_of(&self, host: &str) -> Option<Option<Arc<Path>>> {
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        inventory.host(host).filter(|host| !host.implicit).map(|host| host.source.clone())
    }

    /// Whether a host is in the inventory, or is the controller.
    pub fn knows(&self, name: &str) -> bool {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner).host(name).is_some()
    }

    /// The names of all hosts in the inventory.
    pub fn host_names(&self) -> Vec<Arc<str>> {
        self.inventory.read().unwrap_or_else(PoisonError::into_inner).hosts().cloned().collect()
    }

    /// What is known of a host; one that is not in the inventory has no variables of it.
    pub fn host(&self, name: &str) -> Arc<HostState> {
        if let Some(host) = self.hosts.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(host);
        }
        let inventory = self.inventory.read().unwrap_or_else(PoisonError::into_inner);
        let playbook = self.playbook();
        let variables = inventory.variables_of(name, Some(&playbook.variables));
        drop((inventory, playbook));
        let name: Arc<str> = Arc::from(name);
        let mut hosts = self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let state = hosts
            .entry(Arc::clone(&name))
            .or_insert_with(|| Arc::new(HostState::new(name, variables, self.facts.clone())));
        Arc::clone(state)
    }
}
