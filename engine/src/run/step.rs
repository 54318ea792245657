//! One element of a task on one host: conditions, arguments, tries, result.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clouder_lang::yaml::Node;
use clouder_modules::Outcome;
use serde_json::{Map, Value as Json};

use super::result::StepResult;
use super::settings::Settings;
use super::{Run, StepError};
use crate::action::Effect;
use crate::connection::{Agent, Call, CallError, ConnectionError, Contents, Target};
use crate::playbook::{ModuleName, OwnModule, Task};
use crate::report::{Event, TaskInfo};
use crate::template::{Scope, TemplateError, Value, from_json, to_text};
use crate::vars::{HostVars, TaskVariables};

/// Everything an action may want to know of the step it does.
pub struct Step<'a> {
    /// The run.
    pub run: &'a Run,
    /// The task.
    pub task: &'a Task,
    /// The task as reports name it.
    pub info: &'a Arc<TaskInfo>,
    /// The variables it sees.
    pub variables: TaskVariables,
    /// The same, for templates.
    pub scope: Arc<dyn Scope>,
    /// Its keywords.
    pub settings: Settings,
    /// Where it runs.
    pub target: Target,
    /// Its arguments with their native types.
    pub arguments: Value,
    /// The module of the step, if it is not that of the task (`action: "{{ x }}"`).
    pub module: Arc<str>,
    /// The module of that name that is no part of clouder, if that is meant.
    pub own: Option<Arc<OwnModule>>,
    /// Steps of one loop that may overlap on the wire are still done in order; `None` when there is only one.
    pub queue: Option<u32>,
}

impl Step<'_> {
    /// Runs a module on the host.
    ///
    /// # Errors
    /// When the host cannot be reached, or is lost.
    pub async fn module(
        &self,
        name: &str,
        arguments: Map<String, Json>,
        contents: Option<Arc<dyn Contents>>,
        give_to: Option<PathBuf>,
    ) -> Result<Outcome, StepError> {
        let agent = self.agent().await?;
        let (output, mut pieces) = tokio::sync::mpsc::unbounded_channel();
        let call = Call {
            module: name,
            arguments,
            check: self.settings.check,
            diff: self.settings.diff,
            environment: &self.settings.environment,
            contents,
            give_to,
            output: (!self.settings.no_log).then_some(output),
            queue: self.queue,
        };
        let running = agent.call(call);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                Some(piece) = pieces.recv() => {
                    let text = String::from_utf8_lossy(&piece).into_owned();
                    self.run.events.send(Event::Output { host: Arc::clone(&self.variables.host.name), text });
                }
                outcome = &mut running => return outcome.map_err(StepError::from),
            }
        }
    }

    /// The agent of the host.
    ///
    /// # Errors
    /// When the host cannot be reached.
    pub async fn agent(&self) -> Result<Arc<Agent>, StepError> {
        Ok(self.run.connections.agent(&self.target).await?)
    }
}

