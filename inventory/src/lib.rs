//! Hosts, groups, patterns that select hosts, and the variables of both.
//!
//! An [`Inventory`] is read from sources: INI and YAML files, executables, folders of these, and lists of hosts on the
//! command line. Variables are kept as they were written, with their places; evaluating them is the engine's work.

mod ini;
mod inventory;
mod literal;
mod load;
mod pattern;
mod range;
mod script;
mod variables;
mod yaml;

pub use inventory::{Group, Host, Inventory, Variables};
pub use load::{LoadError, Reader, load};
pub use pattern::{PatternError, Selection};
pub use variables::VariableFolder;
