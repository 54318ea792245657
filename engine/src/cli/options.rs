//! Options that several commands share.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// Which hosts.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InventoryOptions {
    /// Inventory: a file, a folder, a program, or hosts separated by commas
    #[arg(short, long = "inventory", alias = "inventory-file", value_name = "SOURCE", env = "CLOUDER_INVENTORY", value_delimiter = None)]
    pub(super) inventory: Vec<String>,
    /// Only hosts of this pattern
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) limit: Option<String>,
    /// Forget facts and inventories kept from earlier runs
    #[arg(long)]
    pub(super) flush_cache: bool,
    /// Extra variables: key=value, YAML or JSON, or @file
    #[arg(short, long = "extra-vars", value_name = "VARS")]
    pub(super) extra_vars: Vec<String>,
    /// The origin of Azure's resource manager, where it is not the usual one
    #[arg(long, value_name = "URL")]
    pub(super) azure_endpoint: Option<String>,
}

/// How hosts are reached.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ConnectionOptions {
    /// Log in as this user
    #[arg(short = 'u', long = "user", value_name = "USER")]
    pub(super) remote_user: Option<String>,
    /// Log in with this key
    #[arg(long, alias = "key-file", value_name = "FILE")]
    pub(super) private_key: Option<PathBuf>,
    /// How hosts are reached: ssh, local, docker, podman
    #[arg(short, long, value_name = "KIND")]
    pub(super) connection: Option<String>,
    /// Seconds a connection may take (10 if not said)
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub(super) timeout: Option<u64>,
    /// More arguments for ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_common_args: Option<String>,
    /// More arguments for ssh
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(super) ssh_extra_args: Option<String>,
    /// Accepted for Ansible's sake: files come over the one connection there is
    #[arg(long, value_name = "ARGS", hide = true, allow_hyphen_values = true)]
    pub(super) scp_extra_args: Option<String>,
    /// The same
    #[arg(long, value_name = "ARGS", hide = true, allow_hyphen_values = true)]
    pub(super) sftp_extra_args: Option<String>,
    /// Accepted for Ansible's sake: modules in Python are not run
    #[arg(short = 'M', long, value_name = "FOLDERS", hide = true)]
    pub(super) module_path: Option<String>,
    /// Ask for the password to log in
    #[arg(short = 'k', long)]
    pub(super) ask_pass: bool,
    /// Read the password to log in from a file
    #[arg(long, alias = "conn-pass-file", value_name = "FILE", conflicts_with = "ask_pass")]
    pub(super) connection_password_file: Option<PathBuf>,
    /// Become another user
    #[arg(short = 'b', long = "become")]
    pub(super) become_: bool,
    /// Which user to become (root if not said)
    #[arg(long, value_name = "USER")]
    pub(super) become_user: Option<String>,
    /// How to become it: sudo, su
    #[arg(long, value_name = "METHOD")]
    pub(super) become_method: Option<String>,
    /// Ask for the password to become another user
    #[arg(short = 'K', long)]
    pub(super) ask_become_pass: bool,
    /// Read the password to become another user from a file
    #[arg(long, alias = "become-pass-file", value_name = "FILE", conflicts_with = "ask_become_pass")]
    pub(super) become_password_file: Option<PathBuf>,
    /// How many hosts are worked on at once (50 if not said)
    #[arg(short, long, value_name = "N")]
    pub(super) forks: Option<usize>,
    /// Only predict; change nothing
    #[arg(short = 'C', long)]
    pub(super) check: bool,
    /// Show what changes inside files
    #[arg(short = 'D', long)]
    pub(super) diff: bool,
}

/// Passwords of what is encrypted.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct VaultOptions {
    /// A vault password: `prompt`, a file, or a program that prints it; can be given several times
    #[arg(long = "vault-id", value_name = "[LABEL@]SOURCE")]
    pub(super) vault_ids: Vec<String>,
    /// Ask for the vault password
    #[arg(short = 'J', long, alias = "ask-vault-password", conflicts_with = "vault_password_files")]
    pub(super) ask_vault_pass: bool,
    /// Read a vault password from a file, or from what a program prints
    #[arg(long = "vault-password-file", alias = "vault-pass-file", value_name = "FILE")]
    pub(super) vault_password_files: Vec<PathBuf>,
}

/// What is shown.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct OutputOptions {
    /// Show more; up to -vvvv
    #[arg(short, long = "verbose", action = ArgAction::Count)]
    pub(super) verbosity: u8,
    /// How the run is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

/// How a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub(super) enum Output {
    /// For a person
    #[default]
    Text,
    /// Every event as a line of JSON
    Json,
}
