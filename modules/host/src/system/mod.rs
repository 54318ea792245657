//! What modules share: commands, files and their attributes, accounts.

pub mod account;
pub mod attributes;
pub mod checksum;
pub mod command;
pub mod file;
pub mod mode;
