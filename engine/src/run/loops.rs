//! A task on one host: once, or once for each element of its loop.

use std::sync::Arc;
use std::time::Duration;

use clouder_lang::yaml::{Node, Yaml};
use clouder_modules::Outcome;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use serde_json::{Map, Value as Json};

use super::result::{StepResult, registered};
use super::settings::keyword;
use super::{Run, StepError};
use crate::action::Effect;
use crate::playbook::{Keywords, Loop, Task};
use crate::report::{Event, ItemLabel, TaskInfo};
use crate::template::{Scope, TemplateError, Value, from_json, to_json, to_text};
use crate::vars::TaskVariables;

/// The turns of a loop.
pub(super) struct Turns {
    /// The variables of each turn.
    pub(super) scopes: Vec<TaskVariables>,
    /// The elements.
    items: Vec<Value>,
    loop_var: String,
    index_var: Option<String>,
}

impl Run {
    /// Runs a task on a host: all turns of its loop.
    pub(super) async fn on_host(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        variables: TaskVariables,
    ) -> StepResult {
        let Some(loop_) = &task.loop_ else {
            return self.step(task, info, variables, None).await;
        };
        match self.turns(loop_, &variables) {
            Ok(turns) => self.all_turns(task, info, &variables, turns).await,
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
        let text = |node: &Option<Node>| {
            node.as_ref().map(|node| self.templates.evaluate_text(node, &scope)).transpose()
        };
        let loop_var = text(&loop_.control.loop_var)?.unwrap_or_else(|| "item".to_owned());
        let index_var = text(&loop_.control.index_var)?;
        let flag =
            |node: &Option<Node>, default| node.as_ref().map_or(Ok(default), |node| self.flag(node, &scope));
        let extended = flag(&loop_.control.extended, false)?;
        let all_items = flag(&loop_.control.extended_allitems, true)?;
        let mut turns = Turns { scopes: Vec::new(), items: items.clone(), loop_var, index_var };
        for (index, item) in items.iter().enumerate() {
            let mut scope = variables.clone().with_local(turns.loop_var.as_str(), item.clone());
            scope.locals.insert(Arc::from("ansible_loop_var"), Value::from(turns.loop_var.as_str()));
            if let Some(name) = &turns.index_var {
                scope.locals.insert(Arc::from(name.as_str()), Value::from(index));
                scope.locals.insert(Arc::from("ansible_index_var"), Value::from(name.as_str()));
            }
            if extended {
                scope.locals.insert(Arc::from("ansible_loop"), extended_loop(&items, index, all_items));
            }
            turns.scopes.push(scope);
        }
        Ok(turns)
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
        turns: Turns,
    ) -> StepResult {
        let control = task.loop_.as_ref().map(|loop_| &loop_.control);
        let in_turn = control
            .is_some_and(|control| control.pause.is_some() || !control.break_when.is_empty())
            || !task.until.is_empty()
            || task.retries.is_some()
            || sets_variables(task)
            || reads_own_result(task)
            || changes_target(task, &turns.loop_var);
        let mut results = Vec::new();
        if in_turn {
            for (index, scope) in turns.scopes.iter().enumerate() {
                if index > 0 {
                    self.pause_between(task, variables).await;
                }
                let result = self.step(task, info, scope.clone(), None).await;
                let (label, result) = self.labelled(task, &turns, index, result);
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
                let breaks = match self.breaks(task, scope, &result) {
                    Ok(breaks) => breaks,
                    Err(error) => {
                        let scope: Arc<dyn Scope> = Arc::new(scope.clone());
                        return self.early_failure(task, &scope, error);
                    }
                };
                results.push(result);
                if lost || self.is_interrupted() || breaks {
                    break;
                }
            }
        } else {
            // All turns go out at once; the host does them in order, and results are shown in order as they come.
            let queue = (turns.scopes.len() > 1).then(|| self.next_queue());
            let mut running: FuturesOrdered<_> =
                turns.scopes.iter().map(|scope| self.step(task, info, scope.clone(), queue)).collect();
            while let Some(result) = running.next().await {
                let (label, result) = self.labelled(task, &turns, results.len(), result);
                self.show_item(info, label, variables, &result);
                results.push(result);
            }
        }
        combine(&turns, results)
    }

    /// What is shown of a turn, and its result, which has failed when that cannot be made.
    fn labelled(
        &self,
        task: &Task,
        turns: &Turns,
        index: usize,
        mut result: StepResult,
    ) -> (String, StepResult) {
        let Some(mut scope) = turns.scopes.get(index).cloned() else { return (String::new(), result) };
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
    /// A turn's result as it stands in `results`.
    fn registered(&self, index: usize, result: &StepResult) -> Map<String, Json> {
        let mut map = registered(&result.outcome);
        map.insert(self.loop_var.clone(), self.items.get(index).map(to_json).unwrap_or_default());
        map.insert("ansible_loop_var".to_owned(), self.loop_var.as_str().into());
        if let Some(name) = &self.index_var {
            map.insert(name.clone(), index.into());
            map.insert("ansible_index_var".to_owned(), name.as_str().into());
        }
        let extended = self.scopes.get(index).and_then(|scope| scope.locals.get("ansible_loop"));
        map.extend(extended.map(|extended| ("ansible_loop".to_owned(), to_json(extended))));
        map
    }
}

/// One result of many: changed if one changed, failed if one failed, skipped if all were.
pub(super) fn combine(turns: &Turns, results: Vec<StepResult>) -> StepResult {
    let mut all = StepResult { outcome: Outcome::new(false), ..StepResult::default() };
    let listed: Vec<Json> = results
        .iter()
        .enumerate()
        .map(|(index, result)| Json::Object(turns.registered(index, result)))
        .collect();
    all.outcome.skipped = results.iter().all(|result| result.outcome.skipped);
    all.outcome.msg = Some("All items completed".to_owned());
    if results.is_empty() {
        all.outcome.skipped = true;
        all.outcome.msg = None;
        all.outcome.result.insert("skipped_reason".to_owned(), "No items in the list".into());
    } else if all.outcome.skipped {
        all.outcome.msg = Some("All items skipped".to_owned());
    }
    let (mut failures, mut ignored) = (0, 0);
    for result in results {
        all.outcome.changed |= result.outcome.changed;
        if result.failed() {
            failures += 1;
            all.outcome.msg = Some("One or more items failed".to_owned());
        }
        all.outcome.failed |= result.outcome.failed;
        all.unreachable |= result.unreachable;
        ignored += usize::from(result.failed() && result.ignored);
        all.hidden |= result.hidden;
        all.delegated_to = result.delegated_to;
        all.delegate_facts = result.delegate_facts;
        all.outcome.warnings.extend(result.outcome.warnings);
        all.outcome.ansible_facts.extend(result.outcome.ansible_facts);
        all.effects.extend(result.effects);
    }
    if !all.outcome.skipped {
        all.outcome.result.insert("skipped".to_owned(), false.into());
    }
    all.ignored = failures > 0 && ignored == failures;
    all.outcome.result.insert("results".to_owned(), listed.into());
    all
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
fn extended_loop(items: &[Value], index: usize, all_items: bool) -> Value {
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
    if all_items {
        fields.push(("allitems", Value::from(items.to_vec())));
    }
    if let Some(next) = items.get(index + 1) {
        fields.push(("nextitem", next.clone()));
    }
    if let Some(previous) = index.checked_sub(1).and_then(|index| items.get(index)) {
        fields.push(("previtem", previous.clone()));
    }
    Value::from_pairs(fields)
}
