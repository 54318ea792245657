//! `include_tasks` and `include_role`: files that are chosen while running.

use std::sync::Arc;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_modules::Outcome;
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::host::{PlayHost, contains, drop_lost};
use super::loops::Combined;
use super::play::PlayRun;
use super::result::StepResult;
use super::settings::keyword;
use super::walk::Around;
use super::{Run, StepError};
use crate::playbook::{Item, Keywords, Layer, Origin, RoleError, RoleOptions, Task, role_block};
use crate::report::{Event, Status, TaskInfo};
use crate::template::{Scope, Value, from_json, to_json, to_text};
use crate::vars::TaskVariables;

/// How many includes may be inside of each other.
const DEPTH: usize = 500;

/// What is included for a host: hosts that include the same are worked on together.
struct Inclusion {
    /// The file or role, for reports.
    shown: String,
    /// The element of the loop, for reports.
    item: Option<String>,
    items: Vec<Item>,
    hosts: Vec<Arc<PlayHost>>,
}

/// Why a host includes nothing.
enum Nothing {
    /// A condition, a loop or the arguments say so, or have no value.
    Result(Box<StepResult>),
    /// What it includes is not there.
    Missing(StepError),
    /// What it includes cannot be read: nothing mends that.
    Wrong(Diagnostic),
}

