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
        let mut all = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = all.entry(Arc::clone(host)).or_default();
        match status {
            Status::Ok => summary.ok += 1,
            Status::Changed => {
                summary.ok += 1;
                summary.changed += 1;
            }
            Status::Skipped => summary.skipped += 1,
            Status::Failed if rescued => summary.rescued += 1,
            Status::Failed => summary.failed += 1,
            Status::Ignored => {
                summary.ok += 1;
                summary.ignored += 1;
                summary.changed += u64::from(changed);
            }
            Status::Unreachable => summary.unreachable += 1,
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