impl From<ConnectionError> for StepError {
    fn from(error: ConnectionError) -> Self {
        match error {
            // The host can be reached: it is the task that fails, as with Ansible.
            ConnectionError::Become(_) => Self::Failed(error.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl From<CallError> for StepError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Lost(_) => Self::Unreachable(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl Run {
    /// Runs one step: from its conditions to its judged result.
    pub(super) async fn step(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        variables: TaskVariables,
        queue: Option<u32>,
    ) -> StepResult {
        let variables = self.with_connection(task, variables);
        let scope: Arc<dyn Scope> = Arc::new(variables.clone());
        match self.false_condition(task, &scope) {
            Ok(Some(condition)) => {
                let mut skipped = StepResult::skipped(condition);
                skipped.hidden = super::settings::keyword(task, |keywords| keywords.no_log.as_ref())
                    .map_or(self.options.no_log, |node| self.flag(node, &scope).unwrap_or(true));
                return skipped;
            }
            Ok(None) => {}
            Err(error) => return self.early_failure(task, &scope, error),
        }
        let step = match self.prepare(task, info, variables, scope.clone(), queue) {
            Ok(step) => step,
            Err(error) => return self.early_failure(task, &scope, error),
        };
        let mut result = match self.tries(&step).await {
            Ok(result) => result,
            Err(error) => Err(error).into(),
        };
        result.ignored =
            if result.unreachable { step.settings.ignore_unreachable } else { step.settings.ignore_errors };
        result.hidden |= step.settings.no_log;
        result.delegate_facts = step.settings.delegate_facts;
        result.delegated_to = step.settings.delegate_to.clone();
        result
    }

    /// A failure before the settings are known in full: what is known of `no_log` and `ignore_errors` still counts.
    pub(super) fn early_failure(&self, task: &Task, scope: &Arc<dyn Scope>, error: StepError) -> StepResult {
        let flag = |pick: fn(&crate::playbook::Keywords) -> Option<&Node>| {
            super::settings::keyword(task, pick).is_some_and(|node| self.flag(node, scope).unwrap_or(true))
        };
        let mut result: StepResult = Err(error).into();
        result.ignored = flag(|keywords| keywords.ignore_errors.as_ref());
        // A template error speaks of expressions, not of values, and must be seen to be mended.
        result.hidden = false;
        result
    }

    fn prepare<'a>(
        &'a self,
        task: &'a Task,
        info: &'a Arc<TaskInfo>,
        variables: TaskVariables,
        scope: Arc<dyn Scope>,
        queue: Option<u32>,
    ) -> Result<Step<'a>, StepError> {
        let settings = self.settings(task, &scope)?;
        let target = self.target(task, &variables, settings.delegate_to.as_ref())?;
        let (variables, scope) = match &settings.delegate_to {
            Some(name) => {
                let there =
                    Value::from_object(HostVars::new(&self.variables)).get_item(&Value::from(&**name));
                let delegated = Value::from_pairs([(Value::from(&**name), there.unwrap_or_default())]);
                let variables = variables.with_local("ansible_delegated_vars", delegated);
                (variables.clone(), Arc::new(variables) as Arc<dyn Scope>)
            }
            None => (variables, scope),
        };
        // Whom a task notifies must be known before it is done.
        for node in task.notified().filter(|node| node.is_template()) {
            self.templates.evaluate(node, &scope)?;
        }
        let (module, own) = self.module_name(task, &scope)?;
        let arguments = self.arguments(task, &module, &scope)?;
        Ok(Step { run: self, task, info, variables, scope, settings, target, arguments, module, own, queue })
    }

    /// The module a task calls: its name may be a template (`action: "{{ x }}"`).
    fn module_name(
        &self,
        task: &Task,
        scope: &Arc<dyn Scope>,
    ) -> Result<(Arc<str>, Option<Arc<OwnModule>>), StepError> {
        let (name, own) = (&task.invocation.name, &task.invocation.own);
        if !crate::template::is_template(name) {
            return Ok((Arc::clone(name), own.clone()));
        }
        let name = Node::text(Arc::clone(name), task.invocation.written.span.clone());
        let name = self.templates.evaluate_text(&name, scope)?;
        Ok(match self.loader.module_name(&name, &task.layer) {
            ModuleName::Known(name) | ModuleName::Foreign(name) => (name, None),
            ModuleName::Own(module) => (Arc::from(name), Some(module)),
            ModuleName::Unknown(_) => (Arc::from(name), None),
        })
    }

    /// Runs a step until it is done, or its tries are used up.
    async fn tries(&self, step: &Step<'_>) -> Result<StepResult, StepError> {
        let task = step.task;
        let number = |node: &Option<Node>, default: f64| match node {
            Some(node) => {
                let value = self.templates.evaluate(node, &step.scope)?;
                let text = to_text(&value);
                text.trim().parse::<f64>().map(|number| number.max(0.0)).map_err(|_| {
                    StepError::from(TemplateError::new(
                        format!("expected a number, found `{text}`"),
                        &node.span,
                    ))
                })
            }
            None => Ok(default),
        };
        let may_repeat = !task.until.is_empty() || task.retries.is_some();
        let retries = if may_repeat { number(&task.retries, 3.0)? as u64 } else { 0 };
        // With no retries, Ansible does not even ask `until`.
        let repeats = retries > 0;
        let delay = number(&task.delay, 5.0)?;
        let delay = Duration::try_from_secs_f64(delay).unwrap_or(Duration::MAX);
        for attempt in 1.. {
            let mut result: StepResult = self.invoke(step).await.into();
            if repeats {
                result.outcome.result.insert("attempts".to_owned(), attempt.into());
            }
            let scope = self.with_result(step, &result);
            self.judge(task, &mut result, &scope);
            if !repeats || result.unreachable {
                return Ok(result);
            }
            let scope = self.with_result(step, &result);
            if self.is_done(task, &result, &scope)? {
                return Ok(result);
            }
            if attempt > retries || self.is_interrupted() {
                // What `failed_when` said stands; the registered result has failed all the same.
                if task.failed_when.is_empty() {
                    result.outcome.failed = true;
                } else {
                    result.outcome.result.insert("failed".to_owned(), true.into());
                }
                // Ansible counts the tries after the first.
                result.outcome.result.insert("attempts".to_owned(), retries.max(1).into());
                return Ok(result);
            }
            self.events.send(Event::Retry {
                task: Arc::clone(step.info),
                task_id: step.info.id,
                host: Arc::clone(&step.variables.host.name),
                left: retries - attempt + 1,
            });
            tokio::time::sleep(delay).await;
        }
        Err(StepError::Failed("no try was made".to_owned()))
    }

    /// The step's variables with its result registered, and with what it sets.
    fn with_result(&self, step: &Step<'_>, result: &StepResult) -> Arc<dyn Scope> {
        let mut variables = step.variables.clone();
        for effect in &result.effects {
            if let Effect::Set { name, value, .. } = effect {
                variables = variables.with_local(Arc::clone(name), value.clone());
            }
        }
        if let Some(name) = &step.task.register {
            let value = from_json(Json::Object(result.registered()));
            variables = variables.with_local(Arc::clone(name), value);
        }
        Arc::new(variables)
    }
}
