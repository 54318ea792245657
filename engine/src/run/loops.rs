//! A task on one host: once, or once for each element of its loop.

use std::sync::Arc;
use std::time::Duration;

use clouder_lang::yaml::{Node, Yaml};
use clouder_modules::Outcome;
use futures::StreamExt as _;
use serde_json::{Map, Value as Json};

use super::result::{StepResult, registered};
use super::settings::keyword;
use super::{Run, StepError};
use crate::action::Effect;
use crate::playbook::{Keywords, Loop, Task};
use crate::report::{Event, ItemLabel, TaskInfo};
use crate::template::{Scope, TemplateError, Value, from_json, to_json, to_text};
use crate::vars::TaskVariables;

/// How many turns of a loop are on their way at once: enough that the host never waits for the next, few enough that thousands
/// of turns do not all lie in memory.
const ON_THEIR_WAY: usize = 64;

/// The turns of a loop.
pub(super) struct Turns {
    /// What all turns see.
    variables: TaskVariables,
    /// The elements.
    items: Vec<Value>,
    loop_var: Arc<str>,
    index_var: Option<Arc<str>>,
    /// Whether there is `ansible_loop`, and what it has as `allitems`.
    extended: Option<Option<Value>>,
}

impl Run {
    /// Runs a task on a host: all turns of its loop. What each came to is in the result only if it `is_read`: that of
    /// thousands of turns is not little.
    pub(super) async fn on_host(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        variables: TaskVariables,
        is_read: bool,
    ) -> StepResult {
        let Some(loop_) = &task.loop_ else {
            return self.step(task, info, variables, None).await;
        };
        match self.turns(loop_, &variables) {
            Ok(turns) => self.all_turns(task, info, &variables, &turns, is_read).await,
            Err(error) => {
                let scope: Arc<dyn Scope> = Arc::new(variables);
                self.no_turns(task, &scope, error)
            }
        }
    }

    /// The result of a task whose list is not there: that does not matter to a host that would skip it anyway.
    pub(super) fn no_turns(&self, task: &Task, scope: &Arc<dyn Scope>, error: StepError) -> StepResult {
        match self.false_condition(task, scope) {
            Ok(Some(condition)) => StepResult::skipped(condition),
            _ => self.early_failure(task, scope, error),
        }
    }

    /// The elements of a loop, with the variables each turn sees.
    pub(super) fn turns(&self, loop_: &Loop, variables: &TaskVariables) -> Result<Turns, StepError> {
        let scope: Arc<dyn Scope> = Arc::new(variables.clone());
        let items = self.elements(loop_, &scope)?;
        let text = |node: &Option<Node>| -> Result<Option<Arc<str>>, TemplateError> {
            let text = node.as_ref().map(|node| self.templates.evaluate_text(node, &scope)).transpose()?;
            Ok(text.map(Arc::from))
        };
        let loop_var = text(&loop_.control.loop_var)?.unwrap_or_else(|| Arc::from("item"));
        let index_var = text(&loop_.control.index_var)?;
        let flag =
            |node: &Option<Node>, default| node.as_ref().map_or(Ok(default), |node| self.flag(node, &scope));
        let extended = flag(&loop_.control.extended, false)?;
        let all_items = flag(&loop_.control.extended_allitems, true)?;
        let extended = extended.then(|| all_items.then(|| Value::from(items.clone())));
        Ok(Turns { variables: variables.clone(), items, loop_var, index_var, extended })
    }

    /// The list a loop goes through.
    fn elements(&self, loop_: &Loop, scope: &Arc<dyn Scope>) -> Result<Vec<Value>, StepError> {
        let value = self.templates.evaluate(&loop_.items, scope)?;
        if let Some(lookup) = &loop_.lookup {
            return Ok(self.templates.lookup_loop(lookup, &value, loop_.folder, &loop_.items.span, scope)?);
        }
        let is_list = value.kind() == minijinja::value::ValueKind::Seq
            || value.kind() == minijinja::value::ValueKind::Iterable;
        if !is_list {
            let message = format!(
                "Invalid data passed to 'loop', it requires a list, got this instead: {}. Hint: If you passed a list/dict of just one element, try adding wantlist=True to your lookup invocation or use q/query instead of lookup.",
                to_text(&value)
            );
            return Err(TemplateError::new(message, &loop_.items.span).into());
        }
        Ok(value.try_iter().map(Iterator::collect).unwrap_or_default())
    }

