//! What happens next, on which host: plays, batches, blocks, loops, handlers, results.
//!
//! [`Run`] holds what the whole run shares. `play` takes a play apart into batches and sections, `walk` goes
//! through blocks, `task` runs one task on many hosts, `step` runs one element of it on one host.

mod arguments;
mod background;
mod conditions;
mod debugger;
mod handlers;
mod host;
mod include;
mod invoke;
mod loops;
mod meta;
mod options;
mod play;
mod prompts;
mod result;
mod roles;
mod settings;
mod step;
mod summary;
mod tags;
mod task;
mod vars_files;
mod walk;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clouder_cloud::azure::Clouds;
use clouder_lang::Diagnostic;

use crate::action::Digests;
use crate::action::own_module::Packages;
use crate::connection::Connections;
use crate::playbook::{Loader, Playbook};
use crate::report::{Event, Events};
use crate::template::Templates;
use crate::vars::SharedVariables;

pub use background::Jobs;
pub(crate) use background::results_file;
pub use options::{Ask, Console, Reload, RunOptions};
pub use result::StepError;
pub(crate) use roles::parts;
pub use step::Step;
pub use summary::Summary;
pub(crate) use vars_files::{choices, first_file};

/// The exit code of a run that was interrupted.
pub const INTERRUPTED: i32 = 99;

/// A run of one or more playbooks.
pub struct Run {
    /// What was asked for.
    pub options: RunOptions,
    /// Reads files that are included while running.
    pub loader: Arc<Loader>,
    /// Evaluates templates.
    pub templates: Arc<Templates>,
    /// Reaches hosts.
    pub connections: Connections,
    /// The variables all tasks share.
    pub variables: Arc<SharedVariables>,
    /// Where events go.
    pub events: Events,
    summary: Summary,
    task_ids: AtomicU64,
    interrupted: AtomicBool,
    queues: AtomicU32,
    /// `--step`: whether each task is asked about.
    stepping: AtomicBool,
    /// Whether `--start-at-task` has been reached.
    started: AtomicBool,
    /// What modules in Python import.
    pub packages: Packages,
    /// Clouds that are connected to.
    pub clouds: Arc<Clouds>,
    /// Digests of files that hosts are sent.
    pub digests: Digests,
    /// Tasks in the background.
    pub jobs: Arc<Jobs>,
    /// Why the run cannot go on, though no host is to blame.
    broken: Mutex<Option<Box<Diagnostic>>>,
    /// Hosts that failed or were lost: they take no part in later plays.
    losses: Mutex<HashMap<Arc<str>, Loss>>,
}

/// How a host was lost to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// A task failed.
    Failed,
    /// It cannot be reached any more.
    Unreachable,
}

impl Run {
    /// A run that has not begun.
    pub fn new(
        options: RunOptions,
        loader: Arc<Loader>,
        templates: Arc<Templates>,
        connections: Connections,
        variables: Arc<SharedVariables>,
        events: Events,
    ) -> Self {
        Self {
            stepping: AtomicBool::new(options.step),
            options,
            loader,
            templates,
            connections,
            variables,
            events,
            summary: Summary::default(),
            task_ids: AtomicU64::new(0),
            interrupted: AtomicBool::new(false),
            queues: AtomicU32::new(0),
            started: AtomicBool::new(false),
            packages: Packages::default(),
            clouds: Arc::default(),
            jobs: Arc::default(),
            digests: Digests::default(),
            broken: Mutex::default(),
            losses: Mutex::default(),
        }
    }

    /// Runs the plays of a playbook, one after the other.
    ///
    /// # Errors
    /// What cannot be told of any one host: a play whose keywords have no value, a file that is gone, a handler that is
    /// not there.
    pub async fn playbook(&self, playbook: &Playbook) -> Result<(), Box<Diagnostic>> {
        let path = playbook.path.display().to_string();
        self.events.send(Event::PlaybookStart { path, check: self.options.check });
        for play in &playbook.plays {
            if self.is_interrupted() || !self.play(play).await? {
                break;
            }
        }
        self.broken().take().map_or(Ok(()), Err)
    }

    fn broken(&self) -> std::sync::MutexGuard<'_, Option<Box<Diagnostic>>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the run at once, as wrong.
    fn break_off(&self, reason: Diagnostic) {
        self.broken().get_or_insert_with(|| Box::new(reason));
    }

    /// Ends the run: tells what came of the hosts and closes connections. Returns the exit code.
    pub async fn finish(self) -> i32 {
        let interrupted = self.interrupted.load(Ordering::Relaxed);
        let stats = self.summary.stats();
        self.events.send(Event::Summary { hosts: self.summary.all(), stats, interrupted });
        let code = if interrupted { INTERRUPTED } else { self.exit_code() };
        self.connections.close().await;
        code
    }

    /// 4 when a host was lost, 2 when one failed, 0 when all is well.
    fn exit_code(&self) -> i32 {
        let losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        if losses.values().any(|loss| *loss == Loss::Unreachable) {
            4
        } else if losses.is_empty() {
            0
        } else {
            2
        }
    }

    /// Asks the run to end: no new task begins.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether nothing new may begin.
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.broken().is_some()
    }

    /// Whether a task is to be run: `--step` asks.
    fn wants(&self, task: &str) -> bool {
        let Some(ask) = self.options.ask.as_ref().filter(|_| self.stepping.load(Ordering::Relaxed)) else {
            return true;
        };
        let question = format!("Perform task: TASK: {task} (N)o/(y)es/(c)ontinue");
        // Where input ends, the answer is the default: no.
        let answer = (ask.0)(&question, false).unwrap_or_default().trim().to_lowercase();
        if matches!(answer.as_str(), "c" | "continue") {
            self.stepping.store(false, Ordering::Relaxed);
        }
        matches!(answer.as_str(), "y" | "yes" | "c" | "continue")
    }

    fn next_task_id(&self) -> u64 {
        self.task_ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number for requests that must be done in order.
    fn next_queue(&self) -> u32 {
        self.queues.fetch_add(1, Ordering::Relaxed)
    }

    /// Shows a warning.
    pub fn warn(&self, diagnostic: Diagnostic) {
        self.events.send(Event::Warning { diagnostic: Arc::new(diagnostic) });
    }
}
