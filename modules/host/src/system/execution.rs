//! What the modules that run a task's own commands share: whether to run at all, and what is told of a run.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::command::{Command, Finished};
use super::{clock, glob};
use crate::args::Arguments;
use crate::{Context, ModuleError, Outcome};

/// Where a command runs, and what makes it needless.
#[derive(Arguments, Clone, Debug, Default)]
pub struct RunConditions {
    /// Folder to run in.
    pub chdir: Option<PathBuf>,
    /// A path or shell pattern: when something is there already, the command is not run.
    pub creates: Option<PathBuf>,
    /// A path or shell pattern: when nothing is there, the command is not run.
    pub removes: Option<PathBuf>,
}

/// Why a command need not run.
pub enum Needless<'a> {
    /// What it creates is there.
    Exists(&'a Path),
    /// What it removes is not there.
    Absent(&'a Path),
}

impl RunConditions {
    /// Why the command need not run, if so. Relative paths count from the folder it would run in.
    pub fn needless(&self) -> Option<Needless<'_>> {
        let exists = |path: &Path| {
            let path = self.chdir.as_ref().map_or_else(|| path.to_owned(), |folder| folder.join(path));
            if glob::is_pattern(&path.to_string_lossy()) {
                !glob::expand(&path).is_empty()
            } else {
                path.symlink_metadata().is_ok()
            }
        };
        match (&self.creates, &self.removes) {
            (Some(path), _) if exists(path) => Some(Needless::Exists(path)),
            (_, Some(path)) if !exists(path) => Some(Needless::Absent(path)),
            _ => None,
        }
    }

    /// Whether they decide at all: only then can check mode say what a run would do.
    pub fn decide(&self) -> bool {
        self.creates.is_some() || self.removes.is_some()
    }

    /// The command, to be run in the folder asked for.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn place(&self, command: Command) -> Result<Command, ModuleError> {
        match &self.chdir {
            Some(folder) if folder.is_dir() => Ok(command.folder(folder)),
            Some(folder) => Err(ModuleError::new(format!(
                "cannot run in {}: there is no such folder (argument `chdir`)",
                folder.display()
            ))),
            None => Ok(command),
        }
    }
}

impl std::fmt::Display for Needless<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists(path) => write!(formatter, "'{}' exists", path.display()),
            Self::Absent(path) => write!(formatter, "'{}' does not exist", path.display()),
        }
    }
}

/// What is written to a command's standard input, and how its output is told.
#[derive(Arguments, Clone, Debug, Default)]
pub struct CommandStreams {
    /// Text for the command's standard input.
    pub stdin: Option<String>,
    /// End that text with a newline.
    #[arg(default = "true")]
    pub stdin_add_newline: bool,
    /// Leave out empty lines at the end of `stdout` and `stderr`.
    #[arg(default = "true")]
    pub strip_empty_ends: bool,
}

impl CommandStreams {
    /// Runs a command, or in check mode says whether it would run, with the result fields of `command`. `shown` is the
    /// field `cmd`.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(
        self,
        command: Command,
        shown: Value,
        conditions: &RunConditions,
        context: &mut Context,
    ) -> Result<Outcome, ModuleError> {
        let blank = |stdout: String| {
            Outcome::new(false)
                .with("cmd", shown.clone())
                .with("rc", 0)
                .with("stdout", stdout)
                .with("stderr", "")
                .with("start", Value::Null)
                .with("end", Value::Null)
                .with("delta", Value::Null)
        };
        if let Some(reason) = conditions.needless() {
            let verb = if context.check { "Would" } else { "Did" };
            let stdout = format!("skipped, since {}", reason.to_string().replace('\'', ""));
            return Ok(blank(stdout).message(format!("{verb} not run command since {reason}")));
        }
        if context.check {
            let mut outcome = blank(String::new()).message("Command would have run if not in check mode");
            outcome.changed = conditions.decide();
            outcome.skipped = !conditions.decide();
            return Ok(outcome);
        }
        let mut command = conditions.place(command)?;
        if let Some(mut text) = self.stdin {
            if self.stdin_add_newline {
                text.push('\n');
            }
            command = command.input(text);
        }
        let started = SystemTime::now();
        let finished = command.run_watched(&mut |bytes| context.exchange.output(bytes))?;
        let ended = SystemTime::now();
        let ends: &[char] = if self.strip_empty_ends { &['\r', '\n'] } else { &[] };
        let told = |text: String| Value::from(text.trim_end_matches(ends));
        let outcome = finished_outcome(&finished)
            .with("cmd", shown)
            .with("stdout", told(finished.out()))
            .with("stderr", told(finished.err()))
            .with("start", clock::local(started).plain())
            .with("end", clock::local(ended).plain())
            .with("delta", clock::elapsed(ended.duration_since(started).unwrap_or_default()));
        Ok(outcome)
    }
}

/// The result of a command that ran: changed, and failed unless it exited with 0.
pub fn finished_outcome(finished: &Finished) -> Outcome {
    let mut outcome = Outcome::new(true)
        .with("rc", finished.code())
        .with("stdout", finished.out())
        .with("stderr", finished.err());
    outcome.failed = finished.code() != 0;
    // Playbooks compare this message, so it is Ansible's; `msg` is there and empty when all went well.
    let message = if outcome.failed { "non-zero return code" } else { "" };
    outcome.message(message)
}
