//! Functions and tests that Python or Jinja has.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::calls::Arguments;
use super::objects::{Cycle, Macro, Native, Range};
use super::{Fault, Flow, Namespace};
use crate::template::python::{self, Dict, Missing, Moment, Order, raise};
use crate::template::to_text;

const FUNCTIONS: [&str; 7] = ["range", "dict", "namespace", "cycler", "joiner", "now", "undef"];

/// The function of a name.
pub(super) fn named(name: &str) -> Option<Value> {
    FUNCTIONS.into_iter().find(|known| *known == name).map(|name| Value::from_object(Native(name)))
}

/// Calls a function.
pub(super) fn function(name: &str, arguments: &Arguments) -> Flow<Value> {
    let Arguments { positional, named } = arguments;
    let with_named = |pairs: Vec<(Value, Value)>| {
        let named = named.iter().map(|(name, value)| (Value::from(name.as_str()), value.clone()));
        pairs.into_iter().chain(named).collect::<Vec<_>>()
    };
    Ok(match name {
        "range" => Range::from_arguments(positional)?,
        "dict" | "namespace" => {
            let pairs = match positional.first() {
                Some(value) => python::mapping_pairs(value)?,
                None => Vec::new(),
            };
            let pairs = with_named(pairs);
            if name == "dict" {
                Dict::value(pairs)
            } else {
                Value::from_object(Namespace::new(
                    pairs.into_iter().map(|(key, value)| (to_text(&key), value)),
                ))
            }
        }
        "cycler" => Value::from_object(Cycle::new(positional.clone(), false)),
        "joiner" => {
            let separator = arguments.get(0, "sep").unwrap_or_else(|| Value::from(", "));
            Value::from_object(Cycle::new(vec![separator], true))
        }
        "now" => {
            let utc = arguments.get(0, "utc").is_some_and(|utc| utc.is_true());
            let now: Moment = python::now(utc);
            match arguments.get(1, "fmt").filter(|format| !format.is_none()) {
                Some(format) => Value::from(python::strftime(&to_text(&format), &now)?),
                None => Value::from_object(now),
            }
        }
        "undef" => {
            Missing::because(arguments.get(0, "hint").filter(|hint| !hint.is_none()).map_or_else(
                || "Mandatory variable has not been overridden".to_owned(),
                |hint| to_text(&hint),
            ))
        }
        other => return Err(Fault::new(format!("'{other}' is undefined"))),
    })
}

/// Whether a test holds; none when this one is not known here.
pub(super) fn test(name: &str, value: &Value, arguments: &Arguments) -> Option<Result<bool, Error>> {
    let kind = value.kind();
    let is_whole = kind == ValueKind::Number && value.is_integer();
    let simple = match name {
        "none" => Some(value.is_none()),
        "boolean" => Some(kind == ValueKind::Bool),
        "true" => Some(kind == ValueKind::Bool && value.is_true()),
        "false" => Some(kind == ValueKind::Bool && !value.is_true()),
        "integer" => Some(is_whole),
        "float" => Some(kind == ValueKind::Number && !is_whole),
        "number" => Some(matches!(kind, ValueKind::Number | ValueKind::Bool)),
        "string" => Some(kind == ValueKind::String),
        "mapping" => Some(kind == ValueKind::Map),
        "sequence" | "iterable" => {
            Some(matches!(kind, ValueKind::String | ValueKind::Map | ValueKind::Seq | ValueKind::Iterable))
        }
        "callable" => Some(
            value.downcast_object_ref::<Macro>().is_some()
                || value.downcast_object_ref::<Native>().is_some()
                || value.downcast_object_ref::<python::Method>().is_some(),
        ),
        "escaped" => Some(value.is_safe()),
        "lower" | "upper" => {
            let text = to_text(value);
            let shown = if name == "lower" { text.to_lowercase() } else { text.to_uppercase() };
            Some(text.chars().any(char::is_alphabetic) && shown == text)
        }
        _ => None,
    };
    if let Some(holds) = simple {
        return Some(Ok(holds));
    }
    let other = arguments.positional.first();
    let ordered = |order: Order| other.map(|other| python::compare(order, value, other));
    match name {
        "eq" | "==" | "equalto" => other.map(|other| Ok(python::equal(value, other))),
        "ne" | "!=" => other.map(|other| Ok(!python::equal(value, other))),
        "lt" | "<" | "lessthan" => ordered(Order::Less),
        "le" | "<=" => ordered(Order::AtMost),
        "gt" | ">" | "greaterthan" => ordered(Order::Greater),
        "ge" | ">=" => ordered(Order::AtLeast),
        "in" => other.map(|other| python::contains(other, value)),
        "sameas" => other.map(|other| {
            Ok(kind == other.kind() && python::type_name(value) == python::type_name(other) && value == other)
        }),
        "odd" | "even" | "divisibleby" => Some(divisible(name, value, other)),
        _ => None,
    }
}

fn divisible(name: &str, value: &Value, other: Option<&Value>) -> Result<bool, Error> {
    let two = Value::from(2);
    let divisor = match (name, other) {
        ("divisibleby", Some(other)) => other,
        ("divisibleby", None) => return Err(raise("the test `divisibleby` needs a number")),
        _ => &two,
    };
    let rest = python::arithmetic("%", value, divisor)?;
    let is_even = python::equal(&rest, &Value::from(0));
    Ok(is_even != (name == "odd"))
}
