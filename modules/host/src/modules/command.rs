//! `command`: runs a program without a shell.

use crate::args::Arguments;
use crate::system::execution::{CommandStreams, RunConditions};
use crate::system::{expand, words};
use crate::{Context, Module, ModuleError, Outcome};

/// Runs a program with arguments, without a shell between: no pipes, redirections or patterns, and nothing in an
/// argument can be taken for a command. Always counts as a change unless `creates` or `removes` say it is needless, or
/// the task's `changed_when` does.
#[derive(Arguments)]
#[arguments(exclusive("_raw_params", "cmd", "argv"), one_of("_raw_params", "cmd", "argv"))]
pub struct CommandArgs {
    /// The command line, split into words by a shell's quoting rules.
    #[arg(name = "_raw_params", free_form)]
    line: Option<String>,
    /// The command line, as a named argument.
    cmd: Option<String>,
    /// The program and its arguments as a list; nothing needs quoting then.
    argv: Option<Vec<String>>,
    /// Replace `$NAME`, `${NAME}` and a leading `~` in the words.
    #[arg(default = "true")]
    expand_argument_vars: bool,
    /// Where and whether to run.
    #[arg(flatten)]
    conditions: RunConditions,
    /// Input and output.
    #[arg(flatten)]
    streams: CommandStreams,
}

/// The `command` module.
pub struct Command;

impl Module for Command {
    type Args = CommandArgs;
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "Runs a program without a shell";

    fn run(args: CommandArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let given = match (args.argv, args.line.or(args.cmd)) {
            (Some(argv), _) => argv,
            (None, line) => {
                let line = line.unwrap_or_default();
                words::split(&line).map_err(|reason| {
                    ModuleError::new(format!("cannot split `{line}` into words: {reason}"))
                })?
            }
        };
        let variable =
            |name: &str| context.environment.get(name).cloned().or_else(|| expand::process_variable(name));
        let expanded: Vec<String> = match args.expand_argument_vars {
            true => given.iter().map(|word| expand::expand(word, &variable)).collect(),
            false => given.clone(),
        };
        let Some((program, arguments)) = expanded.split_first() else {
            return Err(ModuleError::new("no command given").with("rc", 256));
        };
        let command = context.command(program).arguments(arguments);
        args.streams.run(command, given.into(), &args.conditions, context)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Command;
    use crate::modules::testing::run;

    fn stdout(arguments: Value) -> Value {
        let outcome = run::<Command>(arguments, false);
        assert!(!outcome.failed && outcome.changed, "{outcome:?}");
        outcome.result["stdout"].clone()
    }

    #[test]
    fn words_reach_the_program_as_they_are() {
        assert_eq!(stdout(json!({"_raw_params": "echo 'a  b' * | cat"})), "a  b * | cat");
        assert_eq!(stdout(json!({"argv": ["echo", "a  b", "'"]})), "a  b '");
        assert_eq!(stdout(json!({"cmd": "echo $HOME", "expand_argument_vars": false})), "$HOME");
        assert_ne!(stdout(json!({"cmd": "echo $HOME"})), "$HOME");
    }

    #[test]
    fn input_and_output_are_as_asked() {
        assert_eq!(stdout(json!({"cmd": "od -c -An", "stdin": "a"})), "   a  \\n");
        assert_eq!(stdout(json!({"cmd": "od -c -An", "stdin": "a", "stdin_add_newline": false})), "   a");
        assert_eq!(stdout(json!({"argv": ["printf", "\n a\r\n\n"]})), "\n a");
        assert_eq!(stdout(json!({"argv": ["printf", "a\n\n"], "strip_empty_ends": false})), "a\n\n");
        assert_eq!(stdout(json!({"cmd": "pwd", "chdir": "/"})), "/");
    }

    #[test]
    fn a_failing_program_fails_the_task_with_its_output() {
        let outcome = run::<Command>(json!({"argv": ["sh", "-c", "echo out; echo err >&2; exit 7"]}), false);
        assert!(outcome.failed && outcome.changed);
        assert_eq!(outcome.msg.as_deref(), Some("non-zero return code"));
        assert_eq!((&outcome.result["rc"], &outcome.result["stdout"]), (&json!(7), &json!("out")));
        assert_eq!(outcome.result["stderr"], "err");
        let outcome = run::<Command>(json!({"cmd": "no-such-program x"}), false);
        assert!(outcome.failed && !outcome.changed);
        assert_eq!(outcome.result["rc"], 2);
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for arguments in [
            json!({}),
            json!({"cmd": "true", "argv": ["true"]}),
            json!({"cmd": "echo 'a"}),
            json!({"cmd": ""}),
            json!({"cmd": "true", "chdir": "/no/such"}),
        ] {
            assert!(run::<Command>(arguments.clone(), false).failed, "{arguments}");
        }
    }

    #[test]
    fn creates_and_removes_decide_also_in_check_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made-here");
        let arguments = json!({
            "argv": ["touch", "made-here"], "chdir": folder.path(), "creates": "made-*",
        });
        let check = run::<Command>(arguments.clone(), true);
        assert!(check.changed && !check.skipped && !file.exists());
        assert!(run::<Command>(arguments.clone(), false).changed && file.exists());
        let again = run::<Command>(arguments.clone(), false);
        assert!(!again.changed && !again.failed);
        assert_eq!(again.result["stdout"], "skipped, since made-* exists");
        assert!(!run::<Command>(arguments, true).changed);
        let removal = json!({"argv": ["rm", file], "removes": file});
        assert!(run::<Command>(removal.clone(), false).changed && !file.exists());
        assert!(!run::<Command>(removal, false).changed);
    }

    #[test]
    fn check_mode_skips_what_it_cannot_foresee() {
        let outcome = run::<Command>(json!({"cmd": "true"}), true);
        assert!(outcome.skipped && !outcome.changed && !outcome.failed);
    }
}
