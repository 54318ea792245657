//! Lists and mappings that templates can change: `append`, `update` and their kin.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};

use super::{is_missing, pairs};

/// A list that can change.
#[derive(Debug, Default)]
pub(in crate::template) struct List(Mutex<Vec<Value>>);

impl List {
    /// A list of these elements.
    pub(in crate::template) fn value(items: Vec<Value>) -> Value {
        Value::from_object(Self(Mutex::new(items)))
    }

    /// Its elements. No other lock is taken while this one is held.
    pub(super) fn items(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items().clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items().len())
    }
}

/// A mapping that can change.
#[derive(Debug, Default)]
pub(in crate::template) struct Dict(Mutex<IndexMap<Value, Value>>);

impl Dict {
    /// A mapping of these pairs; of equal keys the last one's value counts.
    pub(in crate::template) fn value(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::from_object(Self(Mutex::new(pairs.into_iter().collect())))
    }

    /// Its pairs. No other lock is taken while this one is held.
    pub(super) fn entries(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if is_hashable(key) { self.entries().get(key).cloned() } else { None }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries().keys().cloned().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries().len())
    }
}

/// Whether a value can be a key. What can change cannot: to look for it would be to look into it, which may be the very
/// mapping that is looked into.
pub(super) fn is_hashable(key: &Value) -> bool {
    match key.kind() {
        ValueKind::Seq if key.is_tuple() => {
            key.try_iter().is_ok_and(|mut items| items.all(|item| is_hashable(&item)))
        }
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => false,
        _ => true,
    }
}

/// A copy that can change, all the way down.
pub(in crate::template) fn changeable(value: &Value) -> Value {
    if is_missing(value)
        || value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Dict>().is_some()
    {
        return value.clone();
    }
    let items = || value.try_iter().into_iter().flatten().map(|item| changeable(&item)).collect::<Vec<_>>();
    match value.kind() {
        ValueKind::Seq if value.is_tuple() => Value::from(Tuple::from(items())),
        ValueKind::Seq => List::value(items()),
        ValueKind::Map => {
            let pairs = pairs(value).unwrap_or_default();
            Dict::value(pairs.into_iter().map(|(key, value)| (key, changeable(&value))))
        }
        _ => value.clone(),
    }
}
