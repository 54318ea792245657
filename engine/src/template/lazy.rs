//! Lists and mappings of variables, whose elements are evaluated when they are read, and what becomes of them at the end.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use clouder_lang::yaml::{Mapping, Node};
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};

use super::engine::key_of;
use super::jinja::{Fault, Flow};
use super::python::{self, Dict, List, Missing, Moment, is_missing};
use super::{Scope, TemplateError, Templates, is_omit};

/// What elements are made with.
struct Maker {
    scope: Arc<dyn Scope>,
    engine: Weak<Templates>,
}

impl Maker {
    fn make(&self, node: &Node) -> Value {
        let Some(engine) = self.engine.upgrade() else { return Value::UNDEFINED };
        engine.lazy(node, &self.scope).unwrap_or_else(Missing::failed)
    }
}

/// A mapping as it was written.
pub(super) struct LazyMapping {
    mapping: Arc<Mapping>,
    maker: Maker,
    made: Mutex<HashMap<Arc<str>, Value>>,
}

/// A list as it was written.
pub(super) struct LazyList {
    items: Arc<Vec<Node>>,
    maker: Maker,
    made: Mutex<HashMap<usize, Value>>,
}

impl LazyMapping {
    pub(super) fn value(mapping: &Arc<Mapping>, scope: &Arc<dyn Scope>, engine: &Weak<Templates>) -> Value {
        let maker = Maker { scope: Arc::clone(scope), engine: Weak::clone(engine) };
        Value::from_object(Self { mapping: Arc::clone(mapping), maker, made: Mutex::default() })
    }
}

impl LazyList {
    pub(super) fn value(items: &Arc<Vec<Node>>, scope: &Arc<dyn Scope>, engine: &Weak<Templates>) -> Value {
        let maker = Maker { scope: Arc::clone(scope), engine: Weak::clone(engine) };
        Value::from_object(Self { items: Arc::clone(items), maker, made: Mutex::default() })
    }
}

impl fmt::Debug for LazyMapping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("mapping")
    }
}

impl fmt::Debug for LazyList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("list")
    }
}

impl Object for LazyMapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = super::to_text(key);
        let entry = self.mapping.entry(&text)?;
        if key.as_str().is_some() != entry.key.as_str().is_some() {
            return None;
        }
        if let Some(value) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(text.as_str()) {
            return Some(value.clone());
        }
        let value = self.maker.make(&entry.value);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(Arc::from(text), value.clone());
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.mapping.iter().map(|(_, entry)| key_of(&entry.key)).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.mapping.len())
    }
}

impl Object for LazyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize()?;
        let node = self.items.get(at)?;
        if let Some(value) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&at) {
            return Some(value.clone());
        }
        let value = self.maker.make(node);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(at, value.clone());
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// A value that cannot be made: an error where it is used.
pub fn failed(error: TemplateError) -> Value {
    Missing::failed(error)
}

/// The value as it leaves templates: all of it evaluated, nothing in it that could change, elements that are `omit` left
/// out.
pub(super) fn finished(value: Value) -> Flow<Value> {
    Ok(changed(&value, 0)?.unwrap_or(value))
}

/// What a value becomes at the end, unless it is that already.
fn changed(value: &Value, depth: usize) -> Flow<Option<Value>> {
    if is_missing(value) {
        return Err(Fault::missing(value));
    }
    if depth > 200 {
        return Err(Fault::new("the value is nested too deeply"));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => list(value, depth),
        ValueKind::Map => mapping(value, depth),
        ValueKind::Plain if is_omit(value) => Ok(None),
        ValueKind::Plain => match value.downcast_object_ref::<Moment>() {
            Some(moment) => Ok(Some(Value::from(moment.iso()))),
            None => Err(Fault::new(format!(
                "type '{}' is unsupported for variable storage",
                python::type_name(value)
            ))),
        },
        _ => Ok(None),
    }
}

fn list(value: &Value, depth: usize) -> Flow<Option<Value>> {
    let is_own = value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<LazyList>().is_some()
        || value.kind() == ValueKind::Iterable;
    let mut items: Vec<Value> = Vec::with_capacity(value.len().unwrap_or(0));
    let mut differs = is_own;
    for item in value.try_iter()? {
        if is_omit(&item) {
            differs = true;
            continue;
        }
        match changed(&item, depth + 1)? {
            Some(new) => {
                differs = true;
                items.push(new);
            }
            None => items.push(item),
        }
    }
    Ok(differs.then(|| if value.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) }))
}

fn mapping(value: &Value, depth: usize) -> Flow<Option<Value>> {
    let is_lazy = value.downcast_object_ref::<LazyMapping>().is_some();
    let is_own = is_lazy || value.downcast_object_ref::<Dict>().is_some();
    // `vars` and `hostvars` are evaluated only as far as they are read.
    if !is_own && value.downcast_object_ref::<indexmap::IndexMap<Value, Value>>().is_none() {
        return Ok(None);
    }
    let mut pairs: Vec<(Value, Value)> = Vec::with_capacity(value.len().unwrap_or(0));
    let mut differs = is_own;
    for (key, item) in python::pairs(value)? {
        if is_omit(&item) {
            differs = true;
            continue;
        }
        let new_key = changed(&key, depth + 1)?;
        let new = changed(&item, depth + 1)?;
        differs |= new.is_some() || new_key.is_some();
        pairs.push((new_key.unwrap_or(key), new.unwrap_or(item)));
    }
    Ok(differs.then(|| Value::from_pairs(pairs)))
}
