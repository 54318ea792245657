//! What is, against what is wanted: only what was asked for counts, and Azure's way of writing it is no difference.

use serde_json::{Map, Value};

/// Whether what is there is not yet what is wanted.
pub(super) fn differs(current: &Value, wanted: &Value) -> bool {
    field_differs("", current, wanted)
}

fn field_differs(name: &str, current: &Value, wanted: &Value) -> bool {
    match (current, wanted) {
        // Tags are a user's own: their case counts, and those that are not wanted are to go.
        (Value::Object(_), Value::Object(_)) if name == "tags" => current != wanted,
        (Value::Object(current), Value::Object(wanted)) => wanted.iter().any(|(name, wanted)| {
            // What is never told again cannot be compared.
            !is_write_only(name) && field_differs(name, current.get(name).unwrap_or(&Value::Null), wanted)
        }),
        (Value::Array(current), Value::Array(wanted)) => {
            current.len() != wanted.len()
                || wanted.iter().enumerate().any(|(at, wanted)| {
                    counterpart(current, wanted, at)
                        .is_none_or(|current| field_differs(name, current, wanted))
                })
        }
        (Value::String(current), Value::String(wanted)) if name == "location" => {
            place(current) != place(wanted)
        }
        (Value::String(current), Value::String(wanted)) => !current.eq_ignore_ascii_case(wanted),
        // Nothing wanted, and nothing there.
        (Value::Null, Value::Array(wanted)) => !wanted.is_empty(),
        (Value::Null, Value::Bool(false)) => false,
        (Value::Number(current), Value::Number(wanted)) => current.as_f64() != wanted.as_f64(),
        _ => current != wanted,
    }
}

/// What is wanted and not there yet, by fields and by those of `properties`.
pub(super) fn differences(current: &Value, wanted: &Value) -> Value {
    let fields = wanted.as_object().into_iter().flatten();
    let differing = fields.filter_map(|(name, wanted)| {
        let current = current.get(name).unwrap_or(&Value::Null);
        if name == "properties" {
            return Some((name.clone(), differences(current, wanted)));
        }
        field_differs(name, current, wanted).then(|| (name.clone(), wanted.clone()))
    });
    differing.collect::<Map<_, _>>().into()
}

/// What Azure takes and never tells.
fn is_write_only(name: &str) -> bool {
    matches!(name, "adminPassword" | "customData")
}

/// A place as Azure tells it: `West Europe` is `westeurope`.
pub(super) fn place(name: &str) -> String {
    name.chars().filter(|character| !character.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

/// The element of a list that stands for a wanted one: of the same name, id or number, else at the same place.
fn counterpart<'a>(current: &'a [Value], wanted: &Value, at: usize) -> Option<&'a Value> {
    if wanted.is_string() {
        return current.iter().find(|current| !field_differs("", current, wanted));
    }
    for key in ["name", "lun", "id"] {
        if !wanted[key].is_null() {
            return current.iter().find(|current| !field_differs(key, &current[key], &wanted[key]));
        }
    }
    current.get(at)
}

/// What is there, with what is wanted laid over it: the whole that is sent.
pub(super) fn overlaid(current: &Value, wanted: &Value) -> Value {
    match (current, wanted) {
        (Value::Object(current), Value::Object(wanted)) => {
            let mut whole = current.clone();
            for (name, wanted) in wanted {
                let value = match current.get(name) {
                    Some(current) if name != "tags" => overlaid(current, wanted),
                    _ => wanted.clone(),
                };
                whole.insert(name.clone(), value);
            }
            whole.into()
        }
        (Value::Array(current), Value::Array(wanted)) => wanted
            .iter()
            .enumerate()
            .map(|(at, wanted)| {
                counterpart(current, wanted, at)
                    .map_or_else(|| wanted.clone(), |current| overlaid(current, wanted))
            })
            .collect(),
        _ => wanted.clone(),
    }
}

/// Of what is there, the part that something is wanted of: what a difference is shown of.
pub(super) fn part(current: &Value, wanted: &Value) -> Value {
    match (current, wanted) {
        (Value::Object(current), Value::Object(wanted)) => wanted
            .iter()
            .filter_map(|(name, wanted)| Some((name.clone(), part(current.get(name)?, wanted))))
            .collect::<Map<_, _>>()
            .into(),
        (Value::Array(current), Value::Array(wanted)) => current
            .iter()
            .enumerate()
            .map(|(at, current)| {
                counterpart(wanted, current, at)
                    .map_or_else(|| current.clone(), |wanted| part(current, wanted))
            })
            .collect(),
        _ => current.clone(),
    }
}

