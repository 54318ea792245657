//! The objects, in etcd.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::{Value, json};

use crate::etcd::Etcd;
use crate::failure::{Context as _, Failure, Result, refuse};

/// Where everything lies.
const ROOT: &str = "/registry/";
/// One after all keys that begin so.
const ROOT_END: &str = "/registry0";
/// The key that every change counts up: whoever knows its last change knows whether anything changed.
const COUNT: &str = "/registry/count";
const OBJECTS: &str = "/registry/objects/";
const APPLIED: &str = "/registry/applied/";
/// How often a change is tried again because another server was quicker.
const TRIES: usize = 30;

/// All objects and what was applied by whom. A copy shares what is not changed in it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct State {
    /// Counts changes.
    pub(crate) revision: u64,
    /// By [`key`].
    pub(crate) objects: BTreeMap<String, Arc<Value>>,
    /// What each manager applied last, by [`key`].
    pub(crate) applied: BTreeMap<String, Arc<BTreeMap<String, Value>>>,
}

/// The one place where objects are.
#[derive(Debug)]
pub(crate) struct Store {
    etcd: Etcd,
    last: Arc<Mutex<Known>>,
}

/// What etcd said last, and at which of its revisions it was changed.
#[derive(Debug, Default, Clone)]
struct Known {
    at: u64,
    state: Arc<State>,
}

/// The key of an object: kind, namespace and name.
pub(crate) fn key(plural: &str, namespace: Option<&str>, name: &str) -> String {
    format!("{plural}/{}/{name}", namespace.unwrap_or_default())
}

impl Store {
    pub(crate) fn new(etcd: Etcd) -> Self {
        Self { etcd, last: Arc::default() }
    }

    /// The same objects, through another client.
    pub(crate) fn through(&self, etcd: Etcd) -> Self {
        Self { etcd, last: Arc::clone(&self.last) }
    }

    /// All there is now.
    ///
    /// # Errors
    /// When etcd does not answer, such as when too few of its members are left.
    pub(crate) fn read(&self) -> Result<Arc<State>> {
        self.known().map(|known| known.state)
    }

    fn known(&self) -> Result<Known> {
        let found = self.etcd.ask("/v3/kv/range", &json!({"key": BASE64.encode(COUNT)}))?;
        let at = changed_at(&found["kvs"][0]);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if at == last.at {
            return Ok(last);
        }
        let range = json!({"key": BASE64.encode(ROOT), "range_end": BASE64.encode(ROOT_END)});
        let known = read(&self.etcd.ask("/v3/kv/range", &range)?)?;
        self.remember(known.clone());
        Ok(known)
    }

    fn remember(&self, known: Known) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if known.at >= last.at {
            *last = known;
        }
    }

    /// Changes the state; what `change` did is kept before anybody is told of it, and undone when it fails. When another server
    /// was quicker, it is done again upon what that one left.
    pub(crate) fn change<T, E: From<Failure>>(
        &self,
        mut change: impl FnMut(&mut State) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        for _ in 0..TRIES {
            let known = self.known()?;
            let mut next = State::clone(&known.state);
            let result = change(&mut next)?;
            if next.revision == known.state.revision || self.keep(&known, next)? {
                return Ok(result);
            }
        }
        Err(Failure::new("etcdserver: too many requests").into())
    }

    /// Keeps a state in place of the one that is known, unless that is the past.
    fn keep(&self, known: &Known, next: State) -> Result<bool> {
        let mut steps = vec![put(COUNT, next.revision.to_string().as_bytes())];
        steps.extend(differences(OBJECTS, &known.state.objects, &next.objects));
        steps.extend(differences(APPLIED, &known.state.applied, &next.applied));
        let same = json!({"key": BASE64.encode(COUNT), "target": "MOD", "result": "EQUAL", "mod_revision": known.at.to_string()});
        let answer = self.etcd.ask("/v3/kv/txn", &json!({"compare": [same], "success": steps}))?;
        if answer["succeeded"] != true {
            return Ok(false);
        }
        let at = answer["header"]["revision"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
        self.remember(Known { at, state: Arc::new(next) });
        Ok(true)
    }
}

fn put(key: &str, value: &[u8]) -> Value {
    json!({"request_put": {"key": BASE64.encode(key), "value": BASE64.encode(value)}})
}

