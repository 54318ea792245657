//! `script`: runs a script of the controller on the host.

use std::sync::Arc;

use serde_json::Value;

use super::copy::{Forwarded, base_name};
use super::local_file::decrypts;

use super::{Action, Payload, Running};
use crate::run::{Step, StepError};

/// The `script` action.
pub struct Script;

impl Action for Script {
    type Args = Forwarded<2>;
    const NAME: &'static str = "script";
    const SUMMARY: &'static str = "Runs a script of the controller on hosts";

    fn run<'a>(args: Forwarded<2>, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut arguments = args.into_inner();
            let line = ["_raw_params", "cmd"]
                .iter()
                .find_map(|name| arguments.get(*name))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let words = crate::playbook::split_words(&line)
                .map_err(|error| StepError::Failed(format!("`{line}`: {error}")))?;
            let name = words
                .first()
                .ok_or_else(|| StepError::Failed("script needs the name of a script".to_owned()))?;
            let file = step.open_local(&step.local_path("files", name)?, decrypts(&arguments))?;
            let mut payload = Payload::default();
            let (hash, _) = payload
                .add(file, &step.run.digests)
                .map_err(|error| StepError::Failed(format!("cannot read {name}: {error}")))?;
            arguments.insert("_sha256".to_owned(), hash.into());
            arguments.insert("_name".to_owned(), base_name(name).into());
            Ok(step.module("script", arguments, Some(Arc::new(payload)), None).await?.into())
        })
    }
}
