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
    fn lists_are_set_and_nulls_take_away() {
        let mut live = json!({"spec": {"taints": [1, 2], "unschedulable": true}});
        merge(&mut live, &json!({"spec": {"taints": [3], "unschedulable": null}, "new": {"a": {"b": 1}}}));
        assert_eq!(live, json!({"spec": {"taints": [3]}, "new": {"a": {"b": 1}}}));
    }
}
