//! `clouder vault decrypt`.

use std::path::PathBuf;

use clap::Args;

use super::super::Failure;
use super::super::options::VaultOptions;
use super::file::{self, Access};
use super::keyring;
use crate::config::Config;

/// Decrypts files.
#[derive(Args)]
pub(super) struct DecryptCommand {
    /// Encrypted files, each replaced by what is in it; standard input and output if none is named, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write there instead, and leave the file as it is; `-` for standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
}

impl DecryptCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        file::one_output(self.files.len(), self.output.as_deref())?;
        let keyring = keyring::to_open(config, &self.vault)?;
        for path in file::or_standard(&self.files) {
            let bytes = file::read(&path, "encrypted text")?;
            let plain = file::open(&keyring, &bytes, &path)?.plain;
            file::write(self.output.as_ref().unwrap_or(&path), &plain, Access::Private)?;
        }
        file::done("Decryption successful");
        Ok(0)
    }
}
