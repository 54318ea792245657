//! `kubectl rollout status`

use std::time::{Duration, Instant};

use serde_json::Value;

use super::target::Target;
use super::{Kubectl, say};
use crate::failure::{Result, refuse};

/// How long it waits when nothing is said.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

pub(super) fn run(kubectl: &Kubectl) -> Result<()> {
    let Some(("status", words)) =
        kubectl.flags.words.split_first().map(|(first, rest)| (first.as_str(), rest))
    else {
        refuse!("error: the stand-in knows only rollout status");
    };
    let deadline = Instant::now() + kubectl.timeout(FOREVER)?;
    for target in Target::all(kubectl, words)? {
        let Some(name) = &target.name else { refuse!("error: required resource not specified") };
        loop {
            let object = kubectl.client.get(&target.path(kubectl)?)?;
            let kind = target.kind.kind.to_ascii_lowercase();
            let (have, want) = progress(&object, &kind)?;
            if have >= want && object["status"]["observedGeneration"] == object["metadata"]["generation"] {
                say(&format!("{kind} {name:?} successfully rolled out"))?;
                break;
            }
            if Instant::now() >= deadline {
                refuse!(
                    "error: timed out waiting for the condition: {have} of {want} pods of {kind} {name:?} are available"
                );
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }
    Ok(())
}

/// How many pods are available, and how many should be.
fn progress(object: &Value, kind: &str) -> Result<(u64, u64)> {
    let number = |value: &Value, default: u64| value.as_u64().unwrap_or(default);
    let status = &object["status"];
    match kind {
        "daemonset" => {
            Ok((number(&status["numberAvailable"], 0), number(&status["desiredNumberScheduled"], 0)))
        }
        "deployment" => Ok((number(&status["availableReplicas"], 0), number(&object["spec"]["replicas"], 1))),
        other => refuse!("error: no status viewer has been implemented for {other}"),
    }
}
