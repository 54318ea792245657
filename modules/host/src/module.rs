//! What a task module is.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::{Arguments, Context, Outcome};

/// A task module that acts on a host.
///
/// A module first finds what is, then what should be, then changes the difference. In check mode it takes
/// the same path without the last step, so a prediction is always what the run does, and a second run
/// always reports no change.
pub trait Module: 'static {
    /// Its arguments; the parameters of `clouder doc` and of the checks before a run come from this type.
    type Args: Arguments;

    /// The name without a collection: `copy`.
    const NAME: &'static str;

    /// What it does, in one line without a full stop.
    const SUMMARY: &'static str;

    /// Other names it answers to, besides those with a collection in front.
    const ALIASES: &'static [&'static str] = &[];

    /// Does its work.
    ///
    /// # Errors
    /// [`ModuleError`] when the host cannot be brought to the state asked for.
    fn run(args: Self::Args, context: &mut Context) -> Result<Outcome, ModuleError>;
}

/// Why a module could not do its work. Becomes a result with `failed: true`.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ModuleError {
    message: String,
    result: Map<String, Value>,
}

impl ModuleError {
    /// A failure said in one line.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), result: Map::new() }
    }

    /// The same failure with one more field in the task's result.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// The failure as the result of the task.
    pub fn into_outcome(self) -> Outcome {
        let mut outcome = Outcome::failed(self.message);
        outcome.result.extend(self.result);
        outcome
    }
}

/// Adds what was being done to an error of the system: `std::fs::read(path).doing(|| format!("cannot read {path}"))?`.
pub trait Doing<T> {
    /// Turns the error into a [`ModuleError`] that begins with `what`.
    ///
    /// # Errors
    /// The error itself, told.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ModuleError>;
}

impl<T, E: std::fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, ModuleError> {
        self.map_err(|error| ModuleError::new(format!("{}: {error}", what())))
    }
}
