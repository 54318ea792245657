//! The task modules, one a file.

pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod file;
pub mod lineinfile;
pub mod ping;
pub mod raw;
pub mod replace;
pub mod script;
pub mod shell;
pub mod stat;

#[cfg(test)]
pub(crate) mod testing;
