//! Facts kept from run to run, a file of JSON for each host.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use crate::template::{Value, from_json, to_json};

/// A folder of facts. What is in it is a host's business and no more than that: a file that is missing, broken or too old
/// holds no facts, and one that cannot be written is tried again with the next facts.
#[derive(Clone, Debug)]
pub struct FactCache {
    folder: PathBuf,
    prefix: String,
    /// How long facts are good for; `None` for ever.
    age: Option<Duration>,
}

impl FactCache {
    /// Facts in a folder, which is made if it is not there, and looked into by its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(folder: PathBuf, prefix: String, age: Option<Duration>) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, prefix, age })
    }

    fn path(&self, host: &str) -> PathBuf {
        // A host's name may be a path.
        self.folder.join(format!("{}{}.json", self.prefix, host.replace('/', "%2F")))
    }

    /// The facts of a host.
    pub(super) fn load(&self, host: &str) -> IndexMap<Arc<str>, Value> {
        let path = self.path(host);
        let is_fresh = |limit: Duration| {
            let changed = fs::metadata(&path).and_then(|file| file.modified());
            changed.is_ok_and(|changed| changed.elapsed().unwrap_or_default() < limit)
        };
        if self.age.is_some_and(|limit| !is_fresh(limit)) {
            return IndexMap::new();
        }
        let text = fs::read(&path).unwrap_or_default();
        let facts: Map<String, Json> = serde_json::from_slice(&text).unwrap_or_default();
        facts.into_iter().map(|(name, value)| (Arc::from(name), from_json(value))).collect()
    }

    /// Keeps the facts of a host in place of those before.
    pub(super) fn keep(&self, host: &str, facts: &IndexMap<Arc<str>, Value>) {
        let facts: Map<String, Json> =
            facts.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect();
        let kept = tempfile::NamedTempFile::new_in(&self.folder).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(&facts)?)?;
            file.persist(self.path(host))?;
            Ok(())
        });
        // The run itself has them.
        drop(kept);
    }

    /// Forgets the facts of a host.
    pub(super) fn forget(&self, host: &str) {
        // Where there is none, there is nothing to forget.
        let _ = fs::remove_file(self.path(host));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(name: &str) -> IndexMap<Arc<str>, Value> {
        [(Arc::from(name), Value::from(vec![1, 2]))].into_iter().collect()
    }

    #[test]
    fn facts_come_back_until_they_are_forgotten_or_old() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("made/here");
        let cache = FactCache::new(folder.clone(), "x_".to_owned(), None).unwrap();
        cache.keep("web/1", &facts("kernel"));
        assert_eq!(cache.load("web/1"), facts("kernel"));
        assert!(folder.join("x_web%2F1.json").is_file());
        assert!(cache.load("db").is_empty());
        let hasty = FactCache::new(folder.clone(), "x_".to_owned(), Some(Duration::ZERO)).unwrap();
        assert!(hasty.load("web/1").is_empty());
        fs::write(folder.join("x_db.json"), "{broken").unwrap();
        assert!(cache.load("db").is_empty());
        cache.forget("web/1");
        assert!(cache.load("web/1").is_empty());
    }
}
