//! `kubectl label`, `annotate` and `taint`.

use serde_json::{Value, json};

use super::target::Target;
use super::{Kubectl, say};
use crate::failure::{Result, refuse};
use crate::resources::identity;

pub(super) fn run(kubectl: &Kubectl, command: &str) -> Result<()> {
    // Changes are the words with `=`, or with `-` at the end.
    let is_change =
        |word: &str| word.contains('=') || word.ends_with('-') || command == "taint" && word.contains(':');
    let words = &kubectl.flags.words;
    let start = words.iter().skip(1).position(|word| is_change(word)).map_or(words.len(), |at| at + 1);
    let (named, changes) = words.split_at(start);
    if changes.is_empty() {
        refuse!("error: at least one {command} update is required");
    }
    let overwrite = kubectl.flags.is_on("overwrite")?;
    for target in Target::all(kubectl, named)? {
        if target.name.is_none() && !kubectl.flags.is_on("all")? && kubectl.flags.value("selector").is_none()
        {
            refuse!(
                "error: one or more resources must be specified as <resource> <name> or <resource>/<name>"
            );
        }
        for object in target.fetch(kubectl)? {
            let (namespace, name) = identity(&object);
            let change = if command == "taint" {
                json!({"spec": {"taints": taints(&object, changes, overwrite)?}})
            } else {
                let field = if command == "label" { "labels" } else { "annotations" };
                json!({"metadata": {field: pairs(&object["metadata"][field], changes, overwrite, command)?}})
            };
            kubectl.client.merge(&format!("{}/{name}", target.kind.path(namespace)), &change)?;
            let done = match command {
                "taint" => "tainted",
                "label" => "labeled",
                _ => "annotated",
            };
            say(&format!("{} {done}", target.title(name)))?;
        }
    }
    Ok(())
}

fn pairs(found: &Value, changes: &[String], overwrite: bool, command: &str) -> Result<Value> {
    let mut result = json!({});
    for change in changes {
        match (change.split_once('='), change.strip_suffix('-')) {
            (Some((key, value)), _) => {
                if !overwrite && found[key].as_str().is_some_and(|found| found != value) {
                    refuse!(
                        "error: '{key}' already has a value ({}), and --overwrite is false",
                        found[key].as_str().unwrap_or_default()
                    );
                }
                result[key] = value.into();
            }
            (None, Some(key)) => result[key] = Value::Null,
            (None, None) => refuse!("error: unknown {command} {change:?}"),
        }
    }
    Ok(result)
}

/// The taints of a node after changes: `key=value:effect`, `key:effect-`, `key-`.
fn taints(node: &Value, changes: &[String], overwrite: bool) -> Result<Value> {
    let mut taints: Vec<Value> = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    for change in changes {
        if let Some(text) = change.strip_suffix('-') {
            let (key, effect) =
                text.split_once(':').map_or((text, None), |(key, effect)| (key, Some(effect)));
            let key = key.split('=').next().unwrap_or(key);
            let before = taints.len();
            taints.retain(|taint| {
                taint["key"] != key || effect.is_some_and(|effect| taint["effect"] != effect)
            });
            if taints.len() == before {
                refuse!("error: taint {text:?} not found");
            }
            continue;
        }
        let Some((pair, effect)) = change.rsplit_once(':') else {
            refuse!("error: invalid taint spec: {change}")
        };
        if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            refuse!("error: invalid taint effect: {effect}, unsupported taint effect");
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut taint = json!({"key": key, "effect": effect});
        if !value.is_empty() {
            taint["value"] = value.into();
        }
        let is_same = |found: &Value| found["key"] == key && found["effect"] == effect;
        if taints.iter().any(is_same) && !overwrite {
            refuse!(
                "error: node {} already has {key} taint(s) with same effect(s) and --overwrite is false",
                node["metadata"]["name"].as_str().unwrap_or_default()
            );
        }
        taints.retain(|found| !is_same(found));
        taints.push(taint);
    }
    Ok(taints.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(node: &Value, change: &str, overwrite: bool) -> Result<Value> {
        taints(node, &[change.to_owned()], overwrite)
    }

    #[test]
    fn taints_are_set_replaced_and_removed() {
        let node = json!({"metadata": {"name": "a"}, "spec": {"taints": [{"key": "x", "value": "1", "effect": "NoSchedule"}]}});
        assert_eq!(changed(&node, "y:NoExecute", false).unwrap().as_array().unwrap().len(), 2);
        assert!(changed(&node, "x=2:NoSchedule", false).is_err());
        assert_eq!(changed(&node, "x=2:NoSchedule", true).unwrap()[0]["value"], "2");
        assert_eq!(changed(&node, "x-", false).unwrap(), json!([]));
        assert!(changed(&node, "z-", false).is_err());
        assert!(changed(&node, "z:Never", false).is_err());
    }

    #[test]
    fn a_label_is_not_replaced_unless_asked() {
        let found = json!({"a": "1"});
        assert!(pairs(&found, &["a=2".to_owned()], false, "label").is_err());
        assert_eq!(
            pairs(&found, &["a=2".to_owned(), "b-".to_owned()], true, "label").unwrap(),
            json!({"a": "2", "b": null})
        );
    }
}
