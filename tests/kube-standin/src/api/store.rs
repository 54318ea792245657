//! The objects, in one file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Context as _, Result};
use crate::files;

/// All objects and what was applied by whom.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// Counts changes.
    pub(crate) revision: u64,
    /// By [`key`].
    pub(crate) objects: BTreeMap<String, Value>,
    /// What each manager applied last, by [`key`].
    pub(crate) applied: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The one place where objects are.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    state: Mutex<State>,
}

/// The key of an object: kind, namespace and name.
pub(crate) fn key(plural: &str, namespace: Option<&str>, name: &str) -> String {
    format!("{plural}/{}/{name}", namespace.unwrap_or_default())
}

impl Store {
    /// Opens the file, or starts without objects.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let state = match std::fs::read_to_string(path) {
            Ok(text) => {
                serde_json::from_str(&text).doing(format_args!("etcd: {} is damaged", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error).doing(format_args!("etcd: {}", path.display())),
        };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// An object.
    pub(crate) fn get(&self, plural: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        self.lock().objects.get(&key(plural, namespace, name)).cloned()
    }

    /// All objects of a kind, of one namespace or of all.
    pub(crate) fn list(&self, plural: &str, namespace: Option<&str>) -> Vec<Value> {
        self.lock().list(plural, namespace)
    }

    /// Changes the state; what `change` did is kept before anybody is told of it, and undone when it fails.
    pub(crate) fn change<T, E>(
        &self,
        change: impl FnOnce(&mut State) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut state = self.lock();
        let before = state.revision;
        let mut next = state.clone();
        let result = change(&mut next)?;
        if next.revision != before {
            if let Ok(text) = serde_json::to_string(&next) {
                let _ = files::write(&self.path, &text, 0o600);
            }
            *state = next;
        }
        Ok(result)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// All objects of a kind, of one namespace or of all.
    pub(crate) fn list(&self, plural: &str, namespace: Option<&str>) -> Vec<Value> {
        let prefix = match namespace {
            Some(namespace) => format!("{plural}/{namespace}/"),
            None => format!("{plural}/"),
        };
        let from = self.objects.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&prefix)).map(|(_, object)| object.clone()).collect()
    }

    /// Keeps an object, unless it is as it was; returns it as it is kept.
    pub(crate) fn put(&mut self, key: String, mut object: Value) -> Value {
        if let Some(found) = self.objects.get(&key) {
            object["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
            if *found == object {
                return object;
            }
        }
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.objects.insert(key, object.clone());
        object
    }

    /// Forgets an object.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        self.applied.remove(key);
        let removed = self.objects.remove(key);
        if removed.is_some() {
            self.revision += 1;
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_there_when_it_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("objects.json");
        let store = Store::open(&path).unwrap();
        let put = |store: &Store, value: u32| {
            store
                .change(|state| {
                    Ok::<_, ()>(
                        state
                            .put(key("nodes", None, "a"), json!({"metadata": {"name": "a"}, "value": value})),
                    )
                })
                .unwrap()
        };
        let first = put(&store, 1);
        assert_eq!(put(&store, 1)["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        assert_ne!(put(&store, 2)["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        let again = Store::open(&path).unwrap();
        assert_eq!(again.get("nodes", None, "a").unwrap()["value"], 2);
        assert_eq!(again.list("nodes", None).len(), 1);
        assert!(again.list("node", None).is_empty());
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("objects.json")).unwrap();
        let failed = store.change(|state| {
            state.put(key("nodes", None, "a"), json!({"metadata": {}}));
            Err::<(), _>("no")
        });
        assert_eq!(failed, Err("no"));
        assert!(store.list("nodes", None).is_empty());
    }
}
