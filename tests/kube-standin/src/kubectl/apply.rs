//! `kubectl apply --server-side` and `kubectl diff --server-side`.

use std::io::Read as _;

use serde_json::{Value, json};
use similar::TextDiff;

use super::target::title;
use super::{Kubectl, say, warn};
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::resources::{Resource, identity};
use crate::{files, yaml};

/// All objects of all files that `--filename` names, lists taken apart.
pub(super) fn objects(kubectl: &Kubectl) -> Result<Vec<Value>> {
    let names = kubectl.flags.each("filename");
    if names.is_empty() {
        refuse!("error: must specify one of -f and -k");
    }
    let mut found = Vec::new();
    for name in names {
        let text = if name == "-" {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).doing("error: error reading standard input")?;
            text
        } else {
            files::read(name.as_ref()).map_err(|error| error.context("error: the path cannot be read"))?
        };
        for document in yaml::documents(&text).map_err(|error| error.context("error"))? {
            match document["items"].as_array() {
                Some(items) if document["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {
                    found.extend(items.iter().cloned());
                }
                _ => found.push(document),
            }
        }
    }
    if found.is_empty() {
        refuse!("error: no objects passed to apply");
    }
    Ok(found)
}

/// The kind of an object, and the path of it.
pub(super) fn place<'kubectl>(
    kubectl: &'kubectl Kubectl,
    object: &Value,
) -> Result<(&'kubectl Resource, String)> {
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let (api, kind) = (text("apiVersion"), text("kind"));
    if api.is_empty() || kind.is_empty() {
        refuse!("error: error validating data: [apiVersion not set, kind not set]");
    }
    let found = kubectl.kinds.iter().find(|found| found.kind == kind && found.api_version() == api);
    let Some(found) = found else {
        refuse!(
            "error: resource mapping not found for name: {:?} namespace: {:?}: no matches for kind {kind:?} in version {api:?}\nensure CRDs are installed first",
            identity(object).1,
            identity(object).0.unwrap_or_default()
        );
    };
    let (namespace, name) = identity(object);
    if name.is_empty() {
        refuse!("error: error when retrieving current configuration: resource name may not be empty");
    }
    let given = kubectl.flags.value("namespace");
    if let (Some(given), Some(own)) = (given, namespace)
        && found.namespaced
        && given != own
    {
        refuse!(
            "error: the namespace from the provided object {own:?} does not match the namespace {given:?}. You must pass '--namespace={own}' to perform this operation."
        );
    }
    let namespace = namespace.or(given).unwrap_or("default");
    Ok((found, format!("{}/{name}", found.path(Some(namespace)))))
}

fn manager(kubectl: &Kubectl) -> &str {
    kubectl.flags.value("field-manager").unwrap_or("kubectl")
}

fn check_server_side(kubectl: &Kubectl) -> Result<()> {
    if kubectl.flags.is_on("server-side")? {
        return Ok(());
    }
    refuse!("error: the stand-in applies on the server's side only: --server-side");
}

