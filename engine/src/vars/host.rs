//! What is known of one host during a run.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use clouder_inventory::{Variables, combine};
use clouder_lang::yaml::Node;
use indexmap::IndexMap;

use super::FactCache;
use crate::template::Value;

/// What a run knows of a host. Shared by all tasks; each change is one short lock.
#[derive(Debug)]
pub struct HostState {
    /// Its name in the inventory.
    pub name: Arc<str>,
    inventory: RwLock<Arc<Variables>>,
    facts: RwLock<IndexMap<Arc<str>, Value>>,
    set: RwLock<HashMap<Arc<str>, Value>>,
    included: RwLock<IndexMap<Arc<str>, Node>>,
    cache: Option<Arc<FactCache>>,
}

/// A lock whose holder panicked still holds whole values: each change here is one insertion.
macro_rules! locked {
    ($lock:expr, $how:ident) => {
        $lock.$how().unwrap_or_else(PoisonError::into_inner)
    };
}

impl HostState {
    /// A host with its variables from the inventory, and the facts that were kept of it.
    pub fn new(name: Arc<str>, inventory: Variables, cache: Option<Arc<FactCache>>) -> Self {
        let facts = cache.as_ref().map(|cache| cache.load(&name)).unwrap_or_default();
        Self {
            name,
            cache,
            inventory: RwLock::new(Arc::new(inventory)),
            facts: RwLock::new(facts),
            set: RwLock::default(),
            included: RwLock::default(),
        }
    }

    /// Replaces its variables from the inventory: after `add_host`, `group_by` or a refresh.
    pub fn replace_inventory(&self, inventory: Variables) {
        *locked!(self.inventory, write) = Arc::new(inventory);
    }

    /// Its variables from the inventory.
    pub fn inventory(&self) -> Arc<Variables> {
        Arc::clone(&locked!(self.inventory, read))
    }

    /// A gathered fact, by the name that plays read it by.
    pub fn fact(&self, name: &str) -> Option<Value> {
        locked!(self.facts, read).get(name).cloned()
    }

    /// All gathered facts.
    pub fn facts(&self) -> Vec<(Arc<str>, Value)> {
        locked!(self.facts, read).iter().map(|(name, value)| (Arc::clone(name), value.clone())).collect()
    }

    /// Whether facts were gathered; those of `set_fact` do not count.
    pub fn has_facts(&self) -> bool {
        locked!(self.facts, read).contains_key("module_setup")
    }

    /// Adds or replaces facts.
    pub fn add_facts(&self, facts: impl IntoIterator<Item = (Arc<str>, Value)>) {
        let mut known = locked!(self.facts, write);
        known.extend(facts);
        if let Some(cache) = &self.cache {
            cache.keep(&self.name, &known);
        }
    }

    /// Forgets all facts, those of `set_fact` too: `meta: clear_facts`.
    pub fn clear_facts(&self) {
        locked!(self.facts, write).clear();
        if let Some(cache) = &self.cache {
            cache.forget(&self.name);
        }
    }

    /// A variable of `set_fact` or `register`.
    pub fn set_variable(&self, name: &str) -> Option<Value> {
        locked!(self.set, read).get(name).cloned()
    }

    /// Sets a variable as `set_fact` and `register` do.
    pub fn set(&self, name: Arc<str>, value: Value) {
        locked!(self.set, write).insert(name, value);
    }

    /// A variable of `include_vars`.
    pub fn included(&self, name: &str) -> Option<Node> {
        locked!(self.included, read).get(name).cloned()
    }

    /// Adds the variables of `include_vars`; mappings are merged with those before if they are to be.
    pub fn include(&self, variables: impl IntoIterator<Item = (Arc<str>, Node)>, merge: bool) {
        let mut included = locked!(self.included, write);
        combine(&mut included, variables, merge);
    }

    /// The names of all that is not in the inventory.
    pub(super) fn own_names(&self) -> Vec<Arc<str>> {
        let set = locked!(self.set, read);
        let included = locked!(self.included, read);
        set.keys().chain(included.keys()).cloned().collect()
    }
}
