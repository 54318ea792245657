//! `shell`: runs a command line in a shell.

use std::path::PathBuf;

use crate::args::Arguments;
use crate::system::execution::{CommandStreams, RunConditions};
use crate::{Context, Module, ModuleError, Outcome};

/// Runs a command line in a shell, with pipes, redirections, variables and all else a shell knows. Prefer `command`
/// where none of that is needed, and the filter `quote` for every variable put into the line.
#[derive(Arguments)]
#[arguments(exclusive("_raw_params", "cmd"), one_of("_raw_params", "cmd"))]
pub struct ShellArgs {
    /// The command line.
    #[arg(name = "_raw_params", free_form)]
    line: Option<String>,
    /// The command line, as a named argument.
    cmd: Option<String>,
    /// The shell, as an absolute path; `/bin/sh` unless given.
    executable: Option<PathBuf>,
    /// Where and whether to run.
    #[arg(flatten)]
    conditions: RunConditions,
    /// Input and output.
    #[arg(flatten)]
    streams: CommandStreams,
}

/// The `shell` module.
pub struct Shell;

impl Module for Shell {
    type Args = ShellArgs;
    const NAME: &'static str = "shell";
    const SUMMARY: &'static str = "Runs a command line in a shell";

    fn run(args: ShellArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let line = args.line.or(args.cmd).unwrap_or_default();
        if line.trim().is_empty() {
            return Err(ModuleError::new("no command given").with("rc", 256));
        }
        let shell = args.executable.unwrap_or_else(|| PathBuf::from("/bin/sh"));
        let command = context.command(shell).arguments(["-c", &line]);
        args.streams.run(command, line.into(), &args.conditions, context)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Shell;
    use crate::modules::testing::{context, run, run_in};

    #[test]
    fn the_line_is_the_shells() {
        let outcome = run::<Shell>(json!({"_raw_params": "echo one | tr o 0; printf x >&2"}), false);
        assert!(outcome.changed && !outcome.failed);
        assert_eq!((&outcome.result["stdout"], &outcome.result["stderr"]), (&json!("0ne"), &json!("x")));
        assert_eq!(outcome.result["cmd"], "echo one | tr o 0; printf x >&2");
        for field in ["start", "end", "delta"] {
            assert!(outcome.result[field].as_str().is_some_and(|text| text.contains(':')), "{field}");
        }
    }

    #[test]
    fn another_shell_can_be_asked_for() {
        let outcome = run::<Shell>(json!({"cmd": "echo $0", "executable": "/bin/bash"}), false);
        assert_eq!(outcome.result["stdout"], "/bin/bash");
    }

    #[test]
    fn the_tasks_environment_is_the_commands() {
        let mut context = context();
        context.environment.insert("GREETING".to_owned(), "hello".to_owned());
        let outcome = run_in::<Shell>(json!({"cmd": "echo $GREETING"}), &mut context);
        assert_eq!(outcome.result["stdout"], "hello");
    }

    #[test]
    fn creates_makes_it_needless_and_check_mode_skips() {
        let needless = run::<Shell>(json!({"cmd": "exit 1", "creates": "/etc/pass*"}), false);
        assert!(!needless.changed && !needless.failed);
        assert!(run::<Shell>(json!({"cmd": "exit 1"}), true).skipped);
        assert!(run::<Shell>(json!({"cmd": " "}), false).failed);
    }
}
