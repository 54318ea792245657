//! What modules share: commands, files and their attributes, accounts, time, patterns.

pub mod account;
pub mod attributes;
pub mod checksum;
pub mod clock;
pub mod command;
pub mod connections;
mod dns;
pub mod dpkg;
pub mod edit;
pub mod execution;
pub mod expand;
pub mod file;
pub mod flags;
pub mod folder;
pub mod glob;
pub mod http;
pub mod json;
pub mod mode;
pub mod mounts;
pub mod netlink;
pub mod placement;
pub mod regex;
pub mod resolver;
pub mod selinux;
pub mod status;
mod timezone;
pub mod words;
