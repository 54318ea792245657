//! Conditions of tasks, and what `changed_when` and `failed_when` make of results.

use std::sync::Arc;

use clouder_lang::yaml::Node;

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
    fn all_hold(&self, conditions: &[Node], scope: &Arc<dyn Scope>) -> Result<bool, StepError> {
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

    /// Applies `changed_when` and `failed_when` to a result, which `scope` already has registered.
    pub(super) fn judge(
        &self,
        task: &Task,
        result: &mut StepResult,
        scope: &Arc<dyn Scope>,
    ) -> Result<(), StepError> {
        if result.unreachable || result.outcome.skipped {
            return Ok(());
        }
        if !task.changed_when.is_empty() {
            result.outcome.changed = self.all_hold(&task.changed_when, scope)?;
        }
        if !task.failed_when.is_empty() {
            result.outcome.failed = self.all_hold(&task.failed_when, scope)?;
            result.outcome.result.insert("failed_when_result".to_owned(), result.outcome.failed.into());
        }
        Ok(())
    }
}
