//! What is asked for on the command line, or else in settings.

use std::sync::Arc;
use std::time::Duration;

use super::super::options::{ConnectionOptions, InventoryOptions, OutputOptions};
use super::super::{Failure, ask};
use crate::config::{self, Config};
use crate::run::RunOptions;

/// What was asked for on the command line, or else in settings.
pub(in crate::cli) fn run_options(
    config: &Config,
    connection: &ConnectionOptions,
    inventory: &InventoryOptions,
    output: &OutputOptions,
) -> Result<RunOptions, Failure> {
    let connection_password = ask::password(
        connection.ask_pass || config.flag(&config::DEFAULT_ASK_PASS),
        "SSH password",
        connection
            .connection_password_file
            .clone()
            .or_else(|| config.path(&config::CONNECTION_PASSWORD_FILE))
            .as_deref()
            .filter(|_| !connection.ask_pass),
    )?;
    let become_password = ask::password(
        connection.ask_become_pass || config.flag(&config::DEFAULT_BECOME_ASK_PASS),
        "BECOME password",
        connection
            .become_password_file
            .clone()
            .or_else(|| config.path(&config::BECOME_PASSWORD_FILE))
            .as_deref()
            .filter(|_| !connection.ask_become_pass),
    )?;
    let set = RunOptions::new(config);
    let become_ = connection.become_ || set.become_;
    Ok(RunOptions {
        check: connection.check,
        diff: connection.diff || set.diff,
        forks: connection.forks.unwrap_or(set.forks).max(1),
        limit: inventory.limit.clone().filter(|limit| !limit.is_empty()),
        verbosity: if output.verbosity > 0 { output.verbosity } else { set.verbosity },
        become_,
        become_user: connection.become_user.clone().or(set.become_user),
        become_method: connection.become_method.clone().or(set.become_method),
        become_password: become_password.or_else(|| connection_password.clone().filter(|_| become_)),
        remote_user: connection.remote_user.clone().or(set.remote_user),
        connection_password,
        private_key: connection.private_key.clone().or(set.private_key),
        connection: connection.connection.clone().or(set.connection),
        ssh_common_args: connection.ssh_common_args.clone().or(set.ssh_common_args),
        ssh_extra_args: connection.ssh_extra_args.clone().or(set.ssh_extra_args),
        timeout: connection.timeout.map_or(set.timeout, |seconds| Duration::from_secs(seconds.max(1))),
        azure_endpoint: inventory.azure_endpoint.clone().or(set.azure_endpoint),
        ask: ask::terminal(),
        console: Some(Arc::new(ask::Standard)),
        ..set
    })
}