fn changed_at(pair: &Value) -> u64 {
    pair["mod_revision"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// What makes etcd's keys of one sort what they are to be.
fn differences<T: Eq + Serialize>(
    prefix: &str,
    before: &BTreeMap<String, Arc<T>>,
    after: &BTreeMap<String, Arc<T>>,
) -> Vec<Value> {
    // What is shared is equal without being looked into.
    let kept = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let kept = kept.map(|(key, value)| put(&format!("{prefix}{key}"), json!(**value).to_string().as_bytes()));
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let gone =
        gone.map(|key| json!({"request_delete_range": {"key": BASE64.encode(format!("{prefix}{key}"))}}));
    kept.chain(gone).collect()
}

/// A state out of all of etcd's keys.
fn read(answer: &Value) -> Result<Known> {
    let (mut state, mut at) = (State::default(), 0);
    for pair in answer["kvs"].as_array().into_iter().flatten() {
        let decoded = |name: &str| BASE64.decode(pair[name].as_str().unwrap_or_default()).doing("etcd");
        let key = String::from_utf8(decoded("key")?).doing("etcd")?;
        let value: Value = serde_json::from_slice(&decoded("value")?).doing(format_args!("etcd: {key}"))?;
        if key == COUNT {
            (state.revision, at) = (value.as_u64().unwrap_or_default(), changed_at(pair));
        } else if let Some(key) = key.strip_prefix(OBJECTS) {
            state.objects.insert(key.to_owned(), Arc::new(value));
        } else if let Some(key) = key.strip_prefix(APPLIED) {
            let managers = serde_json::from_value(value).doing(format_args!("etcd: {key}"))?;
            state.applied.insert(key.to_owned(), Arc::new(managers));
        } else {
            refuse!("etcd: {key} is none of ours");
        }
    }
    Ok(Known { at, state: Arc::new(state) })
}

impl State {
    /// An object.
    pub(crate) fn get(&self, plural: &str, namespace: Option<&str>, name: &str) -> Option<&Value> {
        self.at(&key(plural, namespace, name))
    }

    /// The object of a [`key`].
    pub(crate) fn at(&self, key: &str) -> Option<&Value> {
        self.objects.get(key).map(AsRef::as_ref)
    }

    /// All objects of a kind, of one namespace or of all.
    pub(crate) fn list(&self, plural: &str, namespace: Option<&str>) -> Vec<Value> {
        self.iter(plural, namespace).cloned().collect()
    }

    /// The same, where they are.
    pub(crate) fn iter(&self, plural: &str, namespace: Option<&str>) -> impl Iterator<Item = &Value> {
        let prefix = match namespace {
            Some(namespace) => format!("{plural}/{namespace}/"),
            None => format!("{plural}/"),
        };
        let from = self.objects.range(prefix.clone()..);
        from.take_while(move |(key, _)| key.starts_with(&prefix)).map(|(_, object)| object.as_ref())
    }

    /// Keeps an object, unless it is as it was; returns it as it is kept.
    pub(crate) fn put(&mut self, key: String, mut object: Value) -> Value {
        if let Some(found) = self.at(&key) {
            object["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"].clone();
            if *found == object {
                return object;
            }
        }
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        self.objects.insert(key, Arc::new(object.clone()));
        object
    }

    /// Forgets an object.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Arc<Value>> {
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
    use super::*;

    #[test]
    fn only_what_changes_is_kept_anew() {
        let mut state = State::default();
        let mut put = |value: u32| {
            state.put(key("nodes", None, "a"), json!({"metadata": {"name": "a"}, "value": value}))["metadata"]
                ["resourceVersion"]
                .clone()
        };
        let first = put(1);
        assert_eq!(put(1), first);
        assert_ne!(put(2), first);
        assert_eq!(state.get("nodes", None, "a").unwrap()["value"], 2);
        assert_eq!(state.list("nodes", None).len(), 1);
        assert!(state.list("node", None).is_empty());
    }

    #[test]
    fn a_state_is_read_from_the_keys_it_was_kept_in() {
        let mut state = State::default();
        state.put(key("nodes", None, "a"), json!({"metadata": {"name": "a"}}));
        let managers = BTreeMap::from([("me".to_owned(), json!({"x": 1}))]);
        state.applied.insert(key("nodes", None, "a"), Arc::new(managers));
        let pair = |key: &str, value: &Value| json!({"key": BASE64.encode(key), "value": BASE64.encode(value.to_string()), "mod_revision": "7"});
        let steps = [
            differences(OBJECTS, &BTreeMap::new(), &state.objects),
            differences(APPLIED, &BTreeMap::new(), &state.applied),
        ];
        let puts = steps.iter().flatten().map(|step| &step["request_put"]);
        let mut kvs: Vec<Value> = puts.cloned().collect();
        kvs.push(pair(COUNT, &json!(state.revision)));
        let known = read(&json!({"kvs": kvs})).unwrap();
        assert_eq!((known.at, known.state.as_ref()), (7, &state));
        assert!(read(&json!({"kvs": [pair("/registry/other", &json!(1))]})).is_err());
        assert_eq!(read(&json!({})).unwrap().at, 0);
    }
}