/// What may be shown of what is sent.
pub(super) fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let shown =
                    if is_write_only(name) { Value::from("(hidden)") } else { without_secrets(value) };
                (name.clone(), shown)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_secrets).collect(),
        other => other.clone(),
    }
}

/// A resource as a playbook reads it: names in small letters, `properties` not apart.
pub(super) fn facts(resource: &Value) -> Value {
    match resource {
        Value::Object(fields) => {
            let mut told = Map::new();
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("properties", Value::Object(_)) => {
                        if let Value::Object(inner) = facts(value) {
                            inner.into_iter().for_each(|(name, value)| {
                                told.entry(name).or_insert(value);
                            });
                        }
                    }
                    ("tags", _) => drop(told.insert("tags".to_owned(), value.clone())),
                    _ => drop(told.insert(small(name), facts(value))),
                }
            }
            told.into()
        }
        Value::Array(items) => items.iter().map(facts).collect(),
        other => other.clone(),
    }
}

/// `provisioningState` as `provisioning_state`, `publicIPAddress` as `public_ip_address`. Ids of resources are names, too: they
/// stay.
fn small(name: &str) -> String {
    if name.contains('/') {
        return name.to_owned();
    }
    let mut text = String::new();
    let mut before = None::<char>;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let after_small = before.is_some_and(|before| !before.is_ascii_uppercase());
        let before_small = before.is_some() && characters.peek().is_some_and(char::is_ascii_lowercase);
        if character.is_ascii_uppercase() && (after_small || before_small) {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
        before = Some(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_wanted_counts_and_azures_spelling_does_not() {
        let current = json!({
            "location": "westeurope", "etag": "x", "tags": {"a": "B"},
            "properties": {"list": [{"name": "One", "v": 1, "more": true}, {"name": "two"}], "prefixes": ["10.0.0.0/8"],
                           "id": "/Subscriptions/A", "none": null},
        });
        for (wanted, expected) in [
            (json!({"location": "West Europe"}), false),
            (json!({"tags": {"a": "B"}}), false),
            (json!({"tags": {"a": "b"}}), true),
            (json!({"tags": {}}), true),
            (json!({"properties": {"id": "/subscriptions/a", "none": [], "flag": false}}), false),
            (json!({"properties": {"list": [{"name": "two"}, {"name": "one", "v": 1.0}]}}), false),
            (json!({"properties": {"list": [{"name": "one"}]}}), true),
            (json!({"properties": {"list": [{"name": "one", "v": 2}, {"name": "two"}]}}), true),
            (json!({"properties": {"prefixes": ["10.0.0.0/16"]}}), true),
            (json!({"properties": {"osProfile": {"customData": "x"}}}), true),
        ] {
            assert_eq!(differs(&current, &wanted), expected, "{wanted}");
        }
    }

    #[test]
    fn what_is_sent_keeps_what_is_there() {
        let current =
            json!({"a": 1, "list": [{"name": "x", "keep": 1}, {"name": "y"}], "tags": {"old": "1"}});
        let wanted = json!({"b": 2, "list": [{"name": "X", "v": 3}], "tags": {"new": "2"}});
        let whole = json!({"a": 1, "b": 2, "list": [{"name": "X", "keep": 1, "v": 3}], "tags": {"new": "2"}});
        assert_eq!(overlaid(&current, &wanted), whole);
        assert_eq!(part(&current, &wanted), json!({"list": [{"name": "x"}, {"name": "y"}], "tags": {}}));
    }

    #[test]
    fn differences_are_sent_alone() {
        let current = json!({"sku": {"name": "A"}, "kind": "x", "properties": {"flag": true, "tier": "Hot"}});
        let wanted = json!({"sku": {"name": "b"}, "kind": "X", "properties": {"flag": true, "tier": "Cool", "new": 1}});
        let sent = json!({"sku": {"name": "b"}, "properties": {"tier": "Cool", "new": 1}});
        assert_eq!(differences(&current, &wanted), sent);
    }

    #[test]
    fn facts_have_small_names() {
        let resource = json!({"id": "/x", "properties": {"publicIPAddress": {"id": "y"}, "ipAddress": "1", "diskSizeGB": 2}, "tags": {"aB": "c"}});
        assert_eq!(
            facts(&resource),
            json!({"id": "/x", "public_ip_address": {"id": "y"}, "ip_address": "1", "disk_size_gb": 2, "tags": {"aB": "c"}})
        );
    }
}
