//! The task modules, one a file.

pub mod apt;
pub mod apt_key;
pub mod apt_repository;
pub mod archive;
pub mod assemble;
pub mod authorized_key;
pub mod blockinfile;
pub mod checkpoint_image;
pub mod checkpoint_info;
pub mod command;
pub mod copy;
pub mod cron;
pub mod deb822_repository;
pub mod dpkg_selections;
pub mod fetch;
pub mod file;
pub mod find;
pub mod get_url;
pub mod getent;
pub mod git;
pub mod group;
pub mod hostname;
pub mod ini_file;
pub mod known_hosts;
pub mod lineinfile;
pub mod modprobe;
pub mod mount;
pub mod own_module;
pub mod package;
pub mod package_facts;
pub mod ping;
pub mod raw;
pub mod replace;
pub mod script;
pub mod service;
pub mod service_facts;
pub mod setup;
pub mod shell;
pub mod slurp;
pub mod stat;
pub mod sysctl;
pub mod systemd;
pub mod tempfile;
pub mod unarchive;
pub mod uri;
pub mod user;
pub mod wait_for;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod testing_server;
