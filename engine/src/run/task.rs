//! One task on all hosts that are at it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Node};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::{Map, Value as Json};
use tokio::sync::Semaphore;

use super::host::{PlayHost, contains};
use super::play::PlayRun;
use super::result::StepResult;
use super::settings::{keyword, tags};
use super::tags::chosen;
use super::walk::Around;
use crate::action::Effect;
use crate::playbook::Task;
use crate::report::{Event, Status, TaskInfo};
use crate::template::{Scope, Value, from_json, to_text};
use crate::vars::TaskVariables;

impl PlayRun<'_> {
    /// The variables a task sees on a host.
    pub(super) fn variables(&self, task: &Task, host: &PlayHost) -> TaskVariables {
        TaskVariables {
            shared: Arc::clone(&self.run.variables),
            host: Arc::clone(&host.state),
            play: Some(Arc::clone(&self.variables)),
            layer: Some(Arc::clone(&task.layer)),
            keywords: Some(Arc::clone(&task.keywords)),
            task_folder: task.file.parent().map(ToOwned::to_owned),
            locals: indexmap::IndexMap::new(),
        }
    }

    /// Runs a task on hosts; returns those that go on.
    pub(super) async fn task(
        &self,
        task: &Task,
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Vec<Arc<PlayHost>> {
        if hosts.iter().any(|host| host.has_ended(&task.layer)) {
            let (ended, going): (Vec<_>, Vec<_>) =
                hosts.iter().cloned().partition(|host| host.has_ended(&task.layer));
            let through = Box::pin(self.task(task, going, around)).await;
            let mut hosts = hosts;
            hosts.retain(|host| contains(&ended, host) || contains(&through, host));
            return hosts;
        }
        let Some(first) = hosts.first() else { return hosts };
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, first));
        match tags(task, self.run, &scope) {
            Ok(tags) if chosen(&tags, &self.run.options) => {}
            Ok(_) => return hosts,
            Err(error) => {
                self.run.warn(*error.diagnostic);
                return hosts;
            }
        }
        if !self.has_started(task, &scope) {
            return hosts;
        }
        let name = task.invocation.name.as_ref();
        if name != "meta" && !self.run.wants(&self.task_name(task, &scope)) {
            return hosts;
        }
        match name {
            "meta" => self.meta(task, hosts, around).await,
            "include_tasks" | "include_role" => Box::pin(self.include(task, hosts, around)).await,
            _ => {
                let info = self.info(task, &scope, false);
                self.on_hosts(task, &info, hosts, around).await
            }
        }
    }

    /// Whether `--start-at-task` has been reached.
    fn has_started(&self, task: &Task, scope: &Arc<dyn Scope>) -> bool {
        let Some(wanted) = &self.run.options.start_at_task else { return true };
        if self.run.started.load(Ordering::Relaxed) {
            return true;
        }
        let name = self.task_name(task, scope);
        let glob = globset::Glob::new(wanted).ok().map(|glob| glob.compile_matcher());
        let is_wanted = |name: &str| name == wanted || glob.as_ref().is_some_and(|glob| glob.is_match(name));
        let with_role = task.layer.role().map(|role| format!("{} : {name}", role.name));
        let matches = is_wanted(&name) || with_role.is_some_and(|name| is_wanted(&name));
        if matches {
            self.run.started.store(true, Ordering::Relaxed);
        }
        matches
    }

    pub(super) fn task_name(&self, task: &Task, scope: &Arc<dyn Scope>) -> String {
        match &task.name {
            // A name that cannot be made yet is shown as written.
            Some(name) => self
                .run
                .templates
                .evaluate(name, scope)
                .map_or_else(|_| name.to_text().to_string(), |value| to_text(&value)),
            None if task.invocation.name.as_ref() == "include_role" => {
                let arguments = task.invocation.arguments.as_mapping();
                let role =
                    arguments.and_then(|arguments| arguments.get("name").or_else(|| arguments.get("role")));
                let role = role.map(|role| role.to_text().to_string()).unwrap_or_default();
                format!("{} : {role}", task.invocation.written.to_text())
            }
            None => task.invocation.written.to_text().to_string(),
        }
    }

    /// The task as reports name it; tells them that it begins.
    pub(super) fn info(&self, task: &Task, scope: &Arc<dyn Scope>, handler: bool) -> Arc<TaskInfo> {
        let info = Arc::new(TaskInfo {
            id: self.run.next_task_id(),
            name: self.task_name(task, scope),
            // An include of a role is named after that one.
            role: task
                .layer
                .role()
                .filter(|_| task.name.is_some() || task.invocation.name.as_ref() != "include_role")
                .map(|role| Arc::clone(&role.name)),
            module: self.module_shown(task, scope),
            place: format!("{}:{}", task.file.display(), task.span.position().line),
            handler,
        });
        self.run.events.send(Event::TaskStart { task: Arc::clone(&info) });
        info
    }

    /// The module of a task: its name may be a template.
    fn module_shown(&self, task: &Task, scope: &Arc<dyn Scope>) -> Arc<str> {
        let written = &task.invocation.name;
        if !crate::template::is_template(written) {
            return Arc::clone(written);
        }
        let node = Node::text(Arc::clone(written), task.invocation.written.span.clone());
        self.run.templates.evaluate_text(&node, scope).map_or_else(|_| Arc::clone(written), Arc::from)
    }

    /// Runs a task on all hosts at once, as far as `forks` and `throttle` allow.
    pub(super) async fn on_hosts(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        hosts: Vec<Arc<PlayHost>>,
        around: Around,
    ) -> Vec<Arc<PlayHost>> {
        let Some(first) = hosts.first() else { return hosts };
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, first));
        // What these do concerns the run, not a host.
        let once =
            self.runs_once(task, &scope) || matches!(task.invocation.name.as_ref(), "add_host" | "pause");
        let throttle = self.throttle(task, &scope);
        let is_read = task.register.is_some() || around.rescue || self.may_be_debugged(task);
        let running: FuturesUnordered<_> = hosts
            .iter()
            .take(if once { 1 } else { hosts.len() })
            .map(|host| self.one_host(task, info, host, throttle.as_ref(), is_read))
            .collect();
        let told: Vec<(Arc<PlayHost>, StepResult)> = running
            .map(|(host, result, started)| {
                self.notify_and_tell(task, info, &host, &result, (started, around.rescue));
                (host, result)
            })
            .collect()
            .await;
        let mut results = Vec::new();
        for (host, result) in told {
            let result = self.debug(task, info, &host, result, around.rescue).await;
            results.push((host, result));
        }
        let mut lost: Vec<Arc<PlayHost>> = Vec::new();
        for (host, result) in results {
            let sharing = if once { hosts.clone() } else { vec![Arc::clone(&host)] };
            for host in &sharing {
                self.keep(task, host, &result);
            }
            let failed = result.failed() && !result.ignored;
            if failed {
                if around.rescue && !result.unreachable {
                    self.keep_failure(task, &host, &result);
                }
                if result.unreachable {
                    host.leave();
                }
                lost.extend(sharing);
            }
        }
        if lost.is_empty() {
            return hosts;
        }
        if self.is_fatal(task, &scope) {
            lost.clone_from(&hosts);
        }
        // No `rescue` mends a host that cannot be reached.
        let for_good =
            lost.iter().filter(|host| !around.rescue || host.is_lost()).cloned().collect::<Vec<_>>();
        self.lose(&for_good, around);
        if self.too_many_failed() {
            self.halt();
            return Vec::new();
        }
        let mut survivors = hosts;
        survivors.retain(|host| !contains(&lost, host));
        survivors
    }

    /// Keeps what failed, for the `rescue` that mends it and all that comes later.
    pub(super) fn keep_failure(&self, task: &Task, host: &PlayHost, result: &StepResult) {
        host.state.set(Arc::from("ansible_failed_task"), self.failed_task(task, host));
        let result = from_json(Json::Object(result.registered()));
        host.state.set(Arc::from("ansible_failed_result"), result);
    }

    /// A task as `ansible_failed_task` shows it. What has no value is shown as written.
    fn failed_task(&self, task: &Task, host: &PlayHost) -> Value {
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, host));
        let value = |node: &Node| {
            let evaluated = self.run.templates.evaluate(node, &scope);
            evaluated.unwrap_or_else(|_| from_json(clouder_lang::yaml::to_json(node)))
        };
        let named = task.invocation.arguments.as_mapping().into_iter().flat_map(Mapping::iter);
        let free_form =
            task.invocation.free_form.iter().map(|text| (Value::from("_raw_params"), value(text)));
        let arguments =
            named.map(|(name, entry)| (Value::from(&**name), value(&entry.value))).chain(free_form);
        let mut layers: Vec<_> = task.layer.chain().map(|layer| &layer.keywords.when).collect();
        layers.reverse();
        let when = layers.into_iter().chain([&task.keywords.when]).flatten();
        let when: Vec<Value> = when.map(|node| from_json(clouder_lang::yaml::to_json(node))).collect();
        let tags: Vec<Value> =
            tags(task, self.run, &scope).unwrap_or_default().into_iter().map(Value::from).collect();
        Value::from_pairs([
            ("name", task.name.as_ref().map_or_else(|| Value::from(""), value)),
            ("action", Value::from(&*task.invocation.written.to_text())),
            ("args", Value::from_pairs(arguments)),
            ("tags", Value::from(tags)),
            ("when", Value::from(when)),
            ("register", task.register.as_deref().map_or_else(|| Value::from(()), Value::from)),
            ("loop", task.loop_.as_ref().map_or_else(|| Value::from(()), |loop_| value(&loop_.items))),
        ])
    }

    /// Whether a task runs on one host, for all.
    pub(super) fn runs_once(&self, task: &Task, scope: &Arc<dyn Scope>) -> bool {
        keyword(task, |keywords| keywords.run_once.as_ref())
            .is_some_and(|node| self.run.flag(node, scope).unwrap_or(false))
    }

    fn throttle(&self, task: &Task, scope: &Arc<dyn Scope>) -> Option<Arc<Semaphore>> {
        let node = keyword(task, |keywords| keywords.throttle.as_ref())?;
        let value = self.run.templates.evaluate(node, scope).ok()?;
        let limit: usize = to_text(&value).parse().ok()?;
        (limit > 0).then(|| Arc::new(Semaphore::new(limit)))
    }

    fn is_fatal(&self, task: &Task, scope: &Arc<dyn Scope>) -> bool {
        let node = keyword(task, |keywords| keywords.any_errors_fatal.as_ref());
        let usual = self.run.options.any_errors_fatal;
        node.map_or(usual, |node| self.run.flag(node, scope).unwrap_or(false))
    }

    async fn one_host(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        throttle: Option<&Arc<Semaphore>>,
        is_read: bool,
    ) -> (Arc<PlayHost>, StepResult, Instant) {
        // The semaphores are never closed, so that waiting for them cannot fail.
        let _throttled = match throttle {
            Some(throttle) => throttle.acquire().await.ok(),
            None => None,
        };
        let _forked = self.forks.acquire().await.ok();
        let started = Instant::now();
        self.run.events.send(Event::HostStart { task: Arc::clone(info), host: Arc::clone(host.name()) });
        let result = self.run.on_host(task, info, self.variables(task, host), is_read).await;
        (Arc::clone(host), result, started)
    }

    /// Owes the handlers of a task that changed something, and tells what came of it. A handler that is not there ends the
    /// run, and what came of the task is not told then.
    pub(super) fn notify_and_tell(
        &self,
        task: &Task,
        info: &Arc<TaskInfo>,
        host: &Arc<PlayHost>,
        result: &StepResult,
        (started, rescued): (Instant, bool),
    ) {
        if result.status() != Status::Changed || self.notify(task, host) {
            self.tell(info, host, result, started, rescued);
        }
    }

    /// Tells reports and the summary what came of a task on a host.
    pub(super) fn tell(
        &self,
        info: &Arc<TaskInfo>,
        host: &PlayHost,
        result: &StepResult,
        started: Instant,
        rescued: bool,
    ) {
        let status = result.status();
        self.run.summary.count(host.name(), status, result.outcome.changed, rescued);
        for warning in &result.outcome.warnings {
            self.run.warn(Diagnostic {
                severity: clouder_lang::Severity::Warning,
                ..Diagnostic::without_place(warning.clone())
            });
        }
        self.run.events.send(Event::Result {
            task: Arc::clone(info),
            task_id: info.id,
            host: Arc::clone(host.name()),
            delegated_to: result.delegated_to.clone(),
            status,
            result: Arc::new(result.shown()),
            seconds: started.elapsed().as_secs_f64(),
        });
    }

    /// Keeps what a result leaves: facts, the registered variable.
    fn keep(&self, task: &Task, host: &Arc<PlayHost>, result: &StepResult) {
        if !result.outcome.ansible_facts.is_empty() {
            let owner = match (&result.delegated_to, result.delegate_facts) {
                (Some(name), true) => self.run.variables.host(name),
                _ => Arc::clone(&host.state),
            };
            owner.add_facts(facts(&result.outcome.ansible_facts));
        }
        for effect in &result.effects {
            match effect {
                Effect::Set { name, value, cacheable } => {
                    let owner = match (&result.delegated_to, result.delegate_facts) {
                        (Some(delegate), true) => self.run.variables.host(delegate),
                        _ => Arc::clone(&host.state),
                    };
                    owner.set(Arc::clone(name), value.clone());
                    if *cacheable {
                        owner.add_facts([(Arc::clone(name), value.clone())]);
                    }
                }
                Effect::Stats { host, data, aggregate } => {
                    self.run.summary.keep(host.as_ref(), data, *aggregate);
                }
                Effect::Include(variables) => {
                    let owner = match (&result.delegated_to, result.delegate_facts) {
                        (Some(delegate), true) => self.run.variables.host(delegate),
                        _ => Arc::clone(&host.state),
                    };
                    owner.include(variables.clone(), self.run.variables.merge);
                }
            }
        }
        if let Some(name) = &task.register {
            host.state.set(Arc::clone(name), from_json(Json::Object(result.registered())));
        }
    }
}

/// Facts as a host keeps them: without the `ansible_` in front.
fn facts(facts: &Map<String, Json>) -> impl Iterator<Item = (Arc<str>, crate::template::Value)> + '_ {
    facts.iter().map(|(name, value)| (Arc::from(name.as_str()), from_json(value.clone())))
}
