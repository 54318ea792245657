//! Values as the types of an argument specification.

use clouder_modules::args::FromArgument as _;
use serde_json::{Map, Value};

/// A value as a type, or why it cannot be one.
pub(super) fn convert(wanted: &str, value: &Value) -> Result<Value, String> {
    match wanted {
        "raw" => Ok(value.clone()),
        "str" | "path" | "json" | "jsonarg" => Ok(match value {
            Value::Null | Value::String(_) => value.clone(),
            other => Value::String(text(other)),
        }),
        "bool" => bool::from_argument(value).map(Value::Bool).ok_or_else(|| {
            format!(
                "The value '{}' is not a valid boolean. Valid booleans include: 0, 1, '0', '1', 'f', 'false', 'n', \
                 'no', 'off', 'on', 't', 'true', 'y', 'yes'",
                text(value)
            )
        }),
        "int" => integer(value).ok_or_else(|| format!("\"{}\" cannot be converted to an int", repr(value))),
        "float" => float(value).ok_or_else(|| class(value, "a float")),
        "list" => match value {
            Value::Array(_) => Ok(value.clone()),
            Value::String(text) => Ok(text.split(',').map(|part| part.trim().to_owned()).collect()),
            Value::Number(_) => Ok(Value::Array(vec![Value::String(text(value))])),
            _ => Err(class(value, "a list")),
        },
        "dict" => Map::from_argument(value)
            .filter(|_| !matches!(value, Value::String(text) if text.trim().is_empty()))
            .map(Value::Object)
            .ok_or_else(|| match value {
                Value::String(_) => "dictionary requested, could not parse JSON or key=value".to_owned(),
                _ => class(value, "a dict"),
            }),
        "bytes" => size(value, "Bb").ok_or_else(|| class(value, "a Byte value")),
        "bits" => size(value, "b").ok_or_else(|| class(value, "a Bit value")),
        other => Err(format!("there is no type '{other}'")),
    }
}

fn class(value: &Value, wanted: &str) -> String {
    format!("<class '{}'> cannot be converted to {wanted}", type_name(value))
}

fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().filter(|number| number.fract() == 0.0)?;
            serde_json::Number::from_i128(number as i128).map(Value::Number)
        }
        Value::Number(_) => Some(value.clone()),
        Value::Bool(value) => Some(Value::from(i64::from(*value))),
        // Numbers of any length are numbers; beyond what JSON holds they are kept as text.
        Value::String(text) => {
            let trimmed = text.trim();
            let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
            let fits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| trimmed.parse::<i64>().map_or_else(|_| value.clone(), Value::from))
        }
        _ => None,
    }
}

fn float(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::Bool(value) => Some(Value::from(f64::from(u8::from(*value)))),
        Value::String(text) => text.trim().parse::<f64>().ok().map(Value::from),
        _ => None,
    }
}

/// `10M`, `1.5 KB`, `100`.
fn size(value: &Value, units: &str) -> Option<Value> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = text[end..].trim();
    let mut letters = unit.chars();
    let (prefix, rest) = match letters.next() {
        None => return Some(Value::from(number)),
        Some(first) if units.contains(first) && letters.as_str().is_empty() => {
            return Some(Value::from(number));
        }
        Some(first) => (first.to_ascii_uppercase(), letters.as_str()),
    };
    let power = "KMGTPEZY".find(prefix)? + 1;
    let known = rest.is_empty() || rest.len() == 1 && rest.starts_with(|c: char| units.contains(c));
    known.then(|| Value::from(number * 1024_f64.powi(i32::try_from(power).unwrap_or(0))))
}

/// What Python calls the type of a value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A value as Python prints it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// A value as Python writes it in code.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        Value::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("'{key}': {}", repr(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether Python calls two values equal.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Whether a text that was a boolean means the one word for it among the choices: `yes` for True.
pub(super) fn is_word_of(value: &Value, choices: &[Value]) -> bool {
    let wanted = match value.as_str() {
        Some("True") => true,
        Some("False") => false,
        _ => return false,
    };
    let words = choices.iter().filter(|choice| bool::from_argument(choice) == Some(wanted));
    words.count() == 1
}
