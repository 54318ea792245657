//! Attributes, items, slices, methods.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, Value};

use super::containers::{Dict, List};
use super::time::{Duration, Moment};
use super::{
    Missing, int_of, is_list, iterate, list_methods, mapping_methods, pairs, raise, text_methods, type_name,
};
use crate::template::to_text;

/// `value.name`: missing when there is no such. Methods come before keys.
pub(in crate::template) fn attribute(value: &Value, name: &str) -> Value {
    if let Some(found) = own_attribute(value, name) {
        return found;
    }
    let found = match value.kind() {
        ValueKind::Map | ValueKind::Plain => value.get_attr(name).unwrap_or_default(),
        // `list.0` is an element.
        // The pairs of `groupby` have names for their parts.
        ValueKind::Seq if value.is_tuple() && matches!(name, "grouper" | "list") => {
            return item(value, &Value::from(usize::from(name == "list"))).unwrap_or_default();
        }
        _ => match name.parse::<i64>() {
            Ok(index) => return item(value, &Value::from(index)).unwrap_or_default(),
            Err(_) => Value::UNDEFINED,
        },
    };
    if found.is_undefined() { lacking(value, &format!("'{name}'")) } else { found }
}

/// What Python's object has under a name: never a key or an element.
pub(in crate::template) fn own_attribute(value: &Value, name: &str) -> Option<Value> {
    let methods: &[&str] = match value.kind() {
        ValueKind::String => &text_methods::NAMES,
        ValueKind::Map => &mapping_methods::NAMES,
        ValueKind::Seq if value.is_tuple() => &["count", "index"],
        ValueKind::Seq | ValueKind::Iterable => &list_methods::NAMES,
        ValueKind::Plain => {
            return Some(value.get_attr(name).unwrap_or_default()).filter(|it| !it.is_undefined());
        }
        _ => &[],
    };
    methods
        .contains(&name)
        .then(|| Value::from_object(Method { value: value.clone(), name: name.to_owned() }))
}

/// A method with what it is called on.
#[derive(Debug)]
pub(in crate::template) struct Method {
    value: Value,
    name: String,
}

impl Method {
    /// Calls it.
    pub(in crate::template) fn call(&self, args: &[Value], named: &Kwargs) -> Result<Value, Error> {
        call_method(&self.value, &self.name, args, named)
            .unwrap_or_else(|| Err(raise(format!("{}() does not take these arguments", self.name))))
    }
}

impl Object for Method {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<built-in method {} of {} object>", self.name, type_name(&self.value))
    }
}

pub(in crate::template) fn lacking(value: &Value, what: &str) -> Value {
    Missing::because(format!("object of type '{}' has no attribute {what}", type_name(value)))
}

/// `value[key]`: missing when there is no such.
pub(in crate::template) fn item(value: &Value, key: &Value) -> Result<Value, Error> {
    let found = match value.kind() {
        ValueKind::Map | ValueKind::Plain => {
            let found = value.get_item(key).unwrap_or_default();
            // A key of YAML is a text even where it looks like a number.
            if found.is_undefined()
                && !matches!(key.kind(), ValueKind::String)
                && value.kind() == ValueKind::Map
            {
                iterate(value)?
                    .into_iter()
                    .find(|known| super::equal(known, key))
                    .and_then(|known| value.get_item(&known).ok())
                    .unwrap_or_default()
            } else {
                found
            }
        }
        ValueKind::Seq | ValueKind::Iterable | ValueKind::String => match int_of(key) {
            Some(index) => {
                let length = i128::try_from(value.len().unwrap_or(0)).unwrap_or(0);
                let at = if index < 0 { index + length } else { index };
                let at =
                    usize::try_from(at).ok().filter(|at| i128::try_from(*at).is_ok_and(|at| at < length));
                match (at, value.as_str()) {
                    (Some(at), Some(text)) => {
                        text.chars().nth(at).map(|one| Value::from(one.to_string())).unwrap_or_default()
                    }
                    (Some(at), None) if value.kind() == ValueKind::Seq => {
                        value.get_item_by_index(at).unwrap_or_default()
                    }
                    (Some(at), None) => iterate(value)?.into_iter().nth(at).unwrap_or_default(),
                    (None, _) => Value::UNDEFINED,
                }
            }
            None => Value::UNDEFINED,
        },
        _ => Value::UNDEFINED,
    };
    if !found.is_undefined() {
        return Ok(found);
    }
    let mut shown = String::new();
    crate::template::text::representation(key, &mut shown);
    Ok(lacking(value, &shown))
}

