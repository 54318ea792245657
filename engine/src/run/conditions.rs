//! Conditions of tasks, and what `changed_when` and `failed_when` make of results.

use std::sync::Arc;

use clouder_lang::yaml::Node;
use serde_json::Value as Json;

use super::result::StepResult;
use super::{Run, StepError};
use crate::playbook::Task;
use crate::template::Scope;

impl Run {
    /// The first condition of a task, outermost first, that does not hold.
    pub(super) fn false_condition<'a>(
        &self,
        task: &'a Task,
        scope: &Arc<dyn Scope>,
    ) -> Result<Option<&'a Node>, StepError> {
        let mut layers: Vec<_> = task.layer.chain().collect();
        layers.reverse();
        let around = layers.into_iter().flat_map(|layer| &layer.keywords.when);
        for condition in around.chain(&task.keywords.when) {
            if !self.templates.condition(condition, scope)? {
                return Ok(Some(condition));
            }
        }
        Ok(None)
    }

    /// Whether all of some conditions hold.
    pub(super) fn all_hold(&self, conditions: &[Node], scope: &Arc<dyn Scope>) -> Result<bool, StepError> {
        for condition in conditions {
            if !self.templates.condition(condition, scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an `until` task is done. Without `until`, it is when it did not fail.
    pub(super) fn is_done(
        &self,
        task: &Task,
        result: &StepResult,
        scope: &Arc<dyn Scope>,
    ) -> Result<bool, StepError> {
        if task.until.is_empty() { Ok(!result.failed()) } else { self.all_hold(&task.until, scope) }
    }

    /// Applies `changed_when` and `failed_when` to a result, which `scope` already has registered. It fails when they have
    /// no value.
    pub(super) fn judge(&self, task: &Task, result: &mut StepResult, scope: &Arc<dyn Scope>) {
        if result.unreachable || result.outcome.skipped {
            return;
        }
        let outcome = &mut result.outcome;
        if !task.changed_when.is_empty() {
            match self.all_hold(&task.changed_when, scope) {
                Ok(changed) => outcome.changed = changed,
                Err(error) => {
                    outcome.failed = true;
                    outcome.msg = Some(error.to_string());
                    return;
                }
            }
        }
        if !task.failed_when.is_empty() {
            let failed: Json = match self.all_hold(&task.failed_when, scope) {
                Ok(failed) => {
                    outcome.failed = failed;
                    failed.into()
                }
                Err(error) => {
                    outcome.failed = true;
                    outcome.msg = Some(error.to_string());
                    error.to_string().into()
                }
            };
            outcome.result.insert("failed_when_result".to_owned(), failed);
        }
    }
}
