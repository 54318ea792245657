//! Typed arguments of task modules, read as leniently as Ansible reads them.
//!
//! `#[derive(Arguments)]` on a struct makes its reader and its [`Schema`] from the fields:
//!
//! ```
//! use clouder_modules::args::{Arguments, Choice};
//!
//! /// Creates or removes a thing.
//! #[derive(Arguments)]
//! #[arguments(exclusive("source", "text"), required_if("state", "present", "source"))]
//! struct ThingArgs {
//!     /// Where the thing is.
//!     #[arg(alias = "dest", alias = "name")]
//!     path: String,                    // not an Option and no default: required
//!     /// What it is made from.
//!     source: Option<String>,
//!     /// What is in it.
//!     #[arg(secret)]                   // never shown
//!     text: Option<String>,
//!     /// Whether it should be there.
//!     #[arg(default = "present")]      // read as if the playbook had said so
//!     state: State,
//!     /// Words to say.
//!     #[arg(default = "")]             // lists split at commas; an empty text is no element
//!     words: Vec<String>,
//! }
//!
//! #[derive(Choice, Clone, Copy, PartialEq)]
//! enum State { Present, #[choice(alias = "gone")] Absent }
//! # let args = serde_json::json!({"dest": "/x", "source": "a"});
//! # assert!(ThingArgs::read(args.as_object().unwrap().clone()).unwrap().state == State::Present);
//! ```
//!
//! `#[arg(flatten)]` takes in the parameters of another such struct, `#[arg(name = "type")]` renames,
//! `#[arg(free_form)]` marks the one parameter that free text goes to (`command: ls -l`).

mod error;
mod scalar;
mod schema;
mod source;

pub use clouder_modules_derive::{Arguments, Choice};
pub use error::ArgumentError;
pub use scalar::{FromArgument, choice_from_argument};
pub use schema::{Constraint, Kind, Parameter, Schema};
pub use serde_json::Value as JsonValue;
pub use source::ArgumentSource;

use serde_json::{Map, Value};

/// Arguments of a module. Derive it.
pub trait Arguments: Sized {
    /// The parameters.
    fn schema() -> &'static Schema;

    /// Takes its parameters out of the source; what nobody took is unknown.
    ///
    /// # Errors
    /// A missing or ill-typed argument.
    fn take(source: &mut ArgumentSource) -> Result<Self, ArgumentError>;

    /// Reads all of a task's arguments.
    ///
    /// # Errors
    /// An unknown, missing, ill-typed or conflicting argument.
    // Once for those who check and those who run: inlined it would be in the agent twice.
    #[inline(never)]
    fn read(arguments: Map<String, Value>) -> Result<Self, ArgumentError> {
        let mut source = ArgumentSource::new(arguments, Self::schema())?;
        let read = Self::take(&mut source)?;
        source.finish()?;
        Ok(read)
    }
}

/// Documentation, where it is wanted: the agent is built without.
#[doc(hidden)]
pub const fn doc(text: &'static str) -> &'static str {
    if cfg!(feature = "docs") { text } else { "" }
}

/// A fixed set of words.
pub trait Choice: FromArgument + 'static {
    /// The words, without aliases.
    const WORDS: &'static [&'static str];

    /// The value of a word or alias.
    fn from_word(word: &str) -> Option<Self>;
}
