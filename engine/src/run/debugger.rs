//! `debugger`, and `strategy: debug`: what came of a task is looked into, and the task done once more.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use clouder_lang::Span;
use clouder_lang::yaml::{Mapping, Node, Yaml, to_shown_json};
use fancy_regex::Regex;
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::Console;
use super::host::PlayHost;
use super::play::PlayRun;
use super::result::StepResult;
use super::settings::keyword;
use crate::playbook::Task;
use crate::report::{Event, TaskInfo};
use crate::template::{Scope, TemplateError, Value, from_json, to_json, to_text};
use crate::vars::{ScopeMapping, TaskVariables};

const HELP: &str = "\
p EXPRESSION                 show a value: task, task.args, task_vars, host, result, or any variable
task.args['NAME'] = VALUE    change an argument
task_vars['NAME'] = VALUE    change a variable
del task.args['NAME']        leave an argument out
u                            take changed variables over (they count at once here)
r                            do the task once more
c                            go on
q                            end the run
";

/// `task.args['x'] = …`, `task_vars['x'] = …`, `del task.args['x']`.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^(?:(del)\s+)?(task\.args|task_vars)\[\s*(?:'([^']*)'|"([^"]*)")\s*\](?:\s*=\s*(.+))?$"#)
        .ok()
});

/// What is done when nothing more is looked into.
enum Next {
    Continue,
    Redo,
    Quit,
}

/// A task that is looked into.
struct Session<'a, 'b> {
    play: &'a PlayRun<'b>,
    host: &'a Arc<PlayHost>,
    info: &'a Arc<TaskInfo>,
    /// The task, as it was changed.
    task: Task,
    /// Variables that were changed.
    changed: IndexMap<Arc<str>, Value>,
}

impl PlayRun<'_> {
    /// Lets a person look into what came of a task on a host, if that is asked for, until there is no more to be done.
    pub(super) async fn debug(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        mut result: StepResult,
        rescued: bool,
    ) -> StepResult {
        let Some(console) = &self.run.options.console else { return result };
        // Most results are looked into by nobody: these cost no copy of the task.
        if !self.wants_debugger(task, host, &result) {
            return result;
        }
        let mut session = Session { play: self, host, info, task: task.clone(), changed: IndexMap::new() };
        while self.wants_debugger(task, host, &result) && !self.run.is_interrupted() {
            self.run.events.settled().await;
            match session.ask(console.as_ref(), &result) {
                Next::Continue => break,
                Next::Quit => {
                    console.tell("User interrupted execution\n");
                    self.run.interrupt();
                    break;
                }
                Next::Redo => {
                    self.run.summary.take_back(host.name(), result.status(), result.outcome.changed, rescued);
                    let started = Instant::now();
                    self.run
                        .events
                        .send(Event::HostStart { task: Arc::clone(info), host: Arc::clone(host.name()) });
                    result = self.run.on_host(&session.task, info, session.variables(), true).await;
                    self.notify_and_tell(task, info, host, &result, (started, rescued));
                }
            }
        }
        result
    }

    /// Whether some result of a task is to be looked into.
    pub(super) fn may_be_debugged(&self, task: &Task) -> bool {
        self.is_debugged || keyword(task, |keywords| keywords.debugger.as_ref()).is_some()
    }

    /// Whether a result is to be looked into.
    fn wants_debugger(&self, task: &Task, host: &PlayHost, result: &StepResult) -> bool {
        let options = &self.run.options;
        let is_forgiven = options.debugger_forgives && result.ignored;
        let failed = result.outcome.failed && !result.unreachable && !is_forgiven;
        let usually = self.is_debugged && (failed || result.unreachable);
        let Some(node) = keyword(task, |keywords| keywords.debugger.as_ref()) else { return usually };
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, host));
        match self.run.templates.evaluate_text(node, &scope).as_deref() {
            Ok("always") => true,
            Ok("never") => false,
            Ok("on_failed") => usually || failed,
            Ok("on_unreachable") => usually || result.unreachable,
            Ok("on_skipped") => usually || result.outcome.skipped,
            _ => usually,
        }
    }
}

