//! `command`: runs a program without a shell.

use std::path::PathBuf;

use crate::args::Arguments;
use crate::{Context, Module, ModuleError, Outcome};

/// Runs a program.
#[derive(Arguments)]
pub struct CommandArgs {
    /// The command line.
    #[arg(name = "_raw_params", free_form)]
    line: Option<String>,
    /// Folder to run it in.
    chdir: Option<PathBuf>,
}

/// The `command` module.
pub struct Command;

impl Module for Command {
    type Args = CommandArgs;
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "Runs a program without a shell";

    fn run(args: CommandArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let line = args.line.unwrap_or_default();
        let mut command = context.command("/bin/sh").argument("-c").argument(line);
        if let Some(folder) = args.chdir {
            command = command.folder(folder);
        }
        let finished = command.run()?;
        Ok(Outcome::new(true).with("rc", finished.code()).with("stdout", finished.out()))
    }
}
