//! Running programs, with errors that say which one and why.

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
