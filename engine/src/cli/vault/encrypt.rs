//! `clouder vault encrypt`.

use std::path::PathBuf;

use clap::Args;
use clouder_vault::is_encrypted;

use super::super::Failure;
use super::super::options::VaultOptions;
use super::file::{self, Access};
use super::keyring::{self, EncryptOptions};
use crate::config::Config;

/// Encrypts files.
#[derive(Args)]
pub(super) struct EncryptCommand {
    /// Files, each replaced by what it is encrypted; standard input and output if none is named, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write there instead, and leave the file as it is; `-` for standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    encrypt: EncryptOptions,
}

impl EncryptCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        file::one_output(self.files.len(), self.output.as_deref())?;
        let sealer = keyring::to_encrypt(config, &self.vault, &self.encrypt)?;
        for path in file::or_standard(&self.files) {
            let plain = file::read(&path, "plain text")?;
            if is_encrypted(&plain) {
                return Err(Failure::new(
                    format!("{} is encrypted already", path.display()),
                    "`clouder vault rekey` encrypts with another password",
                ));
            }
            let sealed = sealer.seal(&plain)?;
            match &self.output {
                Some(output) => file::write(output, sealed.as_bytes(), Access::Private)?,
                None if file::is_standard(&path) => file::write(&path, sealed.as_bytes(), Access::Private)?,
                None => file::replace_secret(&path, sealed.as_bytes())?,
            }
        }
        file::done("Encryption successful");
        Ok(0)
    }
}
