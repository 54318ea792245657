//! The agent of a node: takes charge of the archives that the scheduler had made there, copies them out, deletes those that are
//! not to be kept, and reports.

mod folder;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use self::folder::{Archive, Folder, Note};
use crate::archive::Origin;
use crate::cluster::{Cluster, Found};
use crate::retention::{Kept, Retention};
use crate::schedule::{Copy, Schedule};
use crate::scheduler::{Log, Stop, stopped, stores};
use crate::store::{Place, Store};

/// How often the agent looks at its work.
const LOOK: Duration = Duration::from_secs(10);

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node it is on.
    pub node: String,
    /// The kubelet's folder of archives.
    pub folder: PathBuf,
    /// The cluster's name, under which copies are stored.
    pub cluster: String,
    /// The folder of the stores' files, if there are stores.
    pub stores: Option<PathBuf>,
}

/// Works until `stop` is set.
///
/// # Errors
/// When a store's file is wrong. That the API server does not answer is logged, and it is asked again.
pub fn run(cluster: Cluster, options: Options, log: Log, stop: &Stop) -> Result<(), String> {
    stores(&options.stores)?;
    let folder = Folder::new(&options.folder);
    let agent = Agent { cluster, options, folder, log };
    loop {
        match agent.cluster.list() {
            Ok(all) => agent.work(&all),
            Err(error) => agent.tell(&error),
        }
        if stopped(stop, LOOK) {
            return Ok(());
        }
    }
}

struct Agent {
    cluster: Cluster,
    options: Options,
    folder: Folder,
    log: Log,
}

/// A schedule, and what it says if that is valid.
type Known<'a> = BTreeMap<String, (&'a Found, Option<Schedule>)>;

impl Agent {
    fn tell(&self, what: &dyn std::fmt::Display) {
        (self.log)(&what.to_string());
    }

    fn work(&self, all: &[Found]) {
        let known: Known<'_> =
            all.iter().map(|found| (found.key(), (found, Schedule::of_spec(&found.spec).ok()))).collect();
        for (found, schedule) in known.values() {
            self.take_charge(found, schedule.as_ref());
        }
        self.refresh(&known);
        let mut failures: BTreeMap<String, String> = BTreeMap::new();
        // Before anything is copied, which may take long: the disk is not to fill meanwhile.
        self.clean(&known, &mut failures);
        self.copy(&known, &mut failures);
        self.clean(&known, &mut failures);
        for (key, why) in &failures {
            self.tell(&format!("{key}: {why}"));
        }
        self.report(&known, &failures);
    }

    fn read(&self) -> Vec<Archive> {
        self.folder.read().unwrap_or_else(|error| {
            self.tell(&format!("cannot read {}: {error}", self.options.folder.display()));
            Vec::new()
        })
    }

    /// Notes whose the archives are that wait for this, and says that it was done.
    fn take_charge(&self, found: &Found, schedule: Option<&Schedule>) {
        let waiting = found.status["pending"][&self.options.node].as_object();
        let mut done = Map::new();
        for (file, entry) in waiting.into_iter().flatten() {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let origin =
                Origin { namespace: found.namespace.clone(), pod: text("pod"), container: text("container") };
            // What is no name of an archive leads nowhere.
            if crate::archive::Name::of(file).and_then(|name| name.origin(&found.namespace)).as_ref()
                == Some(&origin)
            {
                let retention = schedule.map(|schedule| schedule.retention.clone()).unwrap_or_default();
                let note = Note { schedule: found.key(), origin, retention, copy: None };
                if let Err(error) = self.folder.write(file, &note) {
                    self.tell(&format!("cannot note whose {file} is: {error}"));
                    continue;
                }
            }
            done.insert(file.clone(), Value::Null);
        }
        if done.is_empty() {
            return;
        }
        let status = json!({"pending": {&self.options.node: done}});
        if let Err(error) = self.cluster.report(found, &status) {
            self.tell(&error);
        }
    }

