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
        Some(Value::from_object(ScopeMapping(Arc::new(scope))))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.shared.host_names().iter().map(|name| Value::from(name.as_ref())).collect())
    }
}

/// All variables of a scope as a mapping.
pub struct ScopeMapping(pub Arc<dyn Scope>);

impl fmt::Debug for ScopeMapping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("variables")
    }
}

impl Object for ScopeMapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match Arc::clone(&self.0).variable(key.as_str()?)? {
            Ok(value) => Some(value),
            // What cannot be evaluated is an error where it is used.
            Err(error) => Some(crate::template::failed(error)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.names().iter().map(|name| Value::from(name.as_ref())).collect())
    }
}
