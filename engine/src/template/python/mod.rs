//! What Python does with values: operators, attributes, methods, containers that change, formats.
//!
//! Templates are written for Python. What they expect of it lives here and knows nothing of templates.

mod access;
mod containers;
mod format;
mod list_methods;
mod mapping_methods;
mod missing;
mod operators;
mod seen;
mod text_methods;
mod time;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

pub(super) use access::{Method, attribute, call_method, item, lacking, own_attribute, slice};
pub(super) use containers::{Dict, List, changeable};
pub(super) use format::{braces, percent};
pub(super) use mapping_methods::mapping_pairs;
pub(super) use missing::{Missing, is_missing};
pub(super) use operators::{
    Order, add, arithmetic, compare, contains, equal, float_of, int_of, negate, sort, sorted,
};
pub(super) use seen::Seen;
pub(super) use time::{Duration, Moment, now, parse_moment, strftime};

/// An error as Python would raise it.
pub(super) fn raise(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The longest text that is made by a number alone, and the longest list.
const LONGEST: usize = 1 << 26;

/// How wide a text is made: a slip of the keyboard must not eat all memory.
pub(super) fn width(number: usize) -> Result<usize, Error> {
    if number > LONGEST { Err(raise("the text would be too long")) } else { Ok(number) }
}

/// The name Python has for a value's type.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        _ if is_missing(value) => "UndefinedMarker",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String if value.is_safe() => "Markup",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ if value.downcast_object_ref::<Moment>().is_some() => "datetime",
        _ if value.downcast_object_ref::<Duration>().is_some() => "timedelta",
        _ if value.downcast_object_ref::<Method>().is_some() => "builtin_function_or_method",
        _ => "object",
    }
}

/// The elements of a list, the keys of a mapping, the characters of a text.
pub(super) fn iterate(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => Ok(value.try_iter()?.collect()),
        ValueKind::String => {
            Ok(value.as_str().unwrap_or_default().chars().map(|one| Value::from(one.to_string())).collect())
        }
        _ => Err(raise(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// Keys and values of a mapping.
pub(super) fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect()
}

/// Whether a value is a list or tuple.
pub(super) fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Whether a value is a mapping.
pub(super) fn is_mapping(value: &Value) -> bool {
    value.kind() == ValueKind::Map
}
