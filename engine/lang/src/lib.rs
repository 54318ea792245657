//! The text of the language: where a value was written, what is wrong with it, and YAML as Ansible reads it.
//!
//! Every value of a playbook keeps the [`Span`] it was read from, so that each complaint about it can show
//! the file, the line, the column and the line itself with a caret. Nothing here knows hosts or tasks.

pub mod arguments;
mod diagnostic;
mod source;
mod suggest;
pub mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use source::{Position, Source, Span};
pub use suggest::nearest;