impl PlayRun<'_> {
    /// Includes files or roles; hosts that include the same file with the same element go through it together.
    pub(super) async fn include(
        &self,
        task: &Task,
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Vec<Arc<PlayHost>> {
        let Some(first) = hosts.first() else { return hosts };
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, first));
        let info = self.info(task, &scope, false);
        let entering = if self.runs_once(task, &scope) { 1 } else { hosts.len() };
        let mut inclusions: IndexMap<String, Inclusion> = IndexMap::new();
        let mut survivors = hosts.clone();
        for host in hosts.iter().take(entering) {
            let (result, counts_as_rescued) = match self.include_for(task, &info, host, &mut inclusions) {
                Ok(()) => continue,
                Err(Nothing::Result(result)) => (*result, around.rescue),
                // The recap has it as a failure, whatever mends it.
                Err(Nothing::Missing(error)) => (Err(error).into(), false),
                Err(Nothing::Wrong(reason)) => {
                    self.run.break_off(reason);
                    return Vec::new();
                }
            };
            self.tell(&info, host, &result, std::time::Instant::now(), counts_as_rescued);
            if let Some(name) = &task.register {
                host.state.set(Arc::clone(name), from_json(Json::Object(result.registered())));
            }
            if result.failed() && !result.ignored {
                if counts_as_rescued {
                    self.keep_failure(task, host, &result);
                }
                if !around.rescue {
                    self.lose(std::slice::from_ref(host), around);
                }
                survivors.retain(|other| !Arc::ptr_eq(other, host));
            }
        }
        for inclusion in inclusions.values() {
            let names: Vec<_> = inclusion.hosts.iter().map(|host| Arc::clone(host.name())).collect();
            names.iter().for_each(|host| self.run.summary.count(host, Status::Ok, false, false));
            let (name, item) = (inclusion.shown.clone(), inclusion.item.clone());
            self.run.events.send(Event::Included { name, item, hosts: names });
        }
        for inclusion in inclusions.into_values() {
            // A host that failed in one element of a loop does not go on with the next.
            let entering: Vec<_> =
                inclusion.hosts.into_iter().filter(|host| contains(&survivors, host)).collect();
            let through = self.items(&inclusion.items, entering.clone(), around).await;
            drop_lost(&mut survivors, &entering, &through);
        }
        survivors
    }

    /// Adds what a host includes.
    fn include_for(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        inclusions: &mut IndexMap<String, Inclusion>,
    ) -> Result<(), Nothing> {
        let mut variables = self.variables(task, host);
        // What an include gives to the tasks inside weighs as much for itself.
        variables.layer = Some(Arc::new(Layer {
            origin: Origin::Include(task.file.clone()),
            keywords: Keywords { vars: task.keywords.vars.clone(), ..Keywords::default() },
            parent: Some(Arc::clone(&task.layer)),
            span: task.span.clone(),
        }));
        let scope: Arc<dyn Scope> = Arc::new(variables.clone());
        let Some(loop_) = &task.loop_ else {
            return match self.include_turn(task, info, host, (&variables, None), inclusions)? {
                (true, done) => {
                    self.register_include(task, host, done.outcome.result);
                    Ok(())
                }
                (false, skipped) => Err(Nothing::Result(Box::new(skipped))),
            };
        };
        let turns = match self.run.turns(loop_, &variables) {
            Ok(turns) => turns,
            Err(error) => return Err(Nothing::Result(Box::new(self.run.no_turns(task, &scope, error)))),
        };
        let hidden = keyword(task, |keywords| keywords.no_log.as_ref())
            .is_some_and(|node| self.run.flag(node, &scope).unwrap_or(true));
        let mut all = Combined::new(&turns, true);
        let mut included = false;
        for index in 0..turns.count() {
            let variables = &turns.scope(index);
            let scope: Arc<dyn Scope> = Arc::new(variables.clone());
            let label = self.run.label(task, &turns, index, &scope).unwrap_or_default();
            let shown = (!hidden).then(|| label.clone());
            let (enters, result) = self.include_turn(task, info, host, (variables, shown), inclusions)?;
            included |= enters;
            if !enters {
                self.run.show_item(info, label, variables, &result);
            }
            all.add(result);
        }
        let all = all.finish();
        if !included {
            return Err(Nothing::Result(Box::new(all)));
        }
        self.register_include(task, host, all.registered());
        Ok(())
    }

    /// Keeps what a task registers that included something: it says of no failure.
    fn register_include(&self, task: &Task, host: &PlayHost, mut result: Map<String, Json>) {
        let Some(name) = &task.register else { return };
        for turn in result.get_mut("results").and_then(Json::as_array_mut).into_iter().flatten() {
            if let Some(turn) = turn.as_object_mut().filter(|turn| turn.contains_key("include_args")) {
                turn.retain(|name, _| name != "changed" && name != "failed");
            }
        }
        result.remove("failed");
        result.insert("changed".to_owned(), false.into());
        host.state.set(Arc::clone(name), from_json(Json::Object(result)));
    }

    /// Adds what a host includes in one turn of the loop; returns whether it does, and the result of that.
    fn include_turn(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        turn: (&TaskVariables, Option<String>),
        inclusions: &mut IndexMap<String, Inclusion>,
    ) -> Result<(bool, StepResult), Nothing> {
        let scope: Arc<dyn Scope> = Arc::new(turn.0.clone());
        let failed =
            |error: StepError| Nothing::Result(Box::new(self.run.early_failure(task, &scope, error)));
        if let Some(condition) = self.run.false_condition(task, &scope).map_err(failed)? {
            return Ok((false, StepResult::skipped(condition)));
        }
        let arguments = self.run.include_arguments(task, &scope).map_err(failed)?;
        self.add(task, info, host, turn, &arguments, inclusions)?;
        Ok((true, included(task, &arguments)))
    }

    fn add(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        (variables, item): (&TaskVariables, Option<String>),
        arguments: &Value,
        inclusions: &mut IndexMap<String, Inclusion>,
    ) -> Result<(), Nothing> {
        let depth = task.layer.chain().filter(|layer| matches!(layer.origin, Origin::Include(_))).count();
        if depth >= DEPTH {
            return Err(missing(format!(
                "includes lead to includes without an end: {DEPTH} are inside of each other here; give the innermost a `when` that ends it"
            )));
        }
        let text = |names: &[&str]| {
            names.iter().find_map(|name| {
                arguments
                    .get_item(&Value::from(*name))
                    .ok()
                    .filter(|value| !value.is_undefined() && !value.is_none())
                    .map(|value| to_text(&value))
            })
        };
        let name = text(&["_raw_params", "file", "name", "role"])
            .ok_or_else(|| missing(format!("{} needs the name of what to include", task.invocation.name)))?;
        let locals: Vec<(&Arc<str>, Json)> =
            variables.locals.iter().map(|(name, value)| (name, to_json(value))).collect();
        let options = serde_json::to_string(&to_json(arguments)).unwrap_or_default();
        let key = format!("{name}\0{options}\0{}", serde_json::to_string(&locals).unwrap_or_default());
        // A host that includes the same twice goes through it twice.
        let mut key = key;
        while let Some(inclusion) = inclusions.get_mut(&key) {
            if !contains(&inclusion.hosts, host) {
                inclusion.hosts.push(Arc::clone(host));
                return Ok(());
            }
            key.push('\0');
        }
        let layer = Self::layer(task, variables);
        let is_role = task.invocation.name.as_ref() == "include_role";
        let (items, shown) = if is_role {
            (self.role_items(task, &name, arguments, &layer)?, name)
        } else {
            let file = self.find_tasks(task, &name)?;
            let items = self.run.loader.load_tasks(&file, &layer, info.handler).map_err(wrong)?;
            self.adopt(&items);
            (items, std::path::absolute(&file).unwrap_or(file).display().to_string())
        };
        inclusions.insert(key, Inclusion { shown, item, items, hosts: vec![Arc::clone(host)] });
        Ok(())
    }

    /// The file of `include_tasks`: beside the file it is written in, or in the role's `tasks`.
    fn find_tasks(&self, task: &Task, name: &str) -> Result<std::path::PathBuf, Nothing> {
        self.run.loader.find_tasks(name, &task.file, &task.layer).map_err(|found| missing(found.to_string()))
    }

    fn role_items(
        &self,
        task: &Task,
        name: &str,
        arguments: &Value,
        layer: &Arc<Layer>,
    ) -> Result<Vec<Item>, Nothing> {
        let option = |name: &str| {
            arguments
                .get_item(&Value::from(name))
                .ok()
                .filter(|value| !value.is_undefined() && !value.is_none())
        };
        let from = |name: &str| option(name).map(|value| to_text(&value));
        let options = RoleOptions {
            tasks_from: from("tasks_from"),
            vars_from: from("vars_from"),
            defaults_from: from("defaults_from"),
            handlers_from: from("handlers_from"),
            allow_duplicates: Some(option("allow_duplicates").is_none_or(|value| value.is_true())),
            unchecked: option("rolespec_validate").is_some_and(|value| !value.is_true()),
        };
        let used =
            self.run.loader.load_role(name, &options, layer, &task.span).map_err(|error| match error {
                RoleError::Missing(found) => missing(all_of(&found)),
                RoleError::Wrong(found) => wrong(found),
            })?;
        self.variables.use_role(&used.role.name);
        let block = role_block(used, &task.span);
        self.adopt_role(&block, option("public").is_some_and(|value| value.is_true()));
        Ok(vec![Item::Block(block)])
    }

    /// What stands around included tasks: `apply`, the task's own variables, those of the loop.
    fn layer(task: &Task, variables: &TaskVariables) -> Arc<Layer> {
        let span = &task.span;
        let mut vars = Mapping::default();
        for (name, value) in &variables.locals {
            vars.insert(
                Node::text(Arc::clone(name), span.clone()),
                Node::from_json(&to_json(value), span).into_raw(),
            );
        }
        for (_, entry) in task.keywords.vars.iter().filter_map(Node::as_mapping).flat_map(Mapping::iter) {
            vars.insert(entry.key.clone(), entry.value.clone());
        }
        let layer = |origin, keywords, parent: &Arc<Layer>| {
            Arc::new(Layer { origin, keywords, parent: Some(Arc::clone(parent)), span: span.clone() })
        };
        let vars = Some(Node::new(Yaml::Mapping(Arc::new(vars)), span.clone()));
        let keywords = Keywords { vars, ..Keywords::default() };
        let parameters = layer(Origin::Include(task.file.clone()), keywords, &task.layer);
        match task.apply.as_deref() {
            // As a block around what is included.
            Some(apply) => layer(Origin::Block, apply.clone(), &parameters),
            None => parameters,
        }
    }
}

