//! `script`: runs a script that the controller has.
//!
//! The controller finds the script and tells it by `_sha256`; `_name` is the file's name. What the user wrote stays
//! in `_raw_params` or `cmd`, whose first word is the script's path there and the rest its arguments.

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::execution::{Needless, RunConditions, finished_outcome};
use crate::system::words;
use crate::{Context, Module, ModuleError, Outcome};

/// Brings a script of the controller to the host, runs it there and takes it away again. The script needs no execute
/// permission; without `executable` its first line (`#!`) says what runs it.
#[derive(Arguments)]
#[arguments(exclusive("_raw_params", "cmd"), one_of("_raw_params", "cmd"))]
pub struct ScriptArgs {
    /// Path of the script on the controller, and its arguments, which the host's shell reads.
    #[arg(name = "_raw_params", free_form)]
    line: Option<String>,
    /// The same, as a named argument.
    cmd: Option<String>,
    /// Program that runs the script, with arguments of its own if need be.
    executable: Option<String>,
    /// Decrypt the script when it is a vault file; the controller does.
    #[arg(default = "true")]
    #[expect(dead_code, reason = "the controller reads it")]
    decrypt: bool,
    /// Where and whether to run.
    #[arg(flatten)]
    conditions: RunConditions,
    /// Hash of the script's content.
    #[arg(name = "_sha256")]
    sha256: Option<String>,
    /// Name of the script's file.
    #[arg(name = "_name")]
    name: Option<String>,
}

/// The `script` module.
pub struct Script;

impl Module for Script {
    type Args = ScriptArgs;
    const NAME: &'static str = "script";
    const SUMMARY: &'static str = "Runs a script of the controller on the host";

    fn run(args: ScriptArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let mut skipped = Outcome::new(false);
        skipped.skipped = true;
        match args.conditions.needless() {
            Some(Needless::Exists(path)) => {
                return Ok(skipped.message(format!("{} exists, matching creates option", path.display())));
            }
            Some(Needless::Absent(path)) => {
                let reason = format!("{} does not exist, matching removes option", path.display());
                return Ok(skipped.message(reason));
            }
            None if context.check && args.conditions.decide() => return Ok(Outcome::new(true)),
            None if context.check => {
                return Ok(skipped.message("a script cannot be foreseen in check mode"));
            }
            None => {}
        }
        let sha256 =
            args.sha256.as_deref().ok_or_else(|| ModuleError::new("the controller sent no script"))?;
        let blob = context.exchange.blob(sha256)?;
        let folder = tempfile::Builder::new()
            .prefix("script-")
            .tempdir_in(&context.scratch)
            .doing(|| format!("cannot write in {}", context.scratch.display()))?;
        let name = args.name.as_deref().map(Path::new).and_then(Path::file_name).unwrap_or("script".as_ref());
        let script = folder.path().join(name);
        put(&blob, &script).doing(|| format!("cannot write {}", script.display()))?;
        let given = args.line.or(args.cmd).unwrap_or_default();
        let mut line = words::quote(&script.to_string_lossy());
        if let Some(executable) = &args.executable {
            line = format!("{executable} {line}");
        }
        line.push_str(after_first_word(&given));
        let command = args.conditions.place(context.command("/bin/sh").argument("-c").argument(line))?;
        Ok(finished_outcome(&command.run_watched(&mut |bytes| context.exchange.output(bytes))?))
    }
}

/// Writes the script where it can be executed by this user alone. Lines that end as in DOS would make the kernel look
/// for an interpreter with a carriage return in its name.
fn put(blob: &PathBuf, script: &Path) -> std::io::Result<()> {
    let mut content = Vec::new();
    fs::File::open(blob)?.read_to_end(&mut content)?;
    if content.starts_with(b"#!")
        && let Some(end) = content.iter().position(|byte| *byte == b'\n')
        && content[end - 1] == b'\r'
    {
        content.remove(end - 1);
    }
    fs::write(script, content)?;
    fs::set_permissions(script, Permissions::from_mode(0o700))
}

/// What follows the script's path in the line, quotes and all.
fn after_first_word(line: &str) -> &str {
    let line = line.trim_start();
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, space) if space.is_whitespace() => return &line[at..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Script, after_first_word};
    use crate::Outcome;
    use crate::modules::testing::{context_with, run, run_in};

    fn run_script(script: &str, arguments: &Value) -> Outcome {
        let (mut context, sha256) = context_with(script.as_bytes());
        let mut arguments = arguments.clone();
        arguments["_sha256"] = sha256.into();
        arguments["_name"] = "hello.sh".into();
        run_in::<Script>(arguments, &mut context)
    }

    #[test]
    fn the_script_gets_its_arguments_through_the_shell() {
        let script = "#!/bin/sh\nfor word in \"$@\"; do echo \"[$word]\"; done; basename $0";
        let outcome = run_script(script, &json!({"_raw_params": "'files/my hello.sh' 'a b' $((1 + 1))"}));
        assert!(outcome.changed && !outcome.failed, "{outcome:?}");
        assert_eq!(outcome.result["stdout"], "[a b]\n[2]\nhello.sh\n");
    }

    #[test]
    fn another_program_and_folder_can_run_it() {
        let arguments = json!({"cmd": "x.sh", "executable": "/bin/sh -e", "chdir": "/"});
        let outcome = run_script("pwd; false; echo not here", &arguments);
        assert!(outcome.failed && outcome.changed);
        assert_eq!((&outcome.result["rc"], &outcome.result["stdout"]), (&json!(1), &json!("/\n")));
    }

    #[test]
    fn lines_ended_as_in_dos_are_no_obstacle() {
        let outcome = run_script("#!/bin/sh\r\necho hi\n", &json!({"cmd": "x.sh"}));
        assert_eq!(outcome.result["stdout"], "hi\n");
    }

    #[test]
    fn it_is_skipped_when_needless_or_unforeseeable() {
        for (arguments, check) in [
            (json!({"cmd": "x", "creates": "/etc/passwd"}), false),
            (json!({"cmd": "x", "removes": "/no/such"}), false),
            (json!({"cmd": "x"}), true),
        ] {
            let outcome = run::<Script>(arguments, check);
            assert!(outcome.skipped && !outcome.changed && !outcome.failed, "{outcome:?}");
        }
        let foreseen = run::<Script>(json!({"cmd": "x", "creates": "/no/such"}), true);
        assert!(foreseen.changed && !foreseen.skipped);
    }

    #[test]
    fn the_rest_of_the_line_is_found() {
        assert_eq!(after_first_word("a.sh 'b c' d"), " 'b c' d");
        assert_eq!(after_first_word(" 'a b'.sh c"), " c");
        assert_eq!(after_first_word(r"a\ b c"), " c");
        assert_eq!(after_first_word("a"), "");
    }
}
