//! One run of a schedule: each container in turn, so many nodes at once.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Log, Stop};
use crate::cluster::{Cluster, ClusterError, Found, Target};
use crate::schedule::Schedule;

/// How many archives of a schedule may wait on a node for its agent to take charge of them.
const WAITING: usize = 100;
/// How many failures are told of.
const TOLD: usize = 20;
/// How often it is tried to tell the cluster of an archive that is there.
const TRIES: u32 = 5;

/// A run of a schedule.
pub(super) struct Run {
    pub(super) cluster: Cluster,
    pub(super) found: Found,
    pub(super) schedule: Schedule,
    pub(super) log: Log,
    /// Set when the run is not to go on: another one takes its place, or another scheduler.
    pub(super) stop: Stop,
}

impl Run {
    /// Makes all checkpoints, and reports on them.
    pub(super) fn all(&self) {
        let (made, failures) = match self.targets() {
            Ok(nodes) => self.on_nodes(nodes),
            Err(why) => (0, vec![json!({"reason": why})]),
        };
        for failure in &failures {
            self.tell(&failure.to_string());
        }
        if self.stop.load(Ordering::Relaxed) {
            // Whoever took over reports.
            return;
        }
        let failed = failures.len();
        let told: Vec<&Value> = failures.iter().take(TOLD).collect();
        let before = self.found.status["failedRuns"].as_u64().unwrap_or_default();
        let mut status = json!({"lastRun": {"ended": Timestamp::now(), "checkpoints": made, "failed": failed, "failures": told}});
        if failed > 0 {
            status["failedRuns"] = (before + 1).into();
        } else {
            status["lastSuccessfulTime"] = json!(Timestamp::now());
        }
        if let Err(error) = self.patiently(&status) {
            self.tell(&error.to_string());
        }
        self.tell(&format!("{made} checkpoints were made, {failed} were not"));
        if let Some(first) = failures.first() {
            let whose = match (first["pod"].as_str(), first["container"].as_str()) {
                (Some(pod), Some(container)) => format!("{pod}/{container}: "),
                _ => String::new(),
            };
            let message = format!(
                "{failed} checkpoints failed. {whose}{}",
                first["reason"].as_str().unwrap_or_default()
            );
            if let Err(error) = self.cluster.warn(&self.found, "Failed", &message) {
                self.tell(&error.to_string());
            }
        }
    }

    fn tell(&self, what: &str) {
        (self.log)(&format!("{}: {what}", self.found.key()));
    }

    /// What is to be checkpointed, by the node.
    fn targets(&self) -> Result<BTreeMap<String, Vec<Target>>, String> {
        let Schedule { selector, containers, .. } = &self.schedule;
        let targets = self.cluster.targets(&self.found.namespace, selector, containers);
        let targets = targets.map_err(|error| error.to_string())?;
        if targets.is_empty() {
            return Err(format!("no running container is of a pod with {selector}"));
        }
        let mut nodes: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for target in targets {
            nodes.entry(target.node.clone()).or_default().push(target);
        }
        Ok(nodes)
    }

    /// So many nodes at once as the schedule allows.
    fn on_nodes(&self, nodes: BTreeMap<String, Vec<Target>>) -> (usize, Vec<Value>) {
        let workers = self.schedule.parallel.min(nodes.len());
        let nodes = Mutex::new(nodes);
        let next = || nodes.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
        let work = || {
            let (mut made, mut failures) = (0, Vec::new());
            while let Some((node, targets)) = next() {
                let done = self.on_node(&node, targets);
                made += done.0;
                failures.extend(done.1);
            }
            (made, failures)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let (mut made, mut failures) = (0, Vec::new());
            for done in threads.into_iter().filter_map(|thread| thread.join().ok()) {
                made += done.0;
                failures.extend(done.1);
            }
            (made, failures)
        })
    }

    /// Containers of one node, one after the other: each is frozen meanwhile, and its memory goes to the same disk.
    fn on_node(&self, node: &str, targets: Vec<Target>) -> (usize, Vec<Value>) {
        let mut waiting = self.found.status["pending"][node].as_object().map_or(0, |all| all.len());
        let (mut made, mut failures) = (0, Vec::new());
        for target in targets {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            match self.one(&target, waiting) {
                Ok(()) => {
                    made += 1;
                    waiting += 1;
                }
                Err(reason) => failures.push(json!({
                    "node": node, "pod": target.pod, "container": target.container, "reason": reason,
                })),
            }
        }
        (made, failures)
    }

    fn one(&self, target: &Target, waiting: usize) -> Result<(), String> {
        if waiting >= WAITING {
            // Nobody would ever delete more of them.
            return Err(format!(
                "{waiting} archives wait on {} for its agent, which does not take charge of them",
                target.node
            ));
        }
        let made = self.cluster.checkpoint(&self.found.namespace, target, self.schedule.timeout);
        let file = made.map_err(|error| error.to_string())?;
        let entry = json!({"pod": target.pod, "container": target.container});
        let status = json!({"pending": {&target.node: {&file: entry}}});
        let told = self.patiently(&status);
        told.map_err(|error| {
            format!("{file} is on {}, but its agent could not be told: {error}", target.node)
        })
    }

    /// Reports, also to an API server that is busy or starts anew.
    fn patiently(&self, status: &Value) -> Result<(), ClusterError> {
        let mut pause = Duration::from_secs(1);
        for _ in 1..TRIES {
            if self.cluster.report(&self.found, status).is_ok() {
                return Ok(());
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        self.cluster.report(&self.found, status)
    }
}
