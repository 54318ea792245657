//! The task modules, one a file.

pub mod command;
pub mod copy;
pub mod file;
pub mod ping;
pub mod raw;
pub mod script;
pub mod shell;
pub mod stat;

#[cfg(test)]
pub(crate) mod testing;
