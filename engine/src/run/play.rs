//! One play: its hosts, batches, variables, sections.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use clouder_inventory::LoadError;
use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Node, Yaml};
use tokio::sync::Semaphore;

use super::host::{PlayHost, contains, drop_lost};
use super::roles::FinishedRoles;
use super::walk::Around;
use super::{Loss, Run, StepError};
use crate::playbook::{Invocation, Item, Keywords, Layer, Play, Task, role_block};
use crate::report::Event;
use crate::template::{Scope, to_text, to_texts};
use crate::vars::{PlayVariables, TaskVariables};

/// A play while it runs.
pub(super) struct PlayRun<'a> {
    pub(super) run: &'a Run,
    pub(super) play: &'a Play,
    pub(super) variables: Arc<PlayVariables>,
    /// The hosts of the batch.
    pub(super) batch: Vec<Arc<PlayHost>>,
    /// How many hosts the batch would have if none had failed before.
    size: usize,
    /// All handlers, in the order they were written.
    pub(super) handlers: RwLock<Vec<Arc<Task>>>,
    /// How many hosts are worked on at once.
    pub(super) forks: Semaphore,
    /// No further batch begins, and later plays do not either.
    aborted: &'a AtomicBool,
    /// `meta: end_play`.
    ended: &'a AtomicBool,
    max_fail_percentage: Option<f64>,
    /// How many hosts of the batch have failed, as far as that counts for it.
    failed_count: AtomicUsize,
    /// The roles that hosts came through.
    pub(super) finished_roles: FinishedRoles,
    /// Whether failed tasks are looked into.
    pub(super) is_debugged: bool,
}

/// Names of hosts in order.
type Hosts = Vec<Arc<str>>;

/// The sections of a play in order; handlers run after each.
struct Sections {
    gather: Option<Item>,
    sections: Vec<Vec<Item>>,
}

impl Run {
    /// Runs a play. Returns whether the next one may begin.
    pub(super) async fn play(&self, play: &Arc<Play>) -> Result<bool, Box<Diagnostic>> {
        let own = PlayVariables::of(&play.layer.keywords, &play.folder);
        if let Some(folder) = &own.folder {
            self.variables.enter(folder).map_err(|error| match error {
                LoadError::Content(finding) => finding,
                other => Box::new(Diagnostic::error(other.to_string(), &play.span)),
            })?;
        }
        let controller = self.variables.host("localhost");
        let mut outside = TaskVariables::of_host(&self.variables, &controller);
        outside.play = Some(Arc::new(own));
        let scope: Arc<dyn Scope> = Arc::new(outside);
        let (hosts, all_hosts) = self.hosts_of(play, &scope)?;
        let name = match play.name.as_ref().filter(|name| name.as_str() != Some("")) {
            Some(name) => self.templates.evaluate_text(name, &scope).map_err(|error| error.diagnostic)?,
            None => {
                let hosts = self.templates.evaluate(&play.hosts, &scope).map_err(|error| error.diagnostic)?;
                match play.hosts.as_sequence() {
                    Some(_) => to_texts(&hosts).join(","),
                    None => to_text(&hosts),
                }
            }
        };
        if all_hosts.is_empty() {
            self.events.send(Event::NoHosts { play: name });
            return Ok(true);
        }
        let prompts = self.prompts(play, &scope)?;
        self.events.send(Event::PlayStart { name: name.clone(), hosts: hosts.clone() });
        let order = self.text(play.order.as_ref(), &scope)?;
        // Only who takes part first depends on the order: the lists of the play's hosts do not. Hosts that failed before
        // still have their places in batches.
        let mut alive = hosts;
        let batches = self.batches(play, &scope, &ordered(all_hosts.clone(), order.as_deref()))?;
        let (aborted, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let several = batches.len() > 1;
        for (number, batch) in batches.into_iter().enumerate() {
            if aborted.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed) || self.is_interrupted() {
                break;
            }
            if several {
                self.events.send(Event::BatchStart {
                    play: name.clone(),
                    first: number == 0,
                    hosts: batch.clone(),
                });
            }
            let size = batch.len();
            let batch: Vec<_> = batch.into_iter().filter(|name| self.is_well(name)).collect();
            let mut variables = PlayVariables::of(&play.layer.keywords, &play.folder);
            variables.name.clone_from(&name);
            variables.prompts.clone_from(&prompts);
            variables.all_hosts.clone_from(&all_hosts);
            variables.set_hosts(batch.clone(), alive.clone());
            let play_run = PlayRun {
                run: self,
                play,
                variables: Arc::new(variables),
                batch: batch.iter().map(|name| PlayHost::new(self.variables.host(name))).collect(),
                handlers: RwLock::default(),
                forks: Semaphore::new(self.options.forks.max(1)),
                aborted: &aborted,
                ended: &ended,
                max_fail_percentage: self
                    .text(play.max_fail_percentage.as_ref(), &scope)?
                    .and_then(|text| text.parse().ok()),
                size,
                failed_count: AtomicUsize::new(0),
                finished_roles: FinishedRoles::default(),
                is_debugged: self.options.debug || self.is_strategy(play, &scope, &["debug"])?,
            };
            play_run.batch(play, &scope).await?;
            self.keep_losses(&play_run.batch);
            alive.retain(|name| self.is_well(name));
            if batch.len() == size && !batch.iter().any(|name| self.is_well(name)) {
                aborted.store(true, Ordering::Relaxed);
            }
        }
        Ok(!aborted.load(Ordering::Relaxed))
    }