    /// Notes what schedules say now, for when they are gone.
    fn refresh(&self, known: &Known<'_>) {
        for archive in self.read() {
            let Some(note) = &archive.note else { continue };
            let Some((_, Some(schedule))) = known.get(&note.schedule) else { continue };
            if note.retention == schedule.retention {
                continue;
            }
            let note = Note { retention: schedule.retention.clone(), ..note.clone() };
            if let Err(error) = self.folder.write(&archive.file, &note) {
                self.tell(&format!("cannot note how long {} is kept: {error}", archive.file));
            }
        }
    }

    /// Deletes what is not to be kept.
    fn clean(&self, known: &Known<'_>, failures: &mut BTreeMap<String, String>) {
        let archives = self.read();
        for (key, (retention, kept)) in groups(&archives, known) {
            for file in retention.surplus(&kept, Timestamp::now()) {
                match self.folder.delete(&file) {
                    Ok(()) => self.tell(&format!("{key}: deleted {file}")),
                    Err(error) => {
                        drop(failures.insert(key.clone(), format!("cannot delete {file}: {error}")));
                    }
                }
            }
        }
    }

    /// Copies what is to be copied and is not yet, the oldest first.
    fn copy(&self, known: &Known<'_>, failures: &mut BTreeMap<String, String>) {
        let mut archives = self.read();
        archives.sort_by_key(|archive| archive.name.time);
        for archive in archives {
            let Some(note) = archive.note.filter(|note| note.copy.is_none()) else { continue };
            let Some((found, Some(schedule))) = known.get(&note.schedule) else { continue };
            let Some(copy) = &schedule.copy else { continue };
            // A store that fails once is not asked for each archive.
            if failures.contains_key(&note.schedule) {
                continue;
            }
            let copied = self.copy_one(&archive.file, archive.name.time, &note, copy, &found.name);
            let noted = copied.and_then(|name| {
                self.tell(&format!("{}: copied {} to {name}", note.schedule, archive.file));
                let note = Note { copy: Some(name), ..note.clone() };
                self.folder.write(&archive.file, &note).map_err(|error| error.to_string())
            });
            if let Err(why) = noted {
                failures.insert(note.schedule, format!("cannot copy {}: {why}", archive.file));
            }
        }
    }

    fn copy_one(
        &self,
        file: &str,
        time: Timestamp,
        note: &Note,
        copy: &Copy,
        schedule: &str,
    ) -> Result<String, String> {
        let known = stores(&self.options.stores)?;
        let config = known.iter().find(|config| config.name == copy.store);
        let config = config.ok_or_else(|| format!("this node knows no store `{}`", copy.store))?;
        let store = Store::new(config, &self.options.cluster).map_err(|error| error.to_string())?;
        let lasts = SignedDuration::try_from(copy.expire).unwrap_or(SignedDuration::MAX);
        let expires = time.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let place = Place { schedule, origin: &note.origin, time };
        let copied = store.copy(&self.folder.path(file), &place, &copy.recipients, expires);
        copied.map_err(|error| error.to_string())
    }

    /// Says in the status of each schedule what is on this node, if that is not said.
    fn report(&self, known: &Known<'_>, failures: &BTreeMap<String, String>) {
        let archives = self.read();
        for (key, (found, _)) in known {
            let own: Vec<&Archive> = archives
                .iter()
                .filter(|one| one.note.as_ref().is_some_and(|note| note.schedule == *key))
                .collect();
            let copied =
                own.iter().filter(|one| one.note.as_ref().is_some_and(|note| note.copy.is_some())).count();
            let node = json!({
                "archives": own.len(),
                "bytes": own.iter().map(|one| one.size).sum::<u64>(),
                "copied": copied,
                "newest": own.iter().map(|one| one.name.time).max(),
                "failure": failures.get(key),
            });
            let node = if own.is_empty() && !failures.contains_key(key) { Value::Null } else { node };
            let said = &found.status["nodes"][&self.options.node];
            if same(said, &node) {
                continue;
            }
            let status = json!({"nodes": {&self.options.node: node}});
            if let Err(error) = self.cluster.report(found, &status) {
                self.tell(&error);
            }
        }
    }
}

/// Whether two parts of a status say the same: what is null is not kept.
fn same(said: &Value, now: &Value) -> bool {
    match (said, now) {
        (Value::Object(said), Value::Object(now)) => {
            let given: Map<String, Value> = now
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            *said == given
        }
        (said, now) => said == now,
    }
}

