//! `assemble`: the controller's side, for pieces that the controller has.

use std::path::Path;
use std::sync::Arc;

use clouder_modules::modules::assemble::assembled;
use clouder_modules::system::regex::{Options, Pattern};
use serde_json::Value;

use super::copy::{Forwarded, base_name, truthy};
use super::local_file::{bytes, content, decrypts, describe};
use super::{Action, LocalFile, Payload, Running};
use crate::run::{Step, StepError};

/// The `assemble` action.
pub struct Assemble;

impl Action for Assemble {
    type Args = Forwarded<4>;
    const NAME: &'static str = "assemble";
    const SUMMARY: &'static str = "Makes a file from the pieces in a folder";

    fn run<'a>(args: Forwarded<4>, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut arguments = args.into_inner();
            if arguments.get("remote_src").is_none_or(truthy) {
                return Ok(step.module("assemble", arguments, None, None).await?.into());
            }
            let decrypt = decrypts(&arguments);
            let mut take = |name: &str| arguments.remove(name);
            let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
            let name = text(take("src")).unwrap_or_default();
            let (delimiter, regexp) = (text(take("delimiter")), text(take("regexp")));
            let ignore_hidden = take("ignore_hidden").is_some_and(|value| truthy(&value));
            for own in ["remote_src", "decrypt"] {
                take(own);
            }
            let failed = |error: clouder_modules::ModuleError| StepError::Failed(error.to_string());
            let regexp = regexp.map(|source| Pattern::new(&source, Options::default()));
            let regexp = regexp.transpose().map_err(failed)?;
            let folder = step.local_path("files", name.trim_end_matches('/'))?;
            if !folder.is_dir() {
                return Err(StepError::Failed(format!("Source ({}) is not a directory", folder.display())));
            }
            let files = step.run.loader.files();
            let read = |path: &Path| bytes(&content(files, path, decrypt)?);
            let whole = assembled(&folder, delimiter.as_deref(), regexp.as_ref(), ignore_hidden, &read);
            let mut payload = Payload::default();
            let (hash, size) = payload
                .add(LocalFile::Bytes(whole.map_err(failed)?.into()), &step.run.digests)
                .map_err(|error| StepError::Failed(error.to_string()))?;
            describe(&mut arguments, &hash, size, &base_name(&name));
            arguments.insert("src".to_owned(), folder.display().to_string().into());
            // What is left of the arguments says the same to `copy`.
            Ok(step.module("copy", arguments, Some(Arc::new(payload)), None).await?.into())
        })
    }
}
