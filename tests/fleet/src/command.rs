//! Running programs of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// Why a fleet is not as it should be.
#[derive(Debug, Error)]
pub enum FleetError {
    /// A program cannot be started.
    #[error("cannot start `{line}`: {source}")]
    Start {
        /// The command line.
        line: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{line}` failed ({code}): {said}")]
    Failed {
        /// The command line.
        line: String,
        /// Its exit code.
        code: i32,
        /// What it said last.
        said: String,
    },
    /// A file cannot be worked with.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something took too long.
    #[error("waited {seconds} seconds for {what}: {last}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was seen last.
        last: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl FleetError {
    pub(crate) fn io(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { what, path: path.to_owned(), source }
    }
}

/// What a program left.
#[derive(Debug)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a program to its end, whatever its exit code.
///
/// # Errors
/// When it cannot be started.
pub fn run(program: &str, arguments: &[&str]) -> Result<Output, FleetError> {
    let mut command = Command::new(program);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let output =
        command.output().map_err(|source| FleetError::Start { line: line(program, arguments), source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// Runs a program that must succeed; returns its standard output.
///
/// # Errors
/// When it does not succeed.
pub fn succeed(program: &str, arguments: &[&str]) -> Result<String, FleetError> {
    let output = run(program, arguments)?;
    if output.code == 0 {
        return Ok(output.stdout);
    }
    let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    let lines: Vec<&str> = said.trim_end().lines().collect();
    let said = lines[lines.len().saturating_sub(8)..].join("\n");
    Err(FleetError::Failed { line: line(program, arguments), code: output.code, said })
}

/// A command whose last words are another one, with what surrounds that one: its variables and its folder.
pub fn before(mut first: Command, command: &Command) -> Command {
    first.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => first.env(name, value),
            None => first.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        first.current_dir(folder);
    }
    first
}

fn line(program: &str, arguments: &[&str]) -> String {
    std::iter::once(program).chain(arguments.iter().copied()).collect::<Vec<_>>().join(" ")
}
