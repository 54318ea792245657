//! `fail`: fails with a message.

use clouder_modules::{Arguments, Outcome};
use serde_json::Value;

use super::{Action, Running};
use crate::run::Step;

/// Fails, saying why.
#[derive(Arguments)]
pub struct FailArgs {
    /// Why.
    #[arg(default = "Failed as requested from task")]
    pub msg: Value,
}

/// The `fail` action.
pub struct Fail;

impl Action for Fail {
    type Args = FailArgs;
    const NAME: &'static str = "fail";
    const SUMMARY: &'static str = "Fails with a message";

    fn run<'a>(args: FailArgs, _step: &'a Step<'a>) -> Running<'a> {
        let outcome = Outcome { failed: true, ..Outcome::new(false) }.with("msg", args.msg);
        Box::pin(std::future::ready(Ok(outcome.into())))
    }
}