    /// Hosts that failed or were lost take no part in later batches and plays.
    fn keep_losses(&self, batch: &[Arc<PlayHost>]) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        for host in batch {
            if host.is_lost() {
                losses.insert(Arc::clone(host.name()), Loss::Unreachable);
            } else if host.has_failed() {
                losses.insert(Arc::clone(host.name()), Loss::Failed);
            }
        }
    }

    /// Hosts that failed or were lost take part again.
    pub(super) fn forgive(&self, hosts: &[Arc<str>]) {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.retain(|name, _| !hosts.contains(name));
    }

    fn is_well(&self, host: &str) -> bool {
        !self.losses.lock().unwrap_or_else(PoisonError::into_inner).contains_key(host)
    }

    /// Whether the strategy of a play is one of these.
    fn is_strategy(
        &self,
        play: &Play,
        scope: &Arc<dyn Scope>,
        names: &[&str],
    ) -> Result<bool, Box<Diagnostic>> {
        let strategy = self.text(play.strategy.as_ref(), scope)?.or_else(|| self.options.strategy.clone());
        let strategy = strategy.unwrap_or_default();
        Ok(names.contains(&strategy.strip_prefix("ansible.builtin.").unwrap_or(&strategy)))
    }

    /// The hosts of a play: its pattern within `--limit`; those that have not failed before, and all.
    fn hosts_of(&self, play: &Play, scope: &Arc<dyn Scope>) -> Result<(Hosts, Hosts), Box<Diagnostic>> {
        let value = self.templates.evaluate(&play.hosts, scope).map_err(|error| error.diagnostic)?;
        let pattern = to_texts(&value).join(",");
        let wrong = |error: clouder_inventory::PatternError| {
            Box::new(Diagnostic::error(error.to_string(), &play.hosts.span))
        };
        let selected =
            self.variables.with_inventory(false, |inventory| inventory.select(&pattern)).map_err(wrong)?;
        for part in &selected.unmatched {
            let message = format!("Could not match supplied host pattern, ignoring: {part}");
            self.warn(Diagnostic::warning(message, &play.hosts.span));
        }
        let mut hosts = selected.hosts;
        if let Some(limit) = &self.options.limit {
            let limited = self.variables.with_inventory(false, |inventory| inventory.select(limit));
            let limited =
                limited.map_err(|error| Box::new(Diagnostic::without_place(error.to_string())))?.hosts;
            hosts.retain(|host| limited.contains(host));
        }
        let alive = hosts.iter().filter(|host| self.is_well(host)).cloned().collect();
        Ok((alive, hosts))
    }

    fn text(&self, node: Option<&Node>, scope: &Arc<dyn Scope>) -> Result<Option<String>, Box<Diagnostic>> {
        let Some(node) = node else { return Ok(None) };
        let value = self.templates.evaluate(node, scope).map_err(|error| error.diagnostic)?;
        Ok((!value.is_none()).then(|| to_text(&value)))
    }

    /// `serial`: numbers and percentages; the last one repeats.
    fn batches(
        &self,
        play: &Play,
        scope: &Arc<dyn Scope>,
        hosts: &[Arc<str>],
    ) -> Result<Vec<Vec<Arc<str>>>, Box<Diagnostic>> {
        let Some(node) = &play.serial else { return Ok(vec![hosts.to_vec()]) };
        let value = self.templates.evaluate(node, scope).map_err(|error| error.diagnostic)?;
        let sizes = to_texts(&value);
        let mut batches = Vec::new();
        let mut rest = hosts;
        for size in sizes.iter().chain(std::iter::repeat(sizes.last().unwrap_or(&String::new()))) {
            if rest.is_empty() {
                break;
            }
            let wanted = match size.strip_suffix('%') {
                Some(percent) => percent
                    .trim()
                    .parse::<f64>()
                    .ok()
                    .map(|percent| ((hosts.len() as f64 * percent / 100.0) as usize).max(1)),
                None => {
                    size.trim().parse::<usize>().ok().map(|size| if size == 0 { hosts.len() } else { size })
                }
            };
            let wanted = wanted.ok_or_else(|| {
                let message = format!("serial must be a number or a percentage, not `{size}`");
                Box::new(Diagnostic::error(message, &node.span))
            })?;
            let (batch, later) = rest.split_at(wanted.min(rest.len()));
            batches.push(batch.to_vec());
            rest = later;
        }
        Ok(batches)
    }
}

