//! Task modules that act on a host, and the `clouder-agent` that serves them there.
//!
//! A module is one file in [`modules`], with one `impl` of [`Module`]. It is given typed arguments and a
//! [`Context`], finds what is, works out what should be, and changes the difference.

// The derives name this crate by its full name, also from inside.
extern crate self as clouder_modules;

pub mod agent;
pub mod args;
mod context;
mod module;
pub mod modules;
mod outcome;
pub mod protocol;
mod registry;
pub mod system;

pub use args::Arguments;
pub use context::{Context, Exchange, NoExchange};
pub use module::{Doing, Module, ModuleError};
pub use outcome::{Diff, DiffSide, Outcome};
pub use registry::{Entry, find, registry};
