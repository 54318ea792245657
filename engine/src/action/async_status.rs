//! `async_status`: asks for a task in the background.

use clouder_modules::{Arguments, Outcome};

use super::{Action, Running};
use crate::run::{Step, results_file};

/// Asks for a task that was started with `async` and `poll: 0`.
#[derive(Arguments)]
pub struct AsyncStatusArgs {
    /// The id that the task was given.
    pub jid: String,
    /// `status` asks; `cleanup` forgets the task.
    #[arg(default = "status")]
    pub mode: String,
}

/// The `async_status` action.
pub struct AsyncStatus;

impl Action for AsyncStatus {
    type Args = AsyncStatusArgs;
    const NAME: &'static str = "async_status";
    const SUMMARY: &'static str = "Asks for a task in the background";

    fn run<'a>(args: AsyncStatusArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let AsyncStatusArgs { jid, mode } = args;
            let jobs = &step.run.jobs;
            let found = jobs.get(&jid);
            if mode == "cleanup" {
                jobs.forget(&jid);
                let outcome = Outcome::new(false).with("ansible_job_id", jid.as_str());
                return Ok(outcome.with("erased", results_file(&jid)).into());
            }
            let outcome = match found {
                None => Outcome::failed("could not find job").with("started", true).with("finished", true),
                Some(None) => Outcome::new(false).with("started", true).with("finished", false),
                Some(Some(outcome)) => outcome.with("started", true).with("finished", true),
            };
            let outcome = outcome.with("results_file", results_file(&jid));
            Ok(outcome.with("ansible_job_id", jid.as_str()).into())
        })
    }
}
