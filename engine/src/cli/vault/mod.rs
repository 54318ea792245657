//! `clouder vault`, and the passwords of what is encrypted.

mod decrypt;
mod edit;
mod encrypt;
mod encrypt_string;
mod file;
mod keyring;
mod private;
mod program;
mod rekey;
mod source;
mod view;

use std::sync::Arc;

use clap::{ArgAction, Args, Subcommand};

use super::Failure;
use crate::config::Config;

pub(super) use keyring::of_run;

/// What Ansible ends with when options do not fit together.
const WRONG_OPTIONS: u8 = 5;

/// Encrypts and decrypts files and values.
#[derive(Args)]
pub(super) struct VaultCommand {
    #[command(subcommand)]
    action: Action,
    /// Accepted for Ansible's sake
    #[arg(short, long = "verbose", action = ArgAction::Count, global = true, hide = true)]
    verbosity: u8,
}

#[derive(Subcommand)]
enum Action {
    /// Make an encrypted file in an editor
    Create(edit::CreateCommand),
    /// Change an encrypted file in an editor
    Edit(edit::EditCommand),
    /// Show what is in encrypted files
    View(view::ViewCommand),
    /// Encrypt files
    Encrypt(encrypt::EncryptCommand),
    /// Decrypt files
    Decrypt(decrypt::DecryptCommand),
    /// Encrypt files with another password
    Rekey(rekey::RekeyCommand),
    /// Encrypt values, to be put into YAML
    #[command(alias = "encrypt_string")]
    EncryptString(encrypt_string::EncryptStringCommand),
}

impl VaultCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        match self.action {
            Action::Create(command) => command.run(config),
            Action::Edit(command) => command.run(config),
            Action::View(command) => command.run(config),
            Action::Encrypt(command) => command.run(config),
            Action::Decrypt(command) => command.run(config),
            Action::Rekey(command) => command.run(config),
            Action::EncryptString(command) => command.run(config),
        }
    }
}
