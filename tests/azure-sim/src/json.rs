//! Reaching into JSON by pointers such as `/properties/subnet/id`.

use serde_json::{Map, Value};

/// The text at a pointer; empty where there is none.
#[must_use]
pub fn text<'value>(value: &'value Value, pointer: &str) -> &'value str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a pointer; empty where there is none.
#[must_use]
pub fn list<'value>(value: &'value Value, pointer: &str) -> &'value [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The list at a pointer, to be changed; empty where there is none.
pub fn list_mut<'value>(value: &'value mut Value, pointer: &str) -> &'value mut [Value] {
    value.pointer_mut(pointer).and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default()
}

/// Whether something is at a pointer.
#[must_use]
pub fn has(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).is_some_and(|found| !found.is_null())
}

/// Puts something at a pointer, with the objects on the way to it. Lists on the way must be there.
pub fn set(value: &mut Value, pointer: &str, new: impl Into<Value>) {
    let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if !has(value, parent) {
        set(value, parent, Map::new());
    }
    match value.pointer_mut(parent) {
        Some(Value::Object(object)) => drop(object.insert(last.to_owned(), new.into())),
        Some(Value::Array(list)) => {
            if let Some(item) = last.parse().ok().and_then(|index: usize| list.get_mut(index)) {
                *item = new.into();
            }
        }
        _ => {}
    }
}

/// Puts something at a pointer unless something is there.
pub fn default(value: &mut Value, pointer: &str, new: impl Into<Value>) {
    if !has(value, pointer) {
        set(value, pointer, new);
    }
}

/// Takes away what is at a pointer.
pub fn remove(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    value.pointer_mut(parent)?.as_object_mut()?.remove(last)
}

/// Lays a patch over a document: objects are merged, everything else is replaced.
pub fn merge(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (key, new) in patch {
                merge(object.entry(key.clone()).or_insert(Value::Null), new);
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// The item of a list with this name, in any case.
#[must_use]
pub fn named<'value>(list: &'value [Value], name: &str) -> Option<&'value Value> {
    list.iter().find(|item| text(item, "/name").eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_lead_through_what_is_not_there_yet() {
        let mut value = json!({"list": [{"a": 1}]});
        set(&mut value, "/properties/state", "x");
        set(&mut value, "/list/0/b", 2);
        default(&mut value, "/properties/state", "y");
        assert_eq!(value, json!({"list": [{"a": 1, "b": 2}], "properties": {"state": "x"}}));
        merge(&mut value, &json!({"list": [], "properties": {"more": true}}));
        assert_eq!(value, json!({"list": [], "properties": {"state": "x", "more": true}}));
        assert_eq!(remove(&mut value, "/properties/more"), Some(json!(true)));
        assert_eq!(text(&value, "/properties/more"), "");
    }
}
