//! Which objects the words of a command line mean: `TYPE`, `TYPE NAME...`, `TYPE/NAME...`.

use serde_json::Value;

use super::Kubectl;
use crate::failure::{Result, refuse};
use crate::resources::Resource;

/// One object, or all of a kind.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) kind: Resource,
    pub(super) name: Option<String>,
}

impl Target {
    /// Reads the words after a command.
    pub(super) fn all(kubectl: &Kubectl, words: &[String]) -> Result<Vec<Self>> {
        let Some(first) = words.first() else {
            refuse!(
                "error: You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources."
            );
        };
        if first.contains('/') {
            return words
                .iter()
                .map(|word| match word.split_once('/') {
                    Some((kind, name)) => Ok(Self { kind: kubectl.kind(kind)?.clone(), name: Some(name.to_owned()) }),
                    None => refuse!("error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form"),
                })
                .collect();
        }
        let mut targets = Vec::new();
        for word in first.split(',') {
            let kind = kubectl.kind(word)?;
            if words.len() == 1 {
                targets.push(Self { kind: kind.clone(), name: None });
            }
            let names = words.iter().skip(1);
            targets.extend(names.map(|name| Self { kind: kind.clone(), name: Some(name.clone()) }));
        }
        Ok(targets)
    }

    /// The path of the object, or of all.
    pub(super) fn path(&self, kubectl: &Kubectl) -> Result<String> {
        let everywhere = self.name.is_none() && kubectl.flags.is_on("all-namespaces")?;
        let namespace = (!everywhere).then(|| kubectl.namespace());
        let path = self.kind.path(namespace);
        Ok(match &self.name {
            Some(name) => format!("{path}/{name}"),
            None => path,
        })
    }

    /// `daemonset.apps/kube-proxy`, as messages name it.
    pub(super) fn title(&self, name: &str) -> String {
        title(&self.kind, name)
    }

    /// Gets the object, or all that the selector picks.
    pub(super) fn fetch(&self, kubectl: &Kubectl) -> Result<Vec<Value>> {
        let mut found = match kubectl.client.get(&self.path(kubectl)?) {
            Err(error)
                if error.is_not_found()
                    && self.name.is_some()
                    && kubectl.flags.names().any(|name| name == "ignore-not-found")
                    && kubectl.flags.is_on("ignore-not-found")? =>
            {
                return Ok(Vec::new());
            }
            other => other?,
        };
        if self.name.is_some() {
            return Ok(vec![found]);
        }
        let items = found["items"].take();
        let items = items.as_array().cloned().unwrap_or_default();
        Ok(items.into_iter().filter(|item| selected(item, kubectl.flags.value("selector"))).collect())
    }
}

/// `daemonset.apps/kube-proxy`
pub(super) fn title(kind: &Resource, name: &str) -> String {
    let singular = kind.kind.to_ascii_lowercase();
    if kind.group.is_empty() {
        format!("{singular}/{name}")
    } else {
        format!("{singular}.{}/{name}", kind.group)
    }
}

/// Whether an object's labels fit a selector: `a=b,c!=d,e,!f`.
pub(super) fn selected(object: &Value, selector: Option<&str>) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        if let Some((key, value)) = part.split_once("!=") {
            labels[key] != value
        } else if let Some((key, value)) = part.split_once('=') {
            labels[key] == value.trim_start_matches('=')
        } else if let Some(key) = part.strip_prefix('!') {
            labels.get(key).is_none()
        } else {
            labels.get(part).is_some()
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_picks_by_labels() {
        let object = json!({"metadata": {"labels": {"app": "x", "tier": "web"}}});
        for good in ["app=x", "app==x,tier", "tier!=db", "!other", ""] {
            assert!(selected(&object, Some(good)), "{good}");
        }
        for bad in ["app=y", "!app", "other", "tier!=web"] {
            assert!(!selected(&object, Some(bad)), "{bad}");
        }
    }
}
