//! clouder: playbooks in, configured machines out.
//!
//! A folder per step on the way of a task: [`playbook`] reads text and checks it, [`run`] picks the next task for each
//! host, [`vars`] and [`template`] make its arguments, [`action`] does what the controller can do itself,
//! [`connection`] reaches the host, [`report`] shows what came of it. [`foreign`] is for code of others.

pub mod action;
pub mod cli;
pub mod config;
pub mod connection;
pub mod foreign;
pub mod playbook;
pub mod report;
pub mod run;
pub mod template;
pub mod vars;
