//! `kubectl get`

use serde_json::{Value, json};

use super::target::Target;
use super::{Kubectl, jsonpath, say, table, warn};
use crate::failure::{Failure, Result, refuse};
use crate::http::Request;
use crate::yaml;

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    if let Some(path) = kubectl.flags.value("raw") {
        return raw(kubectl, path);
    }
    let targets = Target::all(kubectl, &kubectl.flags.words)?;
    let single = targets.len() == 1 && targets.iter().all(|target| target.name.is_some());
    let mut found: Vec<(Target, Value)> = Vec::new();
    for target in targets {
        let objects = target.fetch(kubectl)?;
        found.extend(objects.into_iter().map(|object| (target.clone(), object)));
    }
    let output = kubectl.flags.value("output").unwrap_or_default();
    let whole = || match found.first() {
        Some((_, object)) if single => object.clone(),
        _ => {
            json!({"apiVersion": "v1", "kind": "List", "items": found.iter().map(|(_, object)| object.clone()).collect::<Vec<_>>(), "metadata": {"resourceVersion": ""}})
        }
    };
    match output {
        "json" if single && found.is_empty() => Ok(()),
        "yaml" if single && found.is_empty() => Ok(()),
        "json" => say(&serde_json::to_string_pretty(&whole()).unwrap_or_default()),
        "yaml" => say(yaml::write(&whole())?.trim_end()),
        "name" => found.iter().try_for_each(|(target, object)| {
            say(&target.title(object["metadata"]["name"].as_str().unwrap_or_default()))
        }),
        "" | "wide" if found.is_empty() => {
            if !single {
                let namespaced = kubectl.flags.value("namespace").is_some();
                warn(&if namespaced {
                    format!("No resources found in {} namespace.", kubectl.namespace())
                } else {
                    "No resources found".to_owned()
                });
            }
            Ok(())
        }
        "" | "wide" => {
            let everywhere = kubectl.flags.is_on("all-namespaces")?;
            let headers = !kubectl.flags.is_on("no-headers")?;
            say(table::format(&found, output == "wide", everywhere, headers).trim_end())
        }
        other => match other.strip_prefix("jsonpath=") {
            Some(template) => say_raw(&jsonpath::render(template, &whole())?),
            None => refuse!("error: unable to match a printer suitable for the output format {other:?}"),
        },
    }
}

/// Prints without a line's end, as templates are.
fn say_raw(text: &str) -> Result<()> {
    use std::io::Write as _;
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::new(error.to_string()))
}

fn raw(kubectl: &Kubectl, path: &str) -> Result<()> {
    let response = kubectl.client.send(Request {
        method: "GET".to_owned(),
        target: path.to_owned(),
        ..Request::default()
    })?;
    let text = String::from_utf8_lossy(&response.body).into_owned();
    if response.status < 300 {
        return say(&text);
    }
    let status: Value = serde_json::from_str(&text).unwrap_or_default();
    refuse!(
        "Error from server ({}): {}",
        status["reason"].as_str().unwrap_or("Unknown"),
        status["message"].as_str().unwrap_or(&text)
    );
}