/// `value[start:stop:step]`.
pub(in crate::template) fn slice(
    value: &Value,
    start: Option<&Value>,
    stop: Option<&Value>,
    step: Option<&Value>,
) -> Result<Value, Error> {
    let bound = |bound: Option<&Value>| match bound.filter(|bound| !bound.is_none()) {
        Some(bound) => int_of(bound)
            .map(Some)
            .ok_or_else(|| raise("slice indices must be integers or None or have an __index__ method")),
        None => Ok(None),
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?.unwrap_or(1));
    if value.as_str().is_none() && !is_list(value) {
        return Err(raise(format!("'{}' object is not subscriptable", type_name(value))));
    }
    let items = iterate(value)?;
    let length = i128::try_from(items.len()).unwrap_or(i128::MAX);
    if step == 0 {
        return Err(raise("slice step cannot be zero"));
    }
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let clamp = |bound: Option<i128>, usual: i128| match bound {
        None => usual,
        Some(bound) if bound < 0 => (bound + length).max(lowest),
        Some(bound) => bound.min(highest),
    };
    let (mut at, end) = if step > 0 {
        (clamp(start, 0), clamp(stop, length))
    } else {
        (clamp(start, length - 1), clamp(stop, -1))
    };
    let mut picked = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        picked.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at += step;
    }
    Ok(if value.as_str().is_some() {
        Value::from(picked.iter().map(to_text).collect::<String>())
    } else if value.is_tuple() {
        Value::from(Tuple::from(picked))
    } else {
        List::value(picked)
    })
}

/// `value.name(args)`, or none when Python's type has no such method.
pub(in crate::template) fn call_method(
    value: &Value,
    name: &str,
    args: &[Value],
    named: &Kwargs,
) -> Option<Result<Value, Error>> {
    if let Some(moment) = value.downcast_object_ref::<Moment>() {
        return moment.method(name, args);
    }
    if let Some(duration) = value.downcast_object_ref::<Duration>() {
        return duration.method(name);
    }
    match value.kind() {
        ValueKind::String => text_methods::call(value.as_str().unwrap_or_default(), name, args, named),
        ValueKind::Map => mapping_methods::call(value, name, args, named),
        ValueKind::Seq | ValueKind::Iterable => list_methods::call(value, name, args, named),
        ValueKind::Number => match (name, int_of(value)) {
            ("bit_length", Some(number)) => {
                Some(Ok(Value::from(u128::BITS - number.unsigned_abs().leading_zeros())))
            }
            ("is_integer", None) => {
                Some(Ok(Value::from(super::float_of(value).is_some_and(|number| number.fract() == 0.0))))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a value can be changed in place.
pub(super) fn frozen(value: &Value) -> Error {
    raise(format!("this '{}' cannot be changed", type_name(value)))
}

/// Whether a container would hold itself if it were given a value: that has no end for whoever shows or compares it.
pub(super) fn holds(value: &Value, container: &Value) -> bool {
    // What can change is always ours, and only such a value or a tuple leads to another.
    let is_container = value.is_tuple()
        || value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Dict>().is_some();
    if !is_container {
        return false;
    }
    let inside = |item: &Value| holds(item, container);
    is_same(value, container)
        || match value.downcast_object_ref::<Dict>() {
            Some(_) => pairs(value).is_ok_and(|pairs| pairs.iter().any(|(_, item)| inside(item))),
            None => iterate(value).is_ok_and(|items| items.iter().any(inside)),
        }
}

fn is_same(one: &Value, two: &Value) -> bool {
    let list =
        |value: &Value| value.downcast_object::<List>().map(|list| std::sync::Arc::as_ptr(&list).addr());
    let dict =
        |value: &Value| value.downcast_object::<Dict>().map(|dict| std::sync::Arc::as_ptr(&dict).addr());
    list(one).is_some_and(|address| Some(address) == list(two))
        || dict(one).is_some_and(|address| Some(address) == dict(two))
}
