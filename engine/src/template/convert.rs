//! Between values of templates, JSON and YAML.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use serde_json::{Map, Value as Json};

/// What an argument is that is to be left out.
#[derive(Debug)]
struct Omit;

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<<Omit>>")
    }
}

/// `omit`: an argument or element of this value is left out.
pub fn omit() -> Value {
    Value::from_object(Omit)
}

/// Whether a value is `omit`.
pub fn is_omit(value: &Value) -> bool {
    value.downcast_object_ref::<Omit>().is_some()
}

/// A value of JSON as one of templates.
pub fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Value::from(number),
            (None, Some(number), _) => Value::from(number),
            (None, None, number) => Value::from(number.unwrap_or_default()),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::from(items.into_iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(map) => Value::from_pairs(map.into_iter().map(|(key, value)| (key, from_json(value)))),
    }
}

/// A value of templates as JSON; what JSON has no form for becomes text.
pub fn to_json(value: &Value) -> Json {
    to_json_with(value, &to_json)
}

/// The same; what is in lists and mappings is left to another function.
pub(super) fn to_json_with(value: &Value, inner: &dyn Fn(&Value) -> Json) -> Json {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => number(value),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => Json::Array(
            value.try_iter().map(|items| items.map(|item| inner(&item)).collect()).unwrap_or_default(),
        ),
        ValueKind::Map => Json::Object(map(value, inner)),
        _ => Json::String(super::to_text(value)),
    }
}

fn number(value: &Value) -> Json {
    if value.is_integer() {
        if let Some(number) = value.as_i64() {
            return Json::from(number);
        }
        if let Ok(number) = u64::try_from(value.clone()) {
            return Json::from(number);
        }
    }
    f64::try_from(value.clone()).ok().and_then(serde_json::Number::from_f64).map_or(Json::Null, Json::Number)
}

fn map(value: &Value, inner: &dyn Fn(&Value) -> Json) -> Map<String, Json> {
    let keys = value.try_iter().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    keys.into_iter().map(|key| (key_text(&key), inner(&value.get_item(&key).unwrap_or_default()))).collect()
}

/// A key as JSON has it: words of its own for what is no text.
fn key_text(key: &Value) -> String {
    match key.kind() {
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool => key.is_true().to_string(),
        _ => super::to_text(key),
    }
}