impl Session<'_, '_> {
    fn variables(&self) -> TaskVariables {
        let mut variables = self.play.variables(&self.task, self.host);
        variables.locals.extend(self.changed.clone());
        variables
    }

    /// Takes commands until one says what is next.
    fn ask(&mut self, console: &dyn Console, result: &StepResult) -> Next {
        let prompt = format!("[{}] TASK: {} (debug)> ", self.host.name(), self.info.name);
        // Where input ends, so does the run.
        while let Some(line) = console.line(&prompt) {
            let line = line.trim();
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match word {
                "c" | "continue" => return Next::Continue,
                "r" | "redo" => return Next::Redo,
                "q" | "quit" | "EOF" => return Next::Quit,
                // Variables are looked up anew each time.
                "" | "u" | "update_task" => {}
                "h" | "help" | "?" => console.tell(HELP),
                "p" | "pprint" => self.show(console, rest, result),
                _ => match self.assign(line, result) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => console.tell(&format!("***{}\n", error.diagnostic.message)),
                    None => self.show(console, line, result),
                },
            }
        }
        Next::Quit
    }

    fn show(&self, console: &dyn Console, expression: &str, result: &StepResult) {
        match self.value(&format!("({expression}) | pprint"), result) {
            Ok(value) => console.tell(&format!("{}\n", to_text(&value))),
            Err(error) => console.tell(&format!("***{}\n", error.diagnostic.message)),
        }
    }

    /// The value of an expression over the task, its result and its variables.
    fn value(&self, expression: &str, result: &StepResult) -> Result<Value, TemplateError> {
        let variables = self.variables();
        let all = Value::from_object(ScopeMapping {
            scope: Arc::new(variables.clone()),
            hidden: &["vars", "omit"],
        });
        let arguments = from_json(to_shown_json(&self.task.invocation.arguments));
        let task = Value::from_pairs([
            ("name", Value::from(self.info.name.as_str())),
            ("action", Value::from(self.info.module.as_ref())),
            ("args", arguments),
        ]);
        let registered = from_json(Json::Object(result.shown()));
        let variables = variables
            .with_local("task", task)
            .with_local("task_vars", all)
            .with_local("host", Value::from(self.host.name().as_ref()))
            .with_local("result", Value::from_pairs([("_result", registered)]));
        let scope: Arc<dyn Scope> = Arc::new(variables);
        let node = Node::text(expression, Span::of_text("the debugger", expression));
        self.play.run.templates.expression(&node, &scope)
    }

    /// Changes an argument or a variable; `None` when a line does not say so.
    fn assign(&mut self, line: &str, result: &StepResult) -> Option<Result<(), TemplateError>> {
        let parts = ASSIGNMENT.as_ref()?.captures(line).ok()??;
        let name: Arc<str> = Arc::from(parts.get(3).or_else(|| parts.get(4))?.as_str());
        let of_task = parts.get(2)?.as_str() == "task.args";
        let value = match (parts.get(1), parts.get(5)) {
            (None, Some(expression)) => match self.value(expression.as_str(), result) {
                Ok(value) => Some(value),
                Err(error) => return Some(Err(error)),
            },
            (Some(_), None) => None,
            _ => return None,
        };
        if of_task {
            self.set_argument(&name, value);
        } else if let Some(value) = value {
            self.changed.insert(name, value);
        } else {
            self.changed.shift_remove(&name);
        }
        Some(Ok(()))
    }

    fn set_argument(&mut self, name: &Arc<str>, value: Option<Value>) {
        let invocation = &mut self.task.invocation;
        let span = invocation.arguments.span.clone();
        let value = value.map(|value| Node::from_json(&to_json(&value), &span).into_raw());
        if name.as_ref() == "_raw_params" {
            invocation.free_form = value;
            return;
        }
        let mut arguments = Mapping::default();
        for (key, entry) in invocation.arguments.as_mapping().into_iter().flat_map(Mapping::iter) {
            if key != name {
                arguments.insert(entry.key.clone(), entry.value.clone());
            }
        }
        if let Some(value) = value {
            arguments.insert(Node::text(Arc::clone(name), span.clone()), value);
        }
        invocation.arguments = Node::new(Yaml::Mapping(Arc::new(arguments)), span);
    }
}
