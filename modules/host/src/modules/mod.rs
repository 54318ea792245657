//! The task modules, one a file.

pub mod command;
pub mod ping;

#[cfg(test)]
pub(crate) mod testing;
