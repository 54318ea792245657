//! `pause`: waits for a time, or for someone to answer.

use std::time::{Duration, Instant};

use clouder_modules::{Arguments, Outcome};

use super::{Action, Running};
use crate::run::{Step, StepError};

/// Waits. Once for all hosts: it runs on the controller.
#[derive(Arguments)]
#[arguments(exclusive("minutes", "seconds"))]
pub struct PauseArgs {
    /// Minutes to wait.
    pub minutes: Option<f64>,
    /// Seconds to wait.
    pub seconds: Option<f64>,
    /// What is asked; the answer is `user_input`.
    pub prompt: Option<String>,
    /// Whether what is typed is shown.
    #[arg(default = "true")]
    pub echo: bool,
}

/// The `pause` action.
pub struct Pause;

impl Action for Pause {
    type Args = PauseArgs;
    const NAME: &'static str = "pause";
    const SUMMARY: &'static str = "Waits for a time, or for someone to answer";

    fn run<'a>(args: PauseArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let started = Instant::now();
            let seconds = args.seconds.or(args.minutes.map(|minutes| minutes * 60.0));
            let mut answer = String::new();
            let said = if let Some(seconds) = seconds {
                tokio::time::sleep(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
                    .await;
                if args.minutes.is_some() {
                    format!("Paused for {} minutes", seconds / 60.0)
                } else {
                    format!("Paused for {seconds} seconds")
                }
            } else if let Some(ask) = step.run.options.ask.clone() {
                let question = args
                    .prompt
                    .clone()
                    .unwrap_or_else(|| "Press enter to continue, Ctrl+C to interrupt".to_owned());
                // The terminal is read in a thread of its own, so that other hosts go on.
                let asked = tokio::task::spawn_blocking(move || (ask.0)(&question, !args.echo)).await;
                answer = asked
                    .map_err(|error| StepError::Failed(error.to_string()))?
                    .map_err(|error| StepError::Failed(format!("no answer: {error}")))?;
                format!("Paused for {:.2} minutes", started.elapsed().as_secs_f64() / 60.0)
            } else {
                // Nobody is there to press a key: as Ansible does, go on at once.
                "Not waiting for response to prompt as stdin is not interactive".to_owned()
            };
            let outcome = Outcome::new(false)
                .with("user_input", answer)
                .with("echo", args.echo)
                .with("delta", started.elapsed().as_secs())
                .with("rc", 0)
                .with("stdout", said);
            Ok(outcome.into())
        })
    }
}