    async fn all_turns(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        variables: &TaskVariables,
        turns: &Turns,
        is_read: bool,
    ) -> StepResult {
        let control = task.loop_.as_ref().map(|loop_| &loop_.control);
        let in_turn = control
            .is_some_and(|control| control.pause.is_some() || !control.break_when.is_empty())
            || !task.until.is_empty()
            || task.retries.is_some()
            || sets_variables(task)
            || reads_own_result(task)
            || changes_target(task, &turns.loop_var);
        let mut all = Combined::new(turns, is_read);
        if in_turn {
            for index in 0..turns.count() {
                let scope = turns.scope(index);
                if index > 0 {
                    self.pause_between(task, variables).await;
                }
                let result = self.step(task, info, scope.clone(), None).await;
                let (label, result) = self.labelled(task, turns, index, result);
                self.show_item(info, label, variables, &result);
                let registered = turns.registered(index, &result);
                if let Some(name) = &task.register {
                    variables.host.set(Arc::clone(name), from_json(Json::Object(registered)));
                }
                // What a turn sets, the next one sees.
                for effect in &result.effects {
                    match effect {
                        Effect::Set { name, value, .. } if !result.delegate_facts => {
                            variables.host.set(Arc::clone(name), value.clone());
                        }
                        Effect::Include(included) => {
                            variables.host.include(included.clone(), self.variables.merge);
                        }
                        Effect::Set { .. } | Effect::Stats { .. } => {}
                    }
                }
                let lost = result.unreachable;
                let breaks = match self.breaks(task, &scope, &result) {
                    Ok(breaks) => breaks,
                    Err(error) => {
                        let scope: Arc<dyn Scope> = Arc::new(scope);
                        return self.early_failure(task, &scope, error);
                    }
                };
                all.add(result);
                if lost || self.is_interrupted() || breaks {
                    break;
                }
            }
        } else {
            // The host does turns in order, and results are shown in order as they come.
            let queue = (turns.count() > 1).then(|| self.next_queue());
            let steps = (0..turns.count()).map(|index| self.step(task, info, turns.scope(index), queue));
            let mut running = futures::stream::iter(steps).buffered(ON_THEIR_WAY);
            while let Some(result) = running.next().await {
                let (label, result) = self.labelled(task, turns, all.count, result);
                self.show_item(info, label, variables, &result);
                all.add(result);
            }
        }
        all.finish()
    }

    /// What is shown of a turn, and its result, which has failed when that cannot be made.
    fn labelled(
        &self,
        task: &Task,
        turns: &Turns,
        index: usize,
        mut result: StepResult,
    ) -> (String, StepResult) {
        let mut scope = turns.scope(index);
        if let Some(name) = &task.register {
            scope = scope.with_local(Arc::clone(name), from_json(Json::Object(result.registered())));
        }
        let scope: Arc<dyn Scope> = Arc::new(scope);
        let label = self.label(task, turns, index, &scope).unwrap_or_else(|error| {
            let failure = self.early_failure(task, &scope, error.into());
            result.ignored = failure.ignored;
            result.outcome.failed = true;
            result.outcome.msg = failure.outcome.msg;
            turns.items.get(index).map(to_text).unwrap_or_default()
        });
        (label, result)
    }

    /// What is shown of an element.
    pub(super) fn label(
        &self,
        task: &Task,
        turns: &Turns,
        index: usize,
        scope: &Arc<dyn Scope>,
    ) -> Result<String, TemplateError> {
        match task.loop_.as_ref().and_then(|loop_| loop_.control.label.as_ref()) {
            Some(node) => self.templates.evaluate(node, scope).map(|value| to_text(&value)),
            None => Ok(turns.items.get(index).map(to_text).unwrap_or_default()),
        }
    }

