//! The task modules, one a file.

pub mod assemble;
pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod fetch;
pub mod file;
pub mod find;
pub mod lineinfile;
pub mod ping;
pub mod raw;
pub mod replace;
pub mod script;
pub mod setup;
pub mod shell;
pub mod slurp;
pub mod stat;
pub mod tempfile;
pub mod wait_for;

#[cfg(test)]
pub(crate) mod testing;
