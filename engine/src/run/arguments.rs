//! The arguments of a task: `module_defaults`, then its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use indexmap::IndexMap;

use super::step::Step;
use super::{Run, StepError};
use crate::playbook::{Loader, Task, short_name};
use crate::template::{Scope, TemplateError, Value, from_json, to_json};

/// The argument that holds the template of a whole mapping beside written arguments.
const VARIABLE_PARAMETERS: &str = "_variable_params";

impl Step<'_> {
    /// The arguments as they were written, for actions that take expressions: `module_defaults`, then those of a
    /// mapping that a template makes, then the task's own.
    ///
    /// # Errors
    /// When that template has no value.
    pub fn written_arguments(&self) -> Result<Mapping, StepError> {
        let mut written = Mapping::default();
        let mut add = |mapping: &Mapping| {
            for (_, entry) in mapping.iter().filter(|(name, _)| ***name != *VARIABLE_PARAMETERS) {
                written.insert(entry.key.clone(), entry.value.clone());
            }
        };
        for node in module_defaults(&self.run.loader, self.task, &self.module) {
            if let Some(mapping) = node.as_mapping() {
                add(mapping);
            }
        }
        if let Some(own) = self.task.invocation.arguments.as_mapping() {
            if let Some(variable) = own.get(VARIABLE_PARAMETERS) {
                let value = to_json(&self.run.templates.evaluate(variable, &self.scope)?);
                if let Some(mapping) = Node::from_json(&value, &variable.span).as_mapping() {
                    add(mapping);
                }
            }
            add(own);
        } else if self.task.invocation.arguments.is_template() {
            let own = &self.task.invocation.arguments;
            let value = to_json(&self.run.templates.evaluate(own, &self.scope)?);
            if let Some(mapping) = Node::from_json(&value, &own.span).as_mapping() {
                add(mapping);
            }
        }
        Ok(written)
    }
}

impl Run {
    /// The arguments of a task: `module_defaults`, then its own, evaluated.
    pub(super) fn arguments(
        &self,
        task: &Task,
        module: &str,
        scope: &Arc<dyn Scope>,
    ) -> Result<Value, StepError> {
        let mut merged: BTreeMap<Value, Value> = BTreeMap::new();
        let mut order: Vec<Value> = Vec::new();
        let mut add = |mapping: &Value, merged: &mut BTreeMap<Value, Value>| -> Result<(), TemplateError> {
            for key in mapping.try_iter().map_err(|_| {
                TemplateError::new("arguments must be a mapping", &task.invocation.arguments.span)
            })? {
                let value = mapping.get_item(&key).unwrap_or_default();
                if merged.insert(key.clone(), value).is_none() {
                    order.push(key);
                }
            }
            Ok(())
        };
        if !is_evaluated_by_action(module) {
            for defaults in module_defaults(&self.loader, task, module) {
                add(&self.templates.evaluate(&defaults, scope)?, &mut merged)?;
            }
        }
        let written = &task.invocation.arguments;
        if !written.is_null() {
            // The expressions of `that`, `var` and the like are evaluated by their actions.
            let own = if is_evaluated_by_action(module) && written.as_mapping().is_some() {
                from_json(clouder_lang::yaml::to_json(written))
            } else {
                self.templates.evaluate(written, scope)?
            };
            // A mapping that a template makes (`args: "{{ x }}"`) yields to arguments that are written out.
            let variable = written.as_mapping().and_then(|mapping| mapping.get(VARIABLE_PARAMETERS));
            if let Some(variable) = variable {
                add(&self.templates.evaluate(variable, scope)?, &mut merged)?;
            }
            add(&own, &mut merged)?;
            // What the task leaves out (`omit`) is not what the defaults say either.
            for (name, _) in written.as_mapping().into_iter().flat_map(Mapping::iter) {
                let name = Value::from(name.as_ref());
                if own.get_item(&name).is_ok_and(|value| value.is_undefined()) {
                    merged.remove(&name);
                }
            }
            merged.remove(&Value::from(VARIABLE_PARAMETERS));
        }
        if let Some(free_form) = &task.invocation.free_form {
            let text = self.templates.evaluate(free_form, scope)?;
            merged.insert(Value::from("_raw_params"), text);
            order.push(Value::from("_raw_params"));
        }
        Ok(Value::from_pairs(
            order.into_iter().filter_map(|key| merged.remove(&key).map(|value| (key, value))),
        ))
    }
}

/// The `module_defaults` for a module: those of groups first. What stands nearer to the task replaces what is said of the same
/// name further out.
fn module_defaults(loader: &Loader, task: &Task, module: &str) -> Vec<Node> {
    let qualified = task.invocation.own.as_ref().map(|own| own.collection_name()).unwrap_or_default();
    let names = [module, short_name(module), qualified.as_str()];
    let mut layers: Vec<_> = task.layer.chain().collect();
    layers.reverse();
    let defaults =
        layers.iter().flat_map(|layer| &layer.keywords.module_defaults).chain(&task.keywords.module_defaults);
    let mut said: IndexMap<&str, &Node> = IndexMap::new();
    for (name, entry) in defaults.filter_map(Node::as_mapping).flat_map(Mapping::iter) {
        said.insert(short_name(name), &entry.value);
    }
    let of_groups = said
        .iter()
        .filter(|(name, _)| name.strip_prefix("group/").is_some_and(|group| loader.group_has(group, &names)));
    let of_module = said.iter().filter(|(name, _)| names.contains(name));
    of_groups.chain(of_module).map(|(_, node)| (*node).clone()).collect()
}

/// Actions whose arguments hold expressions, not values.
fn is_evaluated_by_action(module: &str) -> bool {
    matches!(module, "assert" | "debug")
}