    async fn pause_between(&self, task: &Task, variables: &TaskVariables) {
        let scope: Arc<dyn Scope> = Arc::new(variables.clone());
        let pause = task.loop_.as_ref().and_then(|loop_| loop_.control.pause.as_ref());
        let seconds = pause
            .and_then(|node| self.templates.evaluate(node, &scope).ok())
            .and_then(|value| to_text(&value).parse::<f64>().ok());
        if let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0) {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
    }

    /// Whether the loop ends after a turn: `break_when`.
    fn breaks(&self, task: &Task, scope: &TaskVariables, result: &StepResult) -> Result<bool, StepError> {
        let conditions = task.loop_.as_ref().map(|loop_| &loop_.control.break_when);
        let Some(conditions) = conditions.filter(|conditions| !conditions.is_empty()) else {
            return Ok(false);
        };
        let mut scope = scope.clone();
        if let Some(name) = &task.register {
            scope = scope.with_local(Arc::clone(name), from_json(Json::Object(result.registered())));
        }
        let scope: Arc<dyn Scope> = Arc::new(scope);
        self.all_hold(conditions, &scope)
    }

    pub(super) fn show_item(
        &self,
        info: &Arc<TaskInfo>,
        label: String,
        variables: &TaskVariables,
        result: &StepResult,
    ) {
        let label = if result.hidden { "(censored due to no_log)".to_owned() } else { label };
        self.events.send(Event::Item {
            task: Arc::clone(info),
            task_id: info.id,
            host: Arc::clone(&variables.host.name),
            label: ItemLabel(label),
            status: result.status(),
            result: Arc::new(result.shown()),
        });
    }
}

impl Turns {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.items.len()
    }

    /// What a turn sees.
    pub(super) fn scope(&self, index: usize) -> TaskVariables {
        let item = self.items.get(index).cloned().unwrap_or_default();
        let mut scope = self.variables.clone().with_local(Arc::clone(&self.loop_var), item);
        scope.locals.insert(Arc::from("ansible_loop_var"), Value::from(&*self.loop_var));
        if let Some(name) = &self.index_var {
            scope.locals.insert(Arc::clone(name), Value::from(index));
            scope.locals.insert(Arc::from("ansible_index_var"), Value::from(&**name));
        }
        if let Some(all_items) = &self.extended {
            let extended = extended_loop(&self.items, index, all_items.as_ref());
            scope.locals.insert(Arc::from("ansible_loop"), extended);
        }
        scope
    }

    /// A turn's result as it stands in `results`.
    fn registered(&self, index: usize, result: &StepResult) -> Map<String, Json> {
        let mut map = registered(&result.outcome);
        map.insert(self.loop_var.to_string(), self.items.get(index).map(to_json).unwrap_or_default());
        map.insert("ansible_loop_var".to_owned(), (*self.loop_var).into());
        if let Some(name) = &self.index_var {
            map.insert(name.to_string(), index.into());
            map.insert("ansible_index_var".to_owned(), (**name).into());
        }
        if let Some(all_items) = &self.extended {
            let extended = extended_loop(&self.items, index, all_items.as_ref());
            map.insert("ansible_loop".to_owned(), to_json(&extended));
        }
        map
    }
}

/// One result of many: changed if one changed, failed if one failed, skipped if all were.
pub(super) struct Combined<'a> {
    turns: &'a Turns,
    all: StepResult,
    is_read: bool,
    count: usize,
    failures: usize,
    ignored: usize,
}

impl<'a> Combined<'a> {
    /// No result yet.
    pub(super) fn new(turns: &'a Turns, is_read: bool) -> Self {
        let outcome = Outcome { skipped: true, ..Outcome::default() };
        let all = StepResult { outcome, turns: Some(Vec::new()), ..StepResult::default() };
        Self { turns, all, is_read, count: 0, failures: 0, ignored: 0 }
    }

