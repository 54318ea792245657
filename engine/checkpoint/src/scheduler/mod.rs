//! The scheduler: one for the cluster, which lets kubelets make checkpoints when they are due.

mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::run::Run;
use crate::cluster::lease::Leadership;
use crate::cluster::{Cluster, ClusterError, Found};
use crate::due::{Due, due};
use crate::schedule::{Concurrency, Schedule};
use crate::store::{Store, StoreConfig};

/// How often the lease is renewed, and the clock looked at.
const BEAT: Duration = Duration::from_secs(2);
/// How often schedules are asked for when none is due.
const LOOK: Duration = Duration::from_secs(10);
/// How often copies are looked through for what is past its time.
const EXPIRY: Duration = Duration::from_secs(3600);

/// Where lines for the journal go.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a scheduler is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace of its lease.
    pub namespace: String,
    /// The lease's name.
    pub lease: String,
    /// What tells it from others.
    pub holder: String,
    /// The cluster's name, under which copies are stored.
    pub cluster: String,
    /// The folder of the stores' files, if there are stores.
    pub stores: Option<PathBuf>,
}

/// Whether it is time to stop.
pub type Stop = Arc<AtomicBool>;

/// Waits, but no longer than until it is time to stop; returns whether that is so.
pub(crate) fn stopped(stop: &Stop, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(left.min(Duration::from_millis(200)));
    }
    true
}

struct Scheduler {
    cluster: Cluster,
    options: Options,
    log: Log,
    /// What runs, by the schedule.
    running: BTreeMap<String, Running>,
    /// When schedules are to be looked at again.
    look: Instant,
    /// When copies are to be looked through again.
    expiry: Instant,
}

/// A run that goes on.
struct Running {
    thread: JoinHandle<()>,
    stop: Stop,
}

/// Works until `stop` is set.
///
/// # Errors
/// When a store's file is wrong. That the API server does not answer is logged, and it is asked again.
pub fn run(cluster: Cluster, options: Options, log: Log, stop: &Stop) -> Result<(), String> {
    stores(&options.stores)?;
    let mut lease = Leadership::new(&cluster, &options.namespace, &options.lease, &options.holder);
    let now = Instant::now();
    let mut scheduler = Scheduler { cluster, options, log, running: BTreeMap::new(), look: now, expiry: now };
    let mut leads = false;
    while !stopped(stop, BEAT) {
        if let Err(error) = lease.keep() {
            scheduler.tell(&error);
        }
        if leads != lease.held() {
            leads = lease.held();
            scheduler.turn(leads);
        }
        if leads && let Err(error) = scheduler.work() {
            scheduler.tell(&error);
        }
    }
    scheduler.turn(false);
    lease.release();
    Ok(())
}

/// The stores of a folder, if there is one. They are read anew each time: a Secret may change.
pub(crate) fn stores(folder: &Option<PathBuf>) -> Result<Vec<StoreConfig>, String> {
    folder.as_deref().map_or(Ok(Vec::new()), StoreConfig::of_folder)
}

/// A time of a status.
fn time(status: &Value, field: &str) -> Option<Timestamp> {
    status[field].as_str()?.parse().ok()
}

fn plus(status: &Value, field: &str, more: u32) -> u64 {
    status[field].as_u64().unwrap_or_default() + u64::from(more)
}

impl Scheduler {
    fn tell(&self, what: &dyn std::fmt::Display) {
        (self.log)(&what.to_string());
    }

    /// Begins to work, or stops.
    fn turn(&mut self, leads: bool) {
        self.tell(if leads { &"holds the lease, and works" } else { &"does not hold the lease, and waits" });
        self.running.values().for_each(|run| run.stop.store(true, Ordering::Relaxed));
        self.running.clear();
        self.look = Instant::now();
        self.expiry = Instant::now();
    }

