//! Server-side apply: what a manager no longer applies goes, what it applies is set, all else stays.

use serde_json::Value;

/// The object after a manager applied `wanted`, having applied `before` the last time.
pub(crate) fn applied(live: Option<&Value>, before: Option<&Value>, wanted: &Value) -> Value {
    let mut result = live.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let Some(before) = before {
        prune(&mut result, before, wanted);
    }
    merge(&mut result, wanted);
    result
}

/// The fields that `wanted` would change though another manager has applied them: their paths, as the real one names them.
pub(crate) fn conflicts(live: Option<&Value>, others: &Value, wanted: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(live) = live {
        differ(live, others, wanted, "", &mut found);
    }
    found
}

fn differ(live: &Value, others: &Value, wanted: &Value, path: &str, found: &mut Vec<String>) {
    if let (Value::Object(others), Value::Object(wanted)) = (others, wanted) {
        for (key, value) in wanted {
            if let Some(others) = others.get(key) {
                differ(live.get(key).unwrap_or(&Value::Null), others, value, &format!("{path}.{key}"), found);
            }
        }
    } else if live != wanted {
        found.push(path.to_owned());
    }
}

/// What a manager has applied, without the fields that another one has taken over.
pub(crate) fn without(applied: &mut Value, paths: &[String]) {
    for path in paths {
        let mut at = &mut *applied;
        let mut keys: Vec<&str> = path.split('.').skip(1).collect();
        let Some(last) = keys.pop() else { continue };
        for key in keys {
            at = &mut at[key];
        }
        if let Some(map) = at.as_object_mut() {
            map.remove(last);
        }
    }
}

/// Takes away what was applied before and is not any more.
fn prune(live: &mut Value, before: &Value, wanted: &Value) {
    let (Value::Object(live), Value::Object(before)) = (live, before) else { return };
    for (key, value) in before {
        match wanted.get(key) {
            None => {
                live.remove(key);
            }
            Some(wanted) => {
                if let Some(live) = live.get_mut(key) {
                    prune(live, value, wanted);
                }
            }
        }
    }
}

/// Sets what is wanted. A null takes away; a list is set as a whole.
pub(crate) fn merge(live: &mut Value, wanted: &Value) {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            for (key, value) in wanted {
                if value.is_null() {
                    live.remove(key);
                    continue;
                }
                merge(live.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (live, Value::Object(wanted)) => {
            *live = Value::Object(serde_json::Map::new());
            merge(live, &Value::Object(wanted.clone()));
        }
        (live, wanted) => *live = wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_set_stays_and_what_is_not_applied_any_more_goes() {
        let before = json!({"data": {"a": "1", "b": "2"}, "metadata": {"labels": {"x": "y"}}});
        let live = json!({"data": {"a": "1", "b": "2", "other": "3"}, "metadata": {"labels": {"x": "y"}, "uid": "u"}});
        let wanted = json!({"data": {"a": "4"}, "metadata": {"labels": {}}});
        assert_eq!(
            applied(Some(&live), Some(&before), &wanted),
            json!({"data": {"a": "4", "other": "3"}, "metadata": {"labels": {}, "uid": "u"}})
        );
    }

    #[test]
    fn what_another_manager_applied_is_not_changed_unless_taken_over() {
        let live = json!({"spec": {"holder": "bob", "seconds": 3}});
        let mut others = json!({"spec": {"holder": "bob"}});
        assert_eq!(
            conflicts(Some(&live), &others, &json!({"spec": {"holder": "eve", "seconds": 4}})),
            [".spec.holder"]
        );
        assert!(conflicts(Some(&live), &others, &json!({"spec": {"holder": "bob"}})).is_empty());
        assert!(conflicts(None, &others, &json!({"spec": {"holder": "eve"}})).is_empty());
        without(&mut others, &[".spec.holder".to_owned()]);
        assert_eq!(others, json!({"spec": {}}));
    }

    #[test]
    fn lists_are_set_and_nulls_take_away() {
        let mut live = json!({"spec": {"taints": [1, 2], "unschedulable": true}});
        merge(&mut live, &json!({"spec": {"taints": [3], "unschedulable": null}, "new": {"a": {"b": 1}}}));
        assert_eq!(live, json!({"spec": {"taints": [3]}, "new": {"a": {"b": 1}}}));
    }
}
