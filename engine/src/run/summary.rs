//! What came of each host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use crate::action::set_stats;
use crate::report::{HostSummary, Status};

/// What `set_stats` kept, by host; that of the run under `_run`.
pub(super) type Stats = BTreeMap<Arc<str>, Map<String, Json>>;

/// Counts what came of the tasks of each host.
#[derive(Debug, Default)]
pub struct Summary {
    hosts: Mutex<BTreeMap<Arc<str>, HostSummary>>,
    stats: Mutex<Stats>,
}

impl Summary {
    /// Counts a task's status. `changed` says that a failure that is ignored has changed something, `rescued` that a
    /// failure is mended by a `rescue`.
    pub(super) fn count(&self, host: &Arc<str>, status: Status, changed: bool, rescued: bool) {
        self.each_of(host, status, changed, rescued, |count| *count += 1);
    }

    /// Takes back what was counted: the task is done once more.
    pub(super) fn take_back(&self, host: &Arc<str>, status: Status, changed: bool, rescued: bool) {
        self.each_of(host, status, changed, rescued, |count| *count = count.saturating_sub(1));
    }

    /// Changes each count that a status is part of.
    fn each_of(
        &self,
        host: &Arc<str>,
        status: Status,
        changed: bool,
        rescued: bool,
        change: impl Fn(&mut u64),
    ) {
        let mut all = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = all.entry(Arc::clone(host)).or_default();
        match status {
            Status::Ok => change(&mut summary.ok),
            Status::Changed => {
                change(&mut summary.ok);
                change(&mut summary.changed);
            }
            Status::Skipped => change(&mut summary.skipped),
            Status::Failed if rescued => change(&mut summary.rescued),
            Status::Failed => change(&mut summary.failed),
            Status::Ignored => {
                change(&mut summary.ok);
                change(&mut summary.ignored);
                if changed {
                    change(&mut summary.changed);
                }
            }
            Status::Unreachable => change(&mut summary.unreachable),
        }
    }

    /// All hosts.
    pub(super) fn all(&self) -> BTreeMap<Arc<str>, HostSummary> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what `set_stats` says of a host, or of the run.
    pub(super) fn keep(&self, host: Option<&Arc<str>>, data: &Map<String, Json>, aggregate: bool) {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let host = host.map_or_else(|| Arc::from("_run"), Arc::clone);
        set_stats::keep(stats.entry(host).or_default(), data, aggregate);
    }

    /// What `set_stats` kept.
    pub(super) fn stats(&self) -> Stats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
