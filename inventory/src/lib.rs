//! Hosts, groups, patterns that select hosts, and the variables of both.
//!
//! An [`Inventory`] is read from sources: INI and YAML files, executables, folders of these, lists of hosts on the command
//! line, and Azure. Variables are kept as they were written, with their places; evaluating them is the engine's work.

mod azure;
mod constructed;
mod expressions;
mod host;
mod ini;
mod inventory;
mod literal;
mod load;
mod options;
mod pattern;
mod range;
mod script;
#[cfg(test)]
mod testing;
mod variables;
mod yaml;

pub use azure::{AZURE_LISTS, AzureCache, AzureList, AzureLists, AzureQuestion};
pub use expressions::Expressions;
pub use inventory::{Group, Host, Inventory, Level, Variables};
pub use load::{LoadError, Outside, Reader, load};
pub use pattern::{PatternError, Selection};
pub use variables::{VariableFolder, combine};
