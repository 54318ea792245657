//! Lenient reading of single values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::{Choice, Kind};
use crate::system::{expand, json};

/// A type that one argument can be read as.
pub trait FromArgument: Sized {
    /// What its values are, for documentation and messages.
    const KIND: Kind;

    /// Reads a value; `None` when it cannot be this type.
    fn from_argument(value: &Value) -> Option<Self>;
}

/// A scalar as text, the way Python would print it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl FromArgument for String {
    const KIND: Kind = Kind::Text;

    /// Containers become their JSON, as Ansible does for text parameters such as `copy`'s `content`.
    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Array(_) | Value::Object(_) => Some(json::spaced(value)),
            scalar => text_of(scalar),
        }
    }
}

impl FromArgument for PathBuf {
    const KIND: Kind = Kind::Text;

    fn from_argument(value: &Value) -> Option<Self> {
        text_of(value)
            .filter(|text| !text.contains('\0'))
            .map(|text| Self::from(expand::expand(&text, &expand::process_variable)))
    }
}

impl FromArgument for bool {
    const KIND: Kind = Kind::Boolean;

    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => match number.as_f64() {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "yes" | "on" | "true" | "y" | "t" | "1" => Some(true),
                "no" | "off" | "false" | "n" | "f" | "0" => Some(false),
                _ => None,
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

macro_rules! integer {
    ($($integer:ty),*) => {$(
        impl FromArgument for $integer {
            const KIND: Kind = Kind::Integer;

            fn from_argument(value: &Value) -> Option<Self> {
                match value {
                    Value::Number(number) => number
                        .as_i64()
                        .and_then(|number| Self::try_from(number).ok())
                        .or_else(|| number.as_u64().and_then(|number| Self::try_from(number).ok())),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                }
            }
        }
    )*};
}
integer!(i64, u64, u32, i32, u16, usize);

impl FromArgument for f64 {
    const KIND: Kind = Kind::Number;

    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

impl<T: FromArgument> FromArgument for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);

    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.iter().map(T::from_argument).collect(),
            Value::String(text) if text.is_empty() => Some(Self::new()),
            Value::String(text) if matches!(T::KIND, Kind::Mapping) => {
                T::from_argument(&Value::String(text.clone())).map(|item| vec![item])
            }
            Value::String(text) => {
                text.split(',').map(|item| T::from_argument(&Value::String(item.trim().to_owned()))).collect()
            }
            Value::Null => None,
            single => T::from_argument(single).map(|item| vec![item]),
        }
    }
}

impl<T: FromArgument> FromArgument for BTreeMap<String, T> {
    const KIND: Kind = Kind::Mapping;

    fn from_argument(value: &Value) -> Option<Self> {
        Map::from_argument(value)?
            .iter()
            .map(|(key, value)| Some((key.clone(), T::from_argument(value)?)))
            .collect()
    }
}

impl FromArgument for Map<String, Value> {
    const KIND: Kind = Kind::Mapping;

    /// A mapping, JSON text of one, or `a=b, c=d`.
    fn from_argument(value: &Value) -> Option<Self> {
        match value {
            Value::Object(mapping) => Some(mapping.clone()),
            Value::String(text) if text.trim_start().starts_with('{') => serde_json::from_str(text).ok(),
            Value::String(text) => text
                .split([',', ' '])
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), Value::from(value))))
                .collect(),
            _ => None,
        }
    }
}

impl FromArgument for Value {
    const KIND: Kind = Kind::Any;

    fn from_argument(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

/// Reads one of a fixed set of words; `yes` and `no` also where YAML made booleans of them. The derive of
/// [`Choice`] calls this.
pub fn choice_from_argument<T: Choice>(value: &Value) -> Option<T> {
    match value {
        Value::Bool(true) => ["yes", "true", "True", "on"].iter().find_map(|word| T::from_word(word)),
        Value::Bool(false) => ["no", "false", "False", "off"].iter().find_map(|word| T::from_word(word)),
        scalar => T::from_word(&text_of(scalar)?),
    }
}
