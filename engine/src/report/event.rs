//! What happens in a run, as reports are told it.

use std::collections::BTreeMap;
use std::sync::Arc;

use clouder_lang::Diagnostic;
use serde::Serialize;
use serde_json::{Map, Value};

/// What happens in a run. Results that must not be shown are already hidden.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A playbook begins.
    PlaybookStart {
        /// Its file.
        path: String,
        /// Whether the run only predicts.
        check: bool,
    },
    /// A play begins.
    PlayStart {
        /// Its name.
        name: String,
        /// Its hosts.
        hosts: Vec<Arc<str>>,
    },
    /// A play has no hosts.
    NoHosts {
        /// The play's name.
        play: String,
    },
    /// A batch of a `serial` play begins.
    BatchStart {
        /// The play's name.
        play: String,
        /// Whether it is the play's first.
        first: bool,
        /// Its hosts.
        hosts: Vec<Arc<str>>,
    },
    /// A task begins, on one or more hosts.
    TaskStart {
        /// Which.
        task: Arc<TaskInfo>,
    },
    /// A task begins on a host.
    HostStart {
        /// Which task.
        #[serde(skip)]
        task: Arc<TaskInfo>,
        /// The host.
        host: Arc<str>,
    },
    /// A turn of a loop is done.
    Item {
        /// Which task.
        #[serde(skip)]
        task: Arc<TaskInfo>,
        /// The task's number.
        task_id: u64,
        /// The host.
        host: Arc<str>,
        /// What is shown of the element.
        label: ItemLabel,
        /// What came of it.
        status: Status,
        /// The result.
        result: Arc<Map<String, Value>>,
    },
    /// A try of an `until` task failed and is repeated.
    Retry {
        /// Which task.
        #[serde(skip)]
        task: Arc<TaskInfo>,
        /// The task's number.
        task_id: u64,
        /// The host.
        host: Arc<str>,
        /// How many tries are left.
        left: u64,
    },
    /// A piece of a long command's output.
    Output {
        /// The host.
        host: Arc<str>,
        /// The text.
        text: String,
    },
    /// A task is done on a host.
    Result {
        /// Which task.
        #[serde(skip)]
        task: Arc<TaskInfo>,
        /// The task's number.
        task_id: u64,
        /// The host.
        host: Arc<str>,
        /// The host it really ran on, if it was delegated.
        #[serde(skip_serializing_if = "Option::is_none")]
        delegated_to: Option<Arc<str>>,
        /// What came of it.
        status: Status,
        /// The result.
        result: Arc<Map<String, Value>>,
        /// Seconds it took.
        seconds: f64,
    },
    /// A file of tasks or a role was included.
    Included {
        /// The element of the loop it is included for, as it is shown.
        item: Option<String>,
        /// Which.
        name: String,
        /// For these hosts.
        hosts: Vec<Arc<str>>,
    },
    /// A handler was notified.
    Notified {
        /// Its name.
        handler: String,
        /// By this host.
        host: Arc<str>,
    },
    /// Something a person should know.
    Warning {
        /// What.
        #[serde(serialize_with = "as_text")]
        diagnostic: Arc<Diagnostic>,
    },
    /// The run is over.
    Summary {
        /// What came of each host.
        hosts: BTreeMap<Arc<str>, HostSummary>,
        /// What `set_stats` kept, by host; that of the run under `_run`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        stats: BTreeMap<Arc<str>, Map<String, Value>>,
        /// Whether it was cut off.
        interrupted: bool,
    },
}

fn as_text<S: serde::Serializer>(diagnostic: &Arc<Diagnostic>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(diagnostic)
}

/// A task, as reports name it.
#[derive(Clone, Debug, Serialize)]
pub struct TaskInfo {
    /// Its number in this run, counted from 1.
    pub id: u64,
    /// Its name, templates evaluated; the module's name if it has none.
    pub name: String,
    /// The role it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Arc<str>>,
    /// The module or action.
    pub module: Arc<str>,
    /// `file:line`.
    pub place: String,
    /// Whether it is a handler.
    pub handler: bool,
}

/// What is shown of a loop's element.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct ItemLabel(pub String);

/// What came of a task on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing had to be changed.
    Ok,
    /// Something was changed, or would be.
    Changed,
    /// It was not run: a condition did not hold.
    Skipped,
    /// It failed.
    Failed,
    /// It failed, and that was to be ignored.
    Ignored,
    /// The host could not be reached.
    Unreachable,
}

/// What came of a host in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostSummary {
    /// Tasks that succeeded, those that changed something among them.
    pub ok: u64,
    /// Tasks that changed something.
    pub changed: u64,
    /// Tasks that found the host unreachable.
    pub unreachable: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks that were skipped.
    pub skipped: u64,
    /// Failures that a `rescue` mended.
    pub rescued: u64,
    /// Failures that were ignored.
    pub ignored: u64,
}
