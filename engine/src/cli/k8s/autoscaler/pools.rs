//! What the autoscaler may do with the pools of a cluster: the cluster's file says what they should be, a thread of its own brings
//! them there.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::cluster::{Cluster, Clusters};
use super::super::pool::Pool;
use super::protocol::{Code, Refusal};
use crate::cli::Failure;

/// How long it is waited until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The pools of one cluster.
pub(super) struct Pools {
    clusters: Clusters,
    name: String,
    work: Mutex<Work>,
    changed: Condvar,
}

/// What is to be done.
#[derive(Default)]
struct Work {
    /// The pools that are not yet as they should be.
    waiting: BTreeSet<String>,
    /// Whether the cluster is held by this program, because it is worked on.
    held: bool,
}

fn told(failure: &Failure) -> String {
    failure.findings.first().map(|finding| finding.message.clone()).unwrap_or_default()
}

impl Pools {
    pub(super) fn new(clusters: Clusters, name: &str) -> Self {
        Self { clusters, name: name.to_owned(), work: Mutex::default(), changed: Condvar::new() }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster as its file says.
    pub(super) fn cluster(&self) -> Result<Cluster, Refusal> {
        self.clusters.find(&self.name).map_err(|failure| Code::Internal.with(told(&failure)))
    }

    /// Those that may be scaled: the others have no largest size.
    pub(super) fn scaled(&self) -> Result<Vec<Pool>, Refusal> {
        let pools = self.cluster()?.pools().map_err(|failure| Code::Internal.with(told(&failure)))?;
        Ok(pools.into_iter().filter(|pool| pool.max.is_some()).collect())
    }

    /// One that may be scaled.
    pub(super) fn one(&self, name: &str) -> Result<Pool, Refusal> {
        let pools = self.scaled()?;
        let found = pools.into_iter().find(|pool| pool.name == name);
        found.ok_or_else(|| {
            Code::NotFound.with(format!("{} has no pool {name} with a largest size", self.name))
        })
    }

    /// Changes what a pool should be, keeps it, and has it done.
    pub(super) fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut Pool) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut work = self.work();
        let mut cluster = self.cluster()?;
        if !work.held {
            cluster = cluster.hold().map_err(|failure| Code::Unavailable.with(told(&failure)))?;
        }
        let mut pools = cluster.pools().map_err(|failure| Code::Internal.with(told(&failure)))?;
        let found = pools.iter_mut().find(|pool| pool.name == name && pool.max.is_some());
        let pool =
            found.ok_or_else(|| Code::NotFound.with(format!("there is no pool {name} to be scaled")))?;
        change(pool)?;
        pool.check().map_err(|why| Code::FailedPrecondition.with(why))?;
        cluster.set_pools(&pools);
        cluster.save().map_err(|failure| Code::Internal.with(told(&failure)))?;
        work.waiting.insert(name.to_owned());
        self.changed.notify_all();
        Ok(())
    }

    /// Has a pool looked at, which a run that was cut off may have left half done.
    pub(super) fn look_at(&self, name: &str) {
        self.work().waiting.insert(name.to_owned());
        self.changed.notify_all();
    }

    /// Brings pools to what they should be whenever that has changed, for ever; `apply` does it, and says whether it is done.
    pub(super) fn work_off(&self, apply: impl Fn(&Cluster, &[String]) -> Result<bool, Failure>) {
        loop {
            let mut work = self.work();
            while work.waiting.is_empty() {
                work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
            }
            let held = self.clusters.find(&self.name).and_then(Cluster::hold);
            let done = held.and_then(|cluster| {
                let names: Vec<String> = std::mem::take(&mut work.waiting).into_iter().collect();
                work.held = true;
                drop(work);
                let done = apply(&cluster, &names);
                let mut work = self.work();
                work.held = false;
                match done {
                    Ok(true) => self.forget_leaving(&cluster)?,
                    _ => work.waiting.extend(names),
                }
                // Given back before anybody else may take it.
                drop(cluster);
                done
            });
            if !matches!(done, Ok(true)) {
                if let Err(failure) = done {
                    super::super::super::show(&failure.findings);
                }
                let work = self.work();
                let _ = self.changed.wait_timeout(work, AGAIN);
            }
        }
    }

    /// Machines that have left are not to leave again under the same name.
    fn forget_leaving(&self, before: &Cluster) -> Result<(), Failure> {
        let mut cluster = self.clusters.find(&self.name)?;
        let left: Vec<String> = before.pools()?.into_iter().flat_map(|pool| pool.leaving).collect();
        let mut pools = cluster.pools()?;
        pools.iter_mut().for_each(|pool| pool.leaving.retain(|name| !left.contains(name)));
        cluster.set_pools(&pools);
        cluster.save()
    }
}
