//! `fetch`: takes a file from the host.

use std::path::{Path, PathBuf};

use clouder_modules::Outcome;
use clouder_modules::system::checksum::Algorithm;
use serde_json::Value;

use super::copy::{Forwarded, base_name, truthy};
use super::{Action, Running};
use crate::run::{Step, StepError};

/// The `fetch` action.
pub struct Fetch;

impl Action for Fetch {
    type Args = Forwarded<1>;
    const NAME: &'static str = "fetch";
    const SUMMARY: &'static str = "Takes files from hosts";

    fn run<'a>(args: Forwarded<1>, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut arguments = args.into_inner();
            let text =
                |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (source, dest) = (text("src"), text("dest"));
            let flat = arguments.get("flat").is_some_and(truthy);
            let target = target(step, &source, &dest, flat);
            if target.is_dir() {
                return Err(StepError::Failed(format!(
                    "dest is an existing directory, use a trailing slash if you want to fetch src into that directory: {}",
                    target.display()
                )));
            }
            if let Ok(hash) = Algorithm::Sha256.of_file(&target) {
                arguments.insert("_sha256".to_owned(), hash.into());
            }
            let folder = target.parent().unwrap_or(Path::new(".")).to_owned();
            let failed = |error: std::io::Error| {
                StepError::Failed(format!("cannot write {}: {error}", target.display()))
            };
            let check = step.settings.check;
            let mut written = None;
            if !check {
                std::fs::create_dir_all(&folder).map_err(failed)?;
                // Private until it is in place: it may be a key.
                written = Some(tempfile::NamedTempFile::new_in(&folder).map_err(failed)?);
            }
            let give_to = written.as_ref().map(|file| file.path().to_owned());
            let outcome: Outcome = step.module("fetch", arguments, None, give_to).await?;
            if let (true, false, Some(file)) = (outcome.changed, outcome.failed, written) {
                file.as_file().sync_all().map_err(failed)?;
                file.persist(&target).map_err(|error| failed(error.error))?;
            }
            Ok(outcome.with("dest", target.display().to_string()).into())
        })
    }
}

/// Where a fetched file goes: `dest/HOST/src`, or `dest` itself when flat.
fn target(step: &Step<'_>, source: &str, dest: &str, flat: bool) -> PathBuf {
    let host = step.settings.delegate_to.as_deref().unwrap_or(&step.variables.host.name);
    let dest_path = match dest.strip_prefix("~/") {
        Some(rest) => Path::new(&std::env::var("HOME").unwrap_or_default()).join(rest),
        None => step.variables.shared.playbook_folder.join(dest),
    };
    match (flat, dest.ends_with('/')) {
        (true, true) => dest_path.join(base_name(source)),
        (true, false) => dest_path,
        (false, _) => dest_path.join(host).join(source.trim_start_matches('/')),
    }
}
