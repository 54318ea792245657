//! One element of a task on one host: conditions, arguments, tries, result.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clouder_lang::yaml::{Mapping, Node};
use clouder_modules::Outcome;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::background::Way;
use super::result::StepResult;
use super::settings::Settings;
use super::{Run, StepError};
use crate::action::{self, Done, Effect, Payload};
use crate::connection::{Agent, Call, CallError, ConnectionError, Contents, Target};
use crate::playbook::{Loader, ModuleName, OwnModule, Task, short_name};
use crate::report::{Event, TaskInfo};
use crate::template::{Scope, TemplateError, Value, from_json, to_json, to_text};
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

    /// The arguments of a task: `module_defaults`, then its own, evaluated.
    fn arguments(&self, task: &Task, module: &str, scope: &Arc<dyn Scope>) -> Result<Value, StepError> {
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

    /// Calls the action or module of a step.
    async fn invoke(&self, step: &Step<'_>) -> Result<Done, StepError> {
        let Json::Object(arguments) = to_json(&step.arguments) else {
            return Err(StepError::Failed("the arguments of a task must be a mapping".to_owned()));
        };
        let way = self.way(step)?;
        if let Some(module) = self.own_module(step) {
            let (request, contents) = action::own_module::request(&module, arguments, step)?;
            return self.call(step, way, action::own_module::RUNNER, request, Some(contents)).await;
        }
        if let Some(action) = action::find(&step.module) {
            let done = within(step.settings.timeout, (action.run)(arguments, step)).await?;
            // What the controller has a part in is done at once.
            return Ok(match way {
                Way::Background(_) if step.module.as_ref() != "async_status" => {
                    Done { outcome: self.started_and_done(done.outcome), ..done }
                }
                _ => done,
            });
        }
        if let Some(module) = clouder_cloud::modules::find(&step.module) {
            let work = action::cloud::run(module, arguments, step);
            return Ok(match way {
                Way::Background(limit) => self.in_background(limit, work),
                Way::Foreground(limit) => self.in_foreground(step, limit, async { Ok(work.await) }).await?,
            }
            .into());
        }
        let Some(module) = clouder_modules::find(&step.module) else {
            return Err(StepError::Failed(format!("clouder has no module `{}`", step.module)));
        };
        self.call(step, way, module.name, arguments, None).await
    }

    /// The module that a step calls, where that is no part of clouder.
    fn own_module(&self, step: &Step<'_>) -> Option<Arc<OwnModule>> {
        let is_ours = || {
            action::find(&step.module).is_some()
                || clouder_modules::find(&step.module).is_some()
                || clouder_cloud::modules::find(&step.module).is_some()
        };
        match &step.own {
            Some(own) => Some(Arc::clone(own)),
            None if is_ours() => None,
            None => self.loader.foreign_module(&step.module),
        }
    }

    /// Calls a module of the host.
    async fn call(
        &self,
        step: &Step<'_>,
        way: Way,
        name: &'static str,
        arguments: Map<String, Json>,
        contents: Option<Arc<Payload>>,
    ) -> Result<Done, StepError> {
        let contents = contents.map(|contents| contents as Arc<dyn Contents>);
        let limit = match way {
            Way::Background(limit) => {
                return Ok(self.start(step, name, arguments, contents, limit).await?.into());
            }
            Way::Foreground(limit) => limit,
        };
        let work = Box::pin(step.module(name, arguments, contents, None));
        Ok(self.in_foreground(step, limit, work).await?.into())
    }

    /// Waits for a module, at most as long as the step may take.
    async fn in_foreground(
        &self,
        step: &Step<'_>,
        limit: Option<Duration>,
        work: impl Future<Output = Result<Outcome, StepError>>,
    ) -> Result<Outcome, StepError> {
        let outcome = within(step.settings.timeout.or(limit), work).await;
        match (limit, outcome) {
            (Some(limit), Err(StepError::Failed(_))) if step.settings.timeout.is_none() => {
                let message =
                    format!("async task did not complete within the requested time - {}s", limit.as_secs());
                Ok(Outcome::failed(message))
            }
            (Some(_), outcome) => Ok(self.waited_for(outcome?)),
            (None, outcome) => outcome,
        }
    }
}

/// The argument that holds the template of a whole mapping beside written arguments.
const VARIABLE_PARAMETERS: &str = "_variable_params";

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

/// A future with a time limit.
async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    match limit {
        None => work.await,
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(StepError::Failed(format!("timed out after {} seconds", limit.as_secs()))),
        },
    }
}
