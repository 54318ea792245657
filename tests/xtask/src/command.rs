//! Running programs, with errors that say which one and why.

use std::path::PathBuf;
use std::process::Command;

use thiserror::Error;

/// Why a chore failed.
#[derive(Debug, Error)]
pub(crate) enum ChoreError {
    /// A program cannot be started.
    #[error("cannot start `{line}`: {source}")]
    Start {
        /// The command line.
        line: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{line}` failed ({status})")]
    Failed {
        /// The command line.
        line: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// Something else is not as it must be.
    #[error("{0}")]
    Other(String),
}

/// Runs a program to its end, its output shown.
pub(crate) fn run(command: &mut Command) -> Result<(), ChoreError> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    println!("+ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ChoreError::Failed { line, status }),
        Err(source) => Err(ChoreError::Start { line, source }),
    }
}

/// Cargo, with these arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// The folder of the programs that are built with a profile; that of `dev` is called `debug`.
pub(crate) fn built(folder: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join(format!("{}-unknown-linux-gnu", std::env::consts::ARCH)).join(folder)
}

/// A program of the workspace, as it is built for tests.
pub(crate) fn program(name: &str) -> PathBuf {
    built("debug").join(name)
}

/// Builds the agent as it is released; returns where it is.
pub(crate) fn agent() -> Result<PathBuf, ChoreError> {
    let what = ["--package", "clouder-modules", "--bin", "clouder-agent"];
    run(&mut cargo(&[&["build", "--locked", "--profile", "agent"], &what[..]].concat()))?;
    Ok(built("agent").join("clouder-agent"))
}
