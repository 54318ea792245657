//! `clouder vault rekey`.

use std::path::PathBuf;

use clap::Args;

use super::super::Failure;
use super::super::options::VaultOptions;
use super::file::{self, Access};
use super::keyring::{self, EncryptOptions, Wanted};
use crate::config::Config;

/// Encrypts files with another password.
#[derive(Args)]
pub(super) struct RekeyCommand {
    /// Encrypted files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The new password; asked for if nothing is said
    #[arg(long, value_name = "[LABEL@]SOURCE", conflicts_with = "new_vault_password_file")]
    new_vault_id: Option<String>,
    /// Read the new password from a file, or from what a program prints
    #[arg(long, value_name = "FILE")]
    new_vault_password_file: Option<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    encrypt: EncryptOptions,
}

impl RekeyCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let keyring = keyring::to_open(config, &self.vault)?;
        let new = match (&self.new_vault_id, &self.new_vault_password_file) {
            (Some(text), _) => Wanted::parse(text),
            (None, Some(path)) => Wanted::file(path, keyring.default_label()),
            (None, None) => Wanted::asked(),
        };
        let sealer = keyring::sealer(config, &[new], &self.encrypt)?;
        for path in &self.files {
            if file::is_standard(path) {
                return Err(Failure::new(
                    "rekey writes the file it reads, which standard input is not",
                    "`clouder vault decrypt | clouder vault encrypt` does it",
                ));
            }
            let bytes = file::read(path, "encrypted text")?;
            let plain = file::open(&keyring, &bytes, path)?.plain;
            file::write(path, sealer.seal(&plain)?.as_bytes(), Access::Kept)?;
        }
        file::note("Rekey successful");
        Ok(0)
    }
}