    /// Adds the next one.
    pub(super) fn add(&mut self, result: StepResult) {
        if self.is_read {
            let turn = Json::Object(self.turns.registered(self.count, &result));
            self.all.turns.get_or_insert_default().push(turn);
        }
        self.count += 1;
        self.failures += usize::from(result.failed());
        self.ignored += usize::from(result.failed() && result.ignored);
        let all = &mut self.all;
        all.outcome.skipped &= result.outcome.skipped;
        all.outcome.changed |= result.outcome.changed;
        all.outcome.failed |= result.outcome.failed;
        all.unreachable |= result.unreachable;
        all.hidden |= result.hidden;
        all.delegated_to = result.delegated_to;
        all.delegate_facts = result.delegate_facts;
        all.outcome.warnings.extend(result.outcome.warnings);
        all.outcome.ansible_facts.extend(result.outcome.ansible_facts);
        all.effects.extend(result.effects);
    }

    /// What came of all.
    pub(super) fn finish(self) -> StepResult {
        let mut all = self.all;
        let message = match () {
            () if self.count == 0 => None,
            () if self.failures > 0 => Some("One or more items failed"),
            () if all.outcome.skipped => Some("All items skipped"),
            () => Some("All items completed"),
        };
        all.outcome.msg = message.map(str::to_owned);
        if self.count == 0 {
            all.outcome.result.insert("skipped_reason".to_owned(), "No items in the list".into());
        }
        if !all.outcome.skipped {
            all.outcome.result.insert("skipped".to_owned(), false.into());
        }
        all.ignored = self.failures > 0 && self.ignored == self.failures;
        all
    }
}

/// Whether a turn sets variables that the next one may read.
fn sets_variables(task: &Task) -> bool {
    matches!(task.invocation.name.as_ref(), "set_fact" | "include_vars")
}

/// Whether a turn may depend on the one before: some part of the task reads the variable its result is kept in.
fn reads_own_result(task: &Task) -> bool {
    let Some(name) = &task.register else { return false };
    let mentions = |node: &Node| mentions(node, name);
    task.keywords.when.iter().any(mentions)
        || mentions(&task.invocation.arguments)
        || task.invocation.free_form.iter().any(mentions)
        || task.keywords.vars.iter().any(mentions)
}

/// Whether turns may go to different hosts or users, where nobody keeps them in order.
fn changes_target(task: &Task, loop_var: &str) -> bool {
    let picks: [fn(&Keywords) -> Option<&Node>; 5] = [
        |keywords| keywords.delegate_to.as_ref(),
        |keywords| keywords.become_.as_ref(),
        |keywords| keywords.become_user.as_ref(),
        |keywords| keywords.connection.as_ref(),
        |keywords| keywords.remote_user.as_ref(),
    ];
    picks.iter().any(|pick| keyword(task, pick).is_some_and(|node| mentions(node, loop_var)))
}

fn mentions(node: &Node, word: &str) -> bool {
    match &node.value {
        Yaml::String(text) => text.contains(word),
        Yaml::Sequence(items) => items.iter().any(|item| mentions(item, word)),
        Yaml::Mapping(mapping) => mapping.iter().any(|(_, entry)| mentions(&entry.value, word)),
        _ => false,
    }
}

/// `ansible_loop`.
fn extended_loop(items: &[Value], index: usize, all_items: Option<&Value>) -> Value {
    let length = items.len();
    let mut fields = vec![
        ("index", Value::from(index + 1)),
        ("index0", Value::from(index)),
        ("first", Value::from(index == 0)),
        ("last", Value::from(index + 1 == length)),
        ("length", Value::from(length)),
        ("revindex", Value::from(length - index)),
        ("revindex0", Value::from(length - index - 1)),
    ];
    fields.extend(all_items.map(|all_items| ("allitems", all_items.clone())));
    if let Some(next) = items.get(index + 1) {
        fields.push(("nextitem", next.clone()));
    }
    if let Some(previous) = index.checked_sub(1).and_then(|index| items.get(index)) {
        fields.push(("previtem", previous.clone()));
    }
    Value::from_pairs(fields)
}