/// The archives of each schedule, with what it says of keeping them. Those made by hand are with a schedule that asks for them and
/// has archives of the same container.
fn groups(archives: &[Archive], known: &Known<'_>) -> BTreeMap<String, (Retention, Vec<Kept>)> {
    let mut groups: BTreeMap<String, (Retention, Vec<Kept>)> = BTreeMap::new();
    for archive in archives {
        let Some(note) = &archive.note else { continue };
        let schedule = known.get(&note.schedule).and_then(|(_, schedule)| schedule.as_ref());
        let retention = schedule.map_or(&note.retention, |schedule| &schedule.retention);
        let wanted = note.copy.is_none() && schedule.is_some_and(|schedule| schedule.copy.is_some());
        let group = groups.entry(note.schedule.clone()).or_insert_with(|| (retention.clone(), Vec::new()));
        group.1.push(kept(archive, note.origin.clone(), wanted));
    }
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (key, (_, group)) in groups.iter_mut().filter(|(_, (retention, _))| retention.manual) {
        let namespace = key.split('/').next().unwrap_or_default();
        let origins: BTreeSet<Origin> = group.iter().map(|one| one.origin.clone()).collect();
        for archive in archives.iter().filter(|archive| archive.note.is_none()) {
            let Some(origin) = archive.name.origin(namespace).filter(|origin| origins.contains(origin))
            else {
                continue;
            };
            if taken.insert(&archive.file) {
                group.push(kept(archive, origin, false));
            }
        }
    }
    groups
}

fn kept(archive: &Archive, origin: Origin, wanted: bool) -> Kept {
    Kept { file: archive.file.clone(), origin, time: archive.name.time, size: archive.size, wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Name;

    fn archive(second: u32, of: Option<&str>) -> Archive {
        let file = format!("checkpoint-web_shop-app-2026-11-27T03:00:{second:02}Z.tar");
        let name = Name::of(&file).unwrap();
        let origin = name.origin("shop").unwrap();
        let note = |schedule: &str| Note {
            schedule: schedule.to_owned(),
            origin,
            retention: Retention::default(),
            copy: None,
        };
        Archive { file, name, size: 1, note: of.map(note) }
    }

    fn found(retention: Value) -> Found {
        let mut spec = crate::schedule::example()["spec"].take();
        spec["retention"] = retention;
        Found {
            namespace: "shop".into(),
            name: "nightly".into(),
            uid: "u".into(),
            created: Timestamp::UNIX_EPOCH,
            generation: 1,
            spec,
            status: Value::Null,
        }
    }

    fn sizes(archives: &[Archive], found: &[Found]) -> Vec<(String, u32, usize)> {
        let known = found.iter().map(|one| (one.key(), (one, Schedule::of_spec(&one.spec).ok()))).collect();
        let groups = groups(archives, &known).into_iter();
        groups.map(|(key, (retention, kept))| (key, retention.count, kept.len())).collect()
    }

    #[test]
    fn archives_made_by_hand_count_where_that_is_asked_for() {
        let all = [archive(1, Some("shop/nightly")), archive(2, None)];
        let nightly = |count: usize| vec![("shop/nightly".to_owned(), 5, count)];
        assert_eq!(sizes(&all, &[found(json!({"count": 5}))]), nightly(1));
        assert_eq!(sizes(&all, &[found(json!({"count": 5, "manual": true}))]), nightly(2));
        assert_eq!(
            sizes(&all[1..], &[found(json!({"manual": true}))]),
            [],
            "only of containers of the schedule"
        );
    }

    #[test]
    fn what_a_deleted_schedule_left_is_kept_as_it_said() {
        assert_eq!(
            sizes(&[archive(1, Some("shop/gone"))], &[]),
            [("shop/gone".to_owned(), Retention::default().count, 1)]
        );
    }

    #[test]
    fn a_status_is_only_told_when_it_changed() {
        assert!(same(&json!({"archives": 1}), &json!({"archives": 1, "failure": null})));
        assert!(!same(&json!({"archives": 1, "failure": "x"}), &json!({"archives": 1, "failure": null})));
        assert!(same(&Value::Null, &Value::Null));
        assert!(!same(&json!({"archives": 1}), &Value::Null));
    }
}
