//! `unarchive`: the controller's side.

use std::sync::Arc;

use serde_json::Value;

use super::copy::{Forwarded, base_name, truthy};
use super::local_file::{decrypts, describe};
use super::{Action, Payload, Running};
use crate::run::{Step, StepError};

/// The `unarchive` action.
pub struct Unarchive;

impl Action for Unarchive {
    type Args = Forwarded<3>;
    const NAME: &'static str = "unarchive";
    const SUMMARY: &'static str = "Unpacks an archive on hosts";

    fn run<'a>(args: Forwarded<3>, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut arguments = args.into_inner();
            let is_remote = arguments.get("remote_src").is_some_and(truthy)
                || arguments.get("copy").is_some_and(|copy| !truthy(copy));
            let source = arguments.get("src").and_then(Value::as_str).unwrap_or_default().to_owned();
            if is_remote || source.contains("://") {
                return Ok(step.module("unarchive", arguments, None, None).await?.into());
            }
            let file = step.open_local(&step.local_path("files", &source)?, decrypts(&arguments))?;
            let mut payload = Payload::default();
            let (hash, size) = payload
                .add(file, &step.run.digests)
                .map_err(|error| StepError::Failed(format!("cannot read {source}: {error}")))?;
            describe(&mut arguments, &hash, size, &base_name(&source));
            Ok(step.module("unarchive", arguments, Some(Arc::new(payload)), None).await?.into())
        })
    }
}