/// `kubectl apply`
pub(super) fn apply(kubectl: &Kubectl) -> Result<()> {
    check_server_side(kubectl)?;
    let dry = matches!(kubectl.flags.value("dry-run"), Some("server"));
    let force = kubectl.flags.is_on("force-conflicts")?;
    let mut failed = Vec::new();
    for object in objects(kubectl)? {
        let applied = kubectl.kind_again(&object).and_then(|(kind, path)| {
            let applied = kubectl.client.apply(&path, &object, manager(kubectl), force, dry)?;
            let name = identity(&applied).1;
            say(&format!(
                "{} serverside-applied{}",
                title(&kind, name),
                if dry { " (server dry run)" } else { "" }
            ))
        });
        if let Err(failure) = applied {
            failed.push(failure.message);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\n"))) }
}

impl Kubectl {
    /// As [`place`], asking anew for kinds that an earlier object may have defined.
    fn kind_again(&self, object: &Value) -> Result<(Resource, String)> {
        match place(self, object) {
            Ok((kind, path)) => Ok((kind.clone(), path)),
            Err(_) => {
                let fresh = Self {
                    client: self.client.clone(),
                    flags: self.flags.clone(),
                    kinds: super::kinds(&self.client)?,
                };
                let (kind, path) = place(&fresh, object)?;
                Ok((kind.clone(), path))
            }
        }
    }
}

/// `kubectl diff`: exit code 1 says that there are differences, a higher one that something went wrong.
pub(super) fn diff(kubectl: &Kubectl) -> Result<()> {
    check_server_side(kubectl)?;
    let wrong = |failure: Failure| failure.with_code(2);
    let mut differs = false;
    for object in objects(kubectl).map_err(wrong)? {
        let (kind, path) = place(kubectl, &object).map_err(wrong)?;
        let live = match kubectl.client.get(&path) {
            Ok(live) => Some(live),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(wrong(error.into())),
        };
        let merged = kubectl
            .client
            .apply(&path, &object, manager(kubectl), true, true)
            .map_err(|error| wrong(error.into()))?;
        if live.as_ref().is_some_and(|live| shown(live) == shown(&merged)) {
            continue;
        }
        differs = true;
        let name = format!("{}.{}", path.trim_start_matches('/').replace('/', "."), kind.kind);
        let (before, after) = masked(live.as_ref(), &merged);
        let before = before.map(|before| yaml::write(&before)).transpose()?.unwrap_or_default();
        let after = yaml::write(&after)?;
        say(&format!("diff -u -N LIVE/{name} MERGED/{name}"))?;
        let diff = TextDiff::from_lines(&before, &after);
        say(diff
            .unified_diff()
            .header(&format!("LIVE/{name}"), &format!("MERGED/{name}"))
            .to_string()
            .trim_end())?;
    }
    // Nothing to say, but the exit code.
    if differs { Err(Failure::new("exit status 1")) } else { Ok(()) }
}

/// What matters of an object: all but what the server counts.
fn shown(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["resourceVersion", "managedFields", "generation", "uid", "creationTimestamp"] {
            metadata.remove(key);
        }
    }
    object
}

/// Secrets are never shown: only whether a value changed.
fn masked(live: Option<&Value>, merged: &Value) -> (Option<Value>, Value) {
    let (mut before, mut after) = (live.map(shown), shown(merged));
    if merged["kind"] == "Secret" {
        let names: Vec<String> = [&before.clone().unwrap_or_default(), &after]
            .iter()
            .flat_map(|object| {
                object["data"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone())
                    .collect::<Vec<_>>()
            })
            .collect();
        for name in names {
            let old = before.as_ref().map(|before| before["data"][&name].clone()).unwrap_or_default();
            let new = after["data"][&name].clone();
            let same = old == new;
            if let Some(before) = before.as_mut().filter(|_| !old.is_null()) {
                before["data"][&name] = json!(if same { "***" } else { "*** (before)" });
            }
            if !new.is_null() {
                after["data"][&name] = json!(if same { "***" } else { "*** (after)" });
            }
        }
    }
    (before, after)
}

/// Says that something was left out.
pub(super) fn note(text: &str) {
    warn(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_secrets_shows_no_value() {
        let live = json!({"kind": "Secret", "metadata": {"name": "x", "resourceVersion": "3"}, "data": {"a": "b2xk", "same": "c2FtZQ=="}});
        let merged = json!({"kind": "Secret", "metadata": {"name": "x", "resourceVersion": "4"}, "data": {"a": "bmV3", "same": "c2FtZQ=="}});
        let (before, after) = masked(Some(&live), &merged);
        assert_eq!(before.unwrap()["data"], json!({"a": "*** (before)", "same": "***"}));
        assert_eq!(after["data"], json!({"a": "*** (after)", "same": "***"}));
        assert_ne!(shown(&live), shown(&merged));
    }
}