    fn work(&mut self) -> Result<(), ClusterError> {
        let ended: Vec<String> = self
            .running
            .iter()
            .filter(|(_, run)| run.thread.is_finished())
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            self.running.remove(&key);
        }
        if Instant::now() < self.look {
            return Ok(());
        }
        let all = self.cluster.list()?;
        let known = match stores(&self.options.stores) {
            Ok(stores) => stores,
            Err(why) => {
                self.tell(&why);
                Vec::new()
            }
        };
        let mut wait = LOOK;
        for found in &all {
            // One that fails holds up no other.
            match self.attend(found, &known) {
                Ok(next) => wait = next.map_or(wait, |next| wait.min(next)),
                Err(error) => self.tell(&format!("{}: {error}", found.key())),
            }
        }
        self.look = Instant::now() + wait;
        if Instant::now() >= self.expiry {
            self.expiry = Instant::now() + EXPIRY;
            self.expire(&all, &known)?;
        }
        Ok(())
    }

    /// Does what is to be done about a schedule; returns how long there is nothing to do.
    fn attend(&mut self, found: &Found, stores: &[StoreConfig]) -> Result<Option<Duration>, ClusterError> {
        let now = Timestamp::now();
        let read = Schedule::of_spec(&found.spec)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            .and_then(|schedule| known_store(&schedule, stores).map(|()| schedule));
        self.judge(found, read.as_ref().err().map(String::as_str), now)?;
        let Ok(schedule) = read else { return Ok(None) };
        let busy = self.running.contains_key(&found.key());
        let last = &found.status["lastRun"];
        if !busy && last["began"].is_string() && last["ended"].is_null() {
            // Whoever did that is gone.
            let ended = json!({"lastRun": {"ended": now, "interrupted": true}, "failedRuns": plus(&found.status, "failedRuns", 1)});
            self.cluster.report(found, &ended)?;
            self.warn(found, "Interrupted", "the scheduler ended before the run did");
        }
        let done = time(&found.status, "lastScheduleTime").unwrap_or(found.created);
        let (at, missed, runs) = match due(&schedule, done, now) {
            Due::Later(next) => {
                if next != time(&found.status, "nextRunTime") {
                    self.cluster.report(found, &json!({"nextRunTime": next}))?;
                }
                let wait = next.map(|next| next.duration_since(now));
                return Ok(wait.and_then(|wait| Duration::try_from(wait).ok()));
            }
            Due::TooLate(at, count) => (at, count, false),
            Due::Now(at, missed) if busy && schedule.concurrency == Concurrency::Forbid => {
                (at, missed + 1, false)
            }
            Due::Now(at, missed) => (at, missed, true),
        };
        let mut status = json!({
            "lastScheduleTime": at,
            "nextRunTime": schedule.timetable.after(now),
            "missedRuns": plus(&found.status, "missedRuns", missed),
        });
        if runs {
            status["runs"] = plus(&found.status, "runs", 1).into();
            status["lastRun"] = json!({
                "scheduled": at, "began": now, "ended": null, "interrupted": null, "checkpoints": 0, "failed": 0, "failures": [],
            });
        }
        // Before anything is done: whoever takes over does not do it again.
        self.cluster.report(found, &status)?;
        if missed > 0 {
            self.warn(found, "Missed", &format!("{missed} runs were missed, the last of them due at {at}"));
        }
        if runs {
            if let Some(old) = self.running.remove(&found.key()) {
                old.stop.store(true, Ordering::Relaxed);
            }
            self.tell(&format!("{}: runs, due at {at}", found.key()));
            let stop = Stop::default();
            let (cluster, log) = (self.cluster.clone(), Arc::clone(&self.log));
            let run = Run { cluster, found: found.clone(), schedule, log, stop: Arc::clone(&stop) };
            let thread = std::thread::spawn(move || run.all());
            self.running.insert(found.key(), Running { thread, stop });
        }
        Ok(Some(Duration::ZERO))
    }

    /// Says in its status whether a schedule is valid, if that is not said.
    fn judge(&self, found: &Found, wrong: Option<&str>, now: Timestamp) -> Result<(), ClusterError> {
        let said = &found.status["conditions"][0];
        let valid = if wrong.is_none() { "True" } else { "False" };
        let message = wrong.unwrap_or("the schedule can be followed");
        let seen = found.status["observedGeneration"] == found.generation;
        if seen && said["status"] == valid && said["message"] == message {
            return Ok(());
        }
        let since = if said["status"] == valid { said["lastTransitionTime"].clone() } else { json!(now) };
        let condition = json!({
            "type": "Valid", "status": valid, "reason": if wrong.is_none() { "Valid" } else { "Invalid" }, "message": message,
            "lastTransitionTime": since, "observedGeneration": found.generation,
        });
        let mut status = json!({"observedGeneration": found.generation, "conditions": [condition]});
        if wrong.is_some() {
            status["nextRunTime"] = Value::Null;
        }
        self.cluster.report(found, &status)?;
        if let Some(wrong) = wrong {
            self.warn(found, "Invalid", wrong);
        }
        Ok(())
    }

    fn warn(&self, found: &Found, why: &str, message: &str) {
        self.tell(&format!("{}: {message}", found.key()));
        if let Err(error) = self.cluster.warn(found, why, message) {
            self.tell(&error);
        }
    }

    /// Deletes copies whose time is over, and says so in the schedules that have any.
    fn expire(&self, all: &[Found], stores: &[StoreConfig]) -> Result<(), ClusterError> {
        for config in stores {
            let expired = match Store::new(config, &self.options.cluster) {
                Ok(store) => store.expire(Timestamp::now()),
                Err(error) => Err(error),
            };
            let error = expired.as_ref().err().map(|error| format!("the store {}: {error}", config.name));
            match &expired {
                Ok(expired) => expired
                    .deleted
                    .iter()
                    .for_each(|name| self.tell(&format!("deleted {name}, whose time is over"))),
                Err(_) => self.tell(error.as_ref().map_or(&"" as &dyn std::fmt::Display, |error| error)),
            }
            let told = json!({"copies": {"checked": Timestamp::now(), "error": error}});
            for found in all.iter().filter(|found| found.spec["copy"]["store"] == config.name.as_str()) {
                self.cluster.report(found, &told)?;
            }
        }
        Ok(())
    }
}

/// A schedule copies to a store that there is.
fn known_store(schedule: &Schedule, stores: &[StoreConfig]) -> Result<(), String> {
    let Some(copy) = &schedule.copy else { return Ok(()) };
    if stores.iter().any(|store| store.name == copy.store) {
        return Ok(());
    }
    let names: Vec<&str> = stores.iter().map(|store| store.name.as_str()).collect();
    let there =
        if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
    Err(format!("spec.copy.store: there is no store `{}`; {there}", copy.store))
}