impl Run {
    /// The arguments of an include, without `apply`, whose templates belong to the tasks inside.
    fn include_arguments(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Value, StepError> {
        let mut arguments: Vec<(Value, Value)> = Vec::new();
        if let Some(free_form) = &task.invocation.free_form {
            arguments.push((Value::from("_raw_params"), self.templates.evaluate(free_form, scope)?));
        }
        for (name, entry) in task
            .invocation
            .arguments
            .as_mapping()
            .into_iter()
            .flat_map(Mapping::iter)
            .filter(|(name, _)| name.as_ref() != "apply")
        {
            arguments.push((Value::from(name.as_ref()), self.templates.evaluate(&entry.value, scope)?));
        }
        Ok(Value::from_pairs(arguments))
    }
}

/// What an include that is done says of itself.
fn included(task: &Task, arguments: &Value) -> StepResult {
    let Json::Object(mut arguments) = to_json(arguments) else { return StepResult::default() };
    let mut outcome = Outcome::new(false);
    if task.invocation.name.as_ref() == "include_tasks" {
        let file = arguments.remove("_raw_params").or(arguments.remove("file"));
        outcome = outcome.with("include", file.unwrap_or_default());
    }
    StepResult { outcome: outcome.with("include_args", Json::Object(arguments)), ..StepResult::default() }
}

/// What a host includes is not there.
fn missing(message: String) -> Nothing {
    Nothing::Missing(StepError::Failed(message))
}

/// What a host includes cannot be read: the first of what was found tells why.
fn wrong(found: Vec<Diagnostic>) -> Nothing {
    let all = all_of(&found);
    let first = found.into_iter().find(Diagnostic::is_error);
    Nothing::Wrong(first.unwrap_or_else(|| Diagnostic::without_place(all)))
}

/// Several findings as one text.
fn all_of(found: &[Diagnostic]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
