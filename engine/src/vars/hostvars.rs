//! `hostvars` and `vars`: variables as mappings, each evaluated when it is read.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object};

use super::{SharedVariables, TaskVariables};
use crate::template::{Scope, Value};

/// `hostvars`: a mapping of hosts to their variables.
#[derive(Debug)]
pub struct HostVars {
    shared: Arc<SharedVariables>,
}

impl HostVars {
    /// The variables of all hosts.
    pub fn new(shared: &Arc<SharedVariables>) -> Self {
        Self { shared: Arc::clone(shared) }
    }
}

impl Object for HostVars {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str().filter(|name| self.shared.knows(name))?;
        let scope = TaskVariables::of_host(&self.shared, &self.shared.host(name));
        Some(Value::from_object(ScopeMapping {
            scope: Arc::new(scope),
            hidden: &["hostvars", "vars", "omit"],
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.shared.host_names().iter().map(|name| Value::from(name.as_ref())).collect())
    }
}

/// All variables of a scope as a mapping.
pub struct ScopeMapping {
    /// Where they are.
    pub scope: Arc<dyn Scope>,
    /// Names that are there, but no part of it for whoever goes through all: what leads back here has no end.
    pub hidden: &'static [&'static str],
}

impl fmt::Debug for ScopeMapping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("variables")
    }
}

impl Object for ScopeMapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match Arc::clone(&self.scope).variable(key.as_str()?)? {
            Ok(value) => Some(value),
            // What cannot be evaluated is an error where it is used.
            Err(error) => Some(crate::template::failed(error)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.scope.names();
        let shown = names.iter().filter(|name| !self.hidden.contains(&name.as_ref()));
        Enumerator::Values(shown.map(|name| Value::from(name.as_ref())).collect())
    }
}
