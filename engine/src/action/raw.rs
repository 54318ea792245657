//! `raw`: runs a command over the connection alone, without an agent on the host.

use clouder_modules::{Arguments, Outcome};

use super::{Action, Running};
use crate::run::Step;

/// Runs a command as the login shell understands it, with nothing needed on the host.
#[derive(Arguments)]
pub struct RawArgs {
    /// The command line.
    #[arg(name = "_raw_params", free_form)]
    pub line: String,
    /// The shell that runs it.
    pub executable: Option<String>,
}

/// The `raw` action.
pub struct Raw;

impl Action for Raw {
    type Args = RawArgs;
    const NAME: &'static str = "raw";
    const SUMMARY: &'static str = "Runs a command over the connection alone";

    fn run<'a>(args: RawArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            if step.settings.check {
                let outcome = Outcome { skipped: true, ..Outcome::new(false) };
                return Ok(outcome.into());
            }
            let line = match &args.executable {
                Some(shell) => format!("{shell} -c {}", quote(&args.line)),
                None => args.line.clone(),
            };
            let environment = step.settings.environment.iter();
            let prefix: String =
                environment.map(|(name, value)| format!("{name}={} ", quote(value))).collect();
            let finished = step.run.connections.execute(&step.target, &format!("{prefix}{line}")).await?;
            let mut outcome = Outcome::new(true)
                .with("rc", finished.code)
                .with("stdout", String::from_utf8_lossy(&finished.stdout).into_owned())
                .with("stderr", String::from_utf8_lossy(&finished.stderr).into_owned());
            if finished.code != 0 {
                outcome.failed = true;
                outcome.msg = Some("non-zero return code".to_owned());
            }
            Ok(outcome.into())
        })
    }
}

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