fn ordered(mut hosts: Vec<Arc<str>>, order: Option<&str>) -> Vec<Arc<str>> {
    match order {
        Some("sorted") => hosts.sort(),
        Some("reverse_sorted") => {
            hosts.sort();
            hosts.reverse();
        }
        Some("reverse_inventory") => hosts.reverse(),
        Some("shuffle") => {
            // A different order each time is all that is asked for.
            let seed = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |time| time.as_nanos());
            hosts.sort_by_key(|host| {
                use std::hash::{DefaultHasher, Hash as _, Hasher as _};
                let mut hasher = DefaultHasher::new();
                (seed, host).hash(&mut hasher);
                hasher.finish()
            });
        }
        _ => {}
    }
    hosts
}

impl PlayRun<'_> {
    /// Runs all sections of the play on the batch.
    async fn batch(&self, play: &Play, outside: &Arc<dyn Scope>) -> Result<(), Box<Diagnostic>> {
        self.shared_vars_files()?;
        self.own_vars_files(&self.batch, false)?;
        let sections = self.sections(play, outside)?;
        let force = self.run.options.force_handlers || self.flag(play.force_handlers.as_ref(), outside)?;
        if self.run.is_strategy(play, outside, &["free", "host_pinned"])? {
            let alone = self.batch.iter().map(|host| self.through(&sections, vec![Arc::clone(host)], force));
            futures::future::join_all(alone).await.into_iter().collect()
        } else {
            self.through(&sections, self.batch.clone(), force).await
        }
    }

    async fn through(
        &self,
        sections: &Sections,
        hosts: Vec<Arc<PlayHost>>,
        force: bool,
    ) -> Result<(), Box<Diagnostic>> {
        let everyone = hosts.clone();
        let mut hosts = hosts;
        if let Some(Item::Task(gather)) = &sections.gather {
            let unknowing = self.without_facts(&hosts);
            if !unknowing.is_empty() {
                let gathered = self.task(gather, unknowing.clone(), Around::default()).await;
                drop_lost(&mut hosts, &unknowing, &gathered);
            }
        }
        self.own_vars_files(&hosts, true)?;
        for section in &sections.sections {
            hosts = self.items(section, hosts, Around::default()).await;
            // `force_handlers`: hosts that failed still owe what they were notified of.
            let owing = if force {
                everyone.iter().filter(|host| host.is_present()).cloned().collect()
            } else {
                hosts.clone()
            };
            let flushed = self.flush(owing.clone(), Around::default()).await;
            // A host that fails in a handler runs no more of them.
            owing.iter().filter(|host| !contains(&flushed, host)).for_each(|host| host.settle_all());
            hosts.retain(|host| contains(&flushed, host));
        }
        Ok(())
    }

    /// With `gathering: smart`, hosts whose facts are known are not asked again.
    fn without_facts(&self, hosts: &[Arc<PlayHost>]) -> Vec<Arc<PlayHost>> {
        let smart = self.run.options.gathering == "smart";
        hosts.iter().filter(|host| !(smart && host.state.has_facts())).cloned().collect()
    }

    fn flag(&self, node: Option<&Node>, scope: &Arc<dyn Scope>) -> Result<bool, Box<Diagnostic>> {
        match node {
            Some(node) => self.run.flag(node, scope).map_err(|error| match error {
                StepError::Template(error) => error.diagnostic,
                other => Box::new(Diagnostic::error(other.to_string(), &node.span)),
            }),
            None => Ok(false),
        }
    }

    /// The tasks of the play in their sections, and its handlers.
    fn sections(&self, play: &Play, outside: &Arc<dyn Scope>) -> Result<Sections, Box<Diagnostic>> {
        let roles: Vec<Item> =
            play.roles.iter().map(|used| Item::Block(role_block(used.clone(), &used.span))).collect();
        self.adopt(&roles);
        self.add_handlers(&play.handlers);
        for items in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
            self.adopt(items);
        }
        let main = roles.into_iter().chain(play.tasks.iter().cloned()).collect();
        Ok(Sections {
            gather: self.gather(play, outside)?,
            sections: vec![play.pre_tasks.clone(), main, play.post_tasks.clone()],
        })
    }

    /// The task that gathers facts, if the play wants it.
    fn gather(&self, play: &Play, outside: &Arc<dyn Scope>) -> Result<Option<Item>, Box<Diagnostic>> {
        let wanted = match &play.gather_facts {
            Some(_) => self.flag(play.gather_facts.as_ref(), outside)?,
            None => self.run.options.gathering != "explicit",
        };
        if !wanted {
            return Ok(None);
        }
        let mut arguments = Mapping::default();
        for (name, node) in [
            ("gather_subset", &play.gather_subset),
            ("gather_timeout", &play.gather_timeout),
            ("fact_path", &play.fact_path),
        ] {
            if let Some(node) = node {
                arguments.insert(Node::text(name, node.span.clone()), node.clone());
            }
        }
        let keywords =
            Keywords { tags: vec![Node::text("always", play.span.clone())], ..Keywords::default() };
        let task = synthetic("Gathering Facts", "setup", arguments, keywords, &play.layer, &play.span);
        Ok(Some(Item::Task(Arc::new(task))))
    }

    /// Ends the play for all.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Notes that hosts failed, and that nothing mends that.
    pub(super) fn lose(&self, lost: &[Arc<PlayHost>], around: Around) {
        lost.iter().for_each(|host| host.fail());
        // A host that still has an `always` before it does not count: it must come to that.
        if !around.always {
            let failed = lost.iter().filter(|host| !host.is_lost()).count();
            self.failed_count.fetch_add(failed, Ordering::Relaxed);
        }
        self.variables.lose(|name| lost.iter().any(|host| host.name() == name));
    }

    /// Whether a share of the batch has failed that the play does not allow.
    pub(super) fn too_many_failed(&self) -> bool {
        let Some(limit) = self.max_fail_percentage else { return false };
        let failed = self.failed_count.load(Ordering::Relaxed);
        failed as f64 / self.size as f64 * 100.0 > limit
    }

    /// Ends the play for all at once: nothing more is done, no handler and no `always` either.
    pub(super) fn halt(&self) {
        let present: Vec<_> = self.batch.iter().filter(|host| host.is_present()).cloned().collect();
        self.lose(&present, Around::default());
        present.iter().for_each(|host| host.send_home());
        self.aborted.store(true, Ordering::Relaxed);
    }
}

/// A task that nobody wrote.
pub(super) fn synthetic(
    name: &str,
    module: &str,
    arguments: Mapping,
    keywords: Keywords,
    layer: &Arc<Layer>,
    span: &clouder_lang::Span,
) -> Task {
    Task {
        name: Some(Node::text(name, span.clone())),
        invocation: Invocation {
            name: Arc::from(module),
            own: None,
            written: Node::text(module, span.clone()),
            arguments: Node::new(Yaml::Mapping(Arc::new(arguments)), span.clone()),
            free_form: None,
        },
        keywords: Arc::new(keywords),
        layer: Arc::clone(layer),
        loop_: None,
        register: None,
        until: Vec::new(),
        retries: None,
        delay: None,
        changed_when: Vec::new(),
        failed_when: Vec::new(),
        async_seconds: None,
        poll: None,
        apply: None,
        listen: Vec::new(),
        file: span.source().name().to_owned(),
        span: span.clone(),
    }
}
