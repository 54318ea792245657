//! `copy`: the controller's side. What the host does is in the module of the same name.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use clouder_modules::Arguments;
use clouder_modules::args::{ArgumentError, ArgumentSource, Schema};
use serde_json::{Map, Value};

use super::local_file::{decrypts, describe, tree};
use super::{Action, Payload, Running};
use crate::run::{Step, StepError};

/// The arguments of a module of the host, which checks them itself.
pub struct Forwarded<const MODULE: usize>(Map<String, Value>);

/// The modules whose arguments are forwarded.
const MODULES: [&str; 5] = ["copy", "fetch", "script", "unarchive", "assemble"];

impl<const MODULE: usize> Forwarded<MODULE> {
    /// All arguments.
    pub fn into_inner(self) -> Map<String, Value> {
        self.0
    }
}

impl<const MODULE: usize> Arguments for Forwarded<MODULE> {
    fn schema() -> &'static Schema {
        static NOTHING: Schema = Schema { doc: "", parameters: &[], groups: &[], constraints: &[] };
        clouder_modules::find(MODULES[MODULE]).map_or(&NOTHING, |entry| (entry.schema)())
    }

    fn take(source: &mut ArgumentSource) -> Result<Self, ArgumentError> {
        Ok(Self(source.take_all()))
    }
}

/// The `copy` action.
pub struct Copy;

impl Action for Copy {
    type Args = Forwarded<0>;
    const NAME: &'static str = "copy";
    const SUMMARY: &'static str = "Copies files to hosts";

    fn run<'a>(args: Forwarded<0>, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut arguments = args.into_inner();
            let is_remote = arguments.get("remote_src").is_some_and(truthy);
            let source = arguments.get("src").and_then(Value::as_str).map(str::to_owned);
            let Some(name) = source.filter(|_| !is_remote) else {
                return Ok(step.module("copy", arguments, None, None).await?.into());
            };
            let mut payload = Payload::default();
            let failed = |error: std::io::Error| StepError::Failed(format!("cannot read {name}: {error}"));
            let path = step.local_path("files", name.trim_end_matches('/'))?;
            let files = step.run.loader.files();
            let decrypt = decrypts(&arguments);
            if files.is_folder(&path) {
                let entries = tree(files, &path, decrypt, &mut payload, &step.run.digests).map_err(failed)?;
                arguments.insert("_tree".to_owned(), entries.into());
                // As rsync: a slash at the end means what is inside.
                let base = if name.ends_with('/') { String::new() } else { base_name(&name) };
                arguments.insert("_name".to_owned(), base.into());
            } else {
                let mode =
                    std::fs::metadata(&path).map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777);
                let (hash, size) =
                    payload.add(step.open_local(&path, decrypt)?, &step.run.digests).map_err(failed)?;
                describe(&mut arguments, &hash, size, &base_name(&name));
                arguments.insert("_mode".to_owned(), format!("{mode:04o}").into());
            }
            arguments.insert("src".to_owned(), path.display().to_string().into());
            Ok(step.module("copy", arguments, Some(Arc::new(payload)), None).await?.into())
        })
    }
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> String {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

/// Whether a value means yes.
pub(super) fn truthy(value: &Value) -> bool {
    <bool as clouder_modules::args::FromArgument>::from_argument(value).unwrap_or(false)
}
