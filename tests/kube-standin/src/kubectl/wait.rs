//! `kubectl wait`

use std::time::{Duration, Instant};

use serde_json::Value;

use super::target::Target;
use super::{Kubectl, jsonpath, say};
use crate::failure::{Failure, Result, refuse};
use crate::resources::identity;

/// How long it waits when nothing is said.
const DEFAULT: Duration = Duration::from_secs(30);

enum Wanted {
    Deletion,
    Condition { kind: String, status: String },
    Field { path: String, value: Option<String> },
}

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    let wanted = Wanted::parse(kubectl.flags.value("for").unwrap_or_default())?;
    let deadline = Instant::now() + kubectl.timeout(DEFAULT)?;
    let mut objects: Vec<(Target, String, String)> = Vec::new();
    for target in Target::all(kubectl, &kubectl.flags.words)? {
        if target.name.is_none() && !kubectl.flags.is_on("all")? && kubectl.flags.value("selector").is_none()
        {
            refuse!("error: resource(s) were provided, but no name was specified");
        }
        let found = target.fetch(kubectl);
        let found = if matches!(wanted, Wanted::Deletion) { found.unwrap_or_default() } else { found? };
        for object in found {
            let (namespace, name) = identity(&object);
            objects.push((
                target.clone(),
                name.to_owned(),
                format!("{}/{name}", target.kind.path(namespace)),
            ));
        }
    }
    if objects.is_empty() {
        if matches!(wanted, Wanted::Deletion) {
            return Ok(());
        }
        refuse!("error: no matching resources found");
    }
    let mut late = Vec::new();
    for (target, name, path) in objects {
        loop {
            let met = match kubectl.client.get(&path) {
                Ok(object) => wanted.is_met(&object)?,
                Err(error) if error.is_not_found() => match wanted {
                    Wanted::Deletion => true,
                    _ => return Err(error.into()),
                },
                // A server that is away for a moment is waited for, too.
                Err(error) if error.status == 0 => false,
                Err(error) => return Err(error.into()),
            };
            if met {
                say(&format!("{} condition met", target.title(&name)))?;
                break;
            }
            if Instant::now() >= deadline {
                late.push(format!(
                    "error: timed out waiting for the condition on {}/{name}",
                    target.kind.plural
                ));
                break;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }
    if late.is_empty() { Ok(()) } else { Err(Failure::new(late.join("\n"))) }
}

impl Wanted {
    fn parse(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("delete") {
            return Ok(Self::Deletion);
        }
        if let Some(condition) = text.strip_prefix("condition=") {
            let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
            return Ok(Self::Condition { kind: kind.to_owned(), status: status.to_owned() });
        }
        if let Some(path) = text.strip_prefix("jsonpath=") {
            let (path, value) = match path.split_once("}=") {
                Some((path, value)) => (path, Some(value.trim_matches(['\'', '"']).to_owned())),
                None => (path.trim_end_matches('}'), None),
            };
            return Ok(Self::Field { path: path.trim_start_matches('{').to_owned(), value });
        }
        refuse!("error: unrecognized condition: {text:?}");
    }

    fn is_met(&self, object: &Value) -> Result<bool> {
        Ok(match self {
            Self::Deletion => false,
            Self::Condition { kind, status } => {
                object["status"]["conditions"].as_array().into_iter().flatten().any(|condition| {
                    let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
                    text("type").eq_ignore_ascii_case(kind) && text("status").eq_ignore_ascii_case(status)
                })
            }
            Self::Field { path, value } => {
                let found = jsonpath::select(path, object)?;
                match value {
                    Some(value) => found
                        .iter()
                        .any(|found| jsonpath::render("{@}", found).is_ok_and(|text| text == *value)),
                    None => !found.is_empty(),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_waited_for_is_understood() {
        let object =
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}});
        for (text, met) in [
            ("condition=Ready", false),
            ("condition=ready=false", true),
            ("jsonpath={.status.phase}=Running", true),
            ("jsonpath={.status.phase}=Pending", false),
            ("jsonpath={.status.nothing}", false),
            ("delete", false),
        ] {
            assert_eq!(Wanted::parse(text).unwrap().is_met(&object).unwrap(), met, "{text}");
        }
        assert!(Wanted::parse("ready").is_err());
    }
}
