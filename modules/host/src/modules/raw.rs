//! `raw`: runs a line as it is.

use std::path::PathBuf;

use crate::args::Arguments;
use crate::system::execution::finished_outcome;
use crate::{Context, Module, ModuleError, Outcome};

/// Runs a line as it is in the host's shell; for hosts that are not ready for anything else. Output is kept exactly.
#[derive(Arguments)]
pub struct RawArgs {
    /// The line.
    #[arg(name = "_raw_params", free_form)]
    line: String,
    /// The shell, as an absolute path; `/bin/sh` unless given.
    executable: Option<PathBuf>,
}

/// The `raw` module.
pub struct Raw;

impl Module for Raw {
    type Args = RawArgs;
    const NAME: &'static str = "raw";
    const SUMMARY: &'static str = "Runs a line as it is in the host's shell";

    fn run(args: RawArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if context.check {
            let mut outcome = Outcome::new(false).message("a raw line cannot be foreseen in check mode");
            outcome.skipped = true;
            return Ok(outcome);
        }
        let shell = args.executable.unwrap_or_else(|| PathBuf::from("/bin/sh"));
        let command = context.command(shell).arguments(["-c", &args.line]);
        Ok(finished_outcome(&command.run_watched(&mut |bytes| context.exchange.output(bytes))?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Raw;
    use crate::modules::testing::run;

    #[test]
    fn output_is_exact_and_the_exit_code_counts() {
        let outcome = run::<Raw>(json!({"_raw_params": "printf 'a\\n\\n'"}), false);
        assert!(outcome.changed && !outcome.failed);
        assert_eq!(outcome.result["stdout"], "a\n\n");
        let outcome = run::<Raw>(json!({"_raw_params": "exit 3"}), false);
        assert!(outcome.failed);
        assert_eq!(outcome.result["rc"], 3);
    }

    #[test]
    fn check_mode_runs_nothing() {
        let outcome = run::<Raw>(json!({"_raw_params": "exit 3"}), true);
        assert!(outcome.skipped && !outcome.failed && !outcome.changed);
    }
}
