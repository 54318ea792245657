//! The task modules, one a file.

pub mod command;
pub mod ping;
pub mod raw;
pub mod script;
pub mod shell;

#[cfg(test)]
pub(crate) mod testing;
