//! The functions of JMESPath.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::parse::Expression;
use super::{evaluate, same};

/// Calls a function.
pub(super) fn call(name: &str, arguments: &[Expression], data: &Json) -> Result<Json, String> {
    let value = |at: usize| match arguments.get(at) {
        Some(Expression::Reference(_)) | None => {
            Err(format!("{name}() needs a value as its argument {}", at + 1))
        }
        Some(expression) => evaluate(expression, data),
    };
    let reference = |at: usize| match arguments.get(at) {
        Some(Expression::Reference(inner)) => Ok(inner.as_ref()),
        _ => Err(format!("{name}() needs an expression like &name as its argument {}", at + 1)),
    };
    let wrong = |value: &Json| format!("{name}() does not take {value}");
    let list = |at: usize| match value(at)? {
        Json::Array(items) => Ok(items),
        other => Err(wrong(&other)),
    };
    let text = |at: usize| match value(at)? {
        Json::String(text) => Ok(text),
        other => Err(wrong(&other)),
    };
    let number = |at: usize| {
        let value = value(at)?;
        value.as_f64().ok_or_else(|| wrong(&value))
    };
    let numbers = |at: usize| {
        list(at)?.iter().map(|item| item.as_f64().ok_or_else(|| wrong(item))).collect::<Result<Vec<_>, _>>()
    };
    let keyed = |items: Vec<Json>, by: &Expression| {
        items.into_iter().map(|item| Ok((evaluate(by, &item)?, item))).collect::<Result<Vec<_>, String>>()
    };
    Ok(match name {
        "length" => Json::from(match value(0)? {
            Json::String(text) => text.chars().count(),
            Json::Array(items) => items.len(),
            Json::Object(map) => map.len(),
            other => return Err(wrong(&other)),
        }),
        "keys" => match value(0)? {
            Json::Object(map) => map.keys().map(|key| Json::from(key.as_str())).collect(),
            other => return Err(wrong(&other)),
        },
        "values" => match value(0)? {
            Json::Object(map) => map.into_iter().map(|(_, value)| value).collect(),
            other => return Err(wrong(&other)),
        },
        "contains" => {
            let needle = value(1)?;
            Json::Bool(match value(0)? {
                Json::String(text) => needle.as_str().is_some_and(|needle| text.contains(needle)),
                Json::Array(items) => items.iter().any(|item| same(item, &needle)),
                other => return Err(wrong(&other)),
            })
        }
        "starts_with" => Json::Bool(text(0)?.starts_with(&text(1)?)),
        "ends_with" => Json::Bool(text(0)?.ends_with(&text(1)?)),
        "join" => {
            let parts = list(1)?;
            let texts = parts.iter().map(|part| part.as_str().ok_or_else(|| wrong(part)));
            Json::from(texts.collect::<Result<Vec<_>, _>>()?.join(&text(0)?))
        }
        "reverse" => match value(0)? {
            Json::String(text) => Json::from(text.chars().rev().collect::<String>()),
            Json::Array(items) => items.into_iter().rev().collect(),
            other => return Err(wrong(&other)),
        },
        "sort" => {
            let pairs = list(0)?.into_iter().map(|item| (item.clone(), item)).collect();
            sorted(name, pairs)?.into_iter().map(|(_, item)| item).collect()
        }
        "sort_by" => {
            sorted(name, keyed(list(0)?, reference(1)?)?)?.into_iter().map(|(_, item)| item).collect()
        }
        "max" | "min" => {
            let pairs = list(0)?.into_iter().map(|item| (item.clone(), item)).collect();
            extreme(sorted(name, pairs)?, name == "max")
        }
        "max_by" | "min_by" => extreme(sorted(name, keyed(list(0)?, reference(1)?)?)?, name == "max_by"),
        "map" => {
            let by = reference(0)?;
            list(1)?.iter().map(|item| evaluate(by, item)).collect::<Result<Json, _>>()?
        }
        "merge" => {
            let mut merged = serde_json::Map::new();
            for at in 0..arguments.len() {
                match value(at)? {
                    Json::Object(map) => merged.extend(map),
                    other => return Err(wrong(&other)),
                }
            }
            Json::Object(merged)
        }
        "not_null" => {
            for at in 0..arguments.len() {
                let value = value(at)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Json::Null
        }
        "abs" => whole(number(0)?.abs()),
        "ceil" => whole(number(0)?.ceil()),
        "floor" => whole(number(0)?.floor()),
        "sum" => Json::from(numbers(0)?.iter().sum::<f64>()),
        "avg" => {
            let numbers = numbers(0)?;
            if numbers.is_empty() {
                Json::Null
            } else {
                Json::from(numbers.iter().sum::<f64>() / numbers.len() as f64)
            }
        }
        "to_string" => match value(0)? {
            Json::String(text) => Json::String(text),
            other => Json::from(other.to_string()),
        },
        "to_number" => match value(0)? {
            Json::Number(number) => Json::Number(number),
            Json::String(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _) => Json::from(number),
                (_, Ok(number)) => Json::from(number),
                _ => Json::Null,
            },
            _ => Json::Null,
        },
        "to_array" => match value(0)? {
            Json::Array(items) => Json::Array(items),
            other => Json::Array(vec![other]),
        },
        "type" => Json::from(match value(0)? {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }),
        other => return Err(format!("there is no function {other}()")),
    })
}

fn whole(number: f64) -> Json {
    if number.fract() == 0.0 { Json::from(number as i64) } else { Json::from(number) }
}

/// Sorted by keys that are all numbers or all texts.
fn sorted(name: &str, mut pairs: Vec<(Json, Json)>) -> Result<Vec<(Json, Json)>, String> {
    let numbers = pairs.iter().all(|(key, _)| key.is_number());
    let texts = pairs.iter().all(|(key, _)| key.is_string());
    if !numbers && !texts {
        return Err(format!("{name}() needs numbers only, or texts only"));
    }
    pairs.sort_by(|(one, _), (two, _)| match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one.partial_cmp(&two).unwrap_or(Ordering::Equal),
        _ => one.as_str().cmp(&two.as_str()),
    });
    Ok(pairs)
}

fn extreme(pairs: Vec<(Json, Json)>, last: bool) -> Json {
    let mut items = pairs.into_iter().map(|(_, item)| item);
    let found = if last { items.next_back() } else { items.next() };
    found.unwrap_or(Json::Null)
}
