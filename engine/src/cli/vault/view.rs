//! `clouder vault view`.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Failure;
use super::super::options::VaultOptions;
use super::file::{self, Access};
use super::{keyring, program};
use crate::config::Config;

/// Shows what is in encrypted files.
#[derive(Args)]
pub(super) struct ViewCommand {
    /// Encrypted files; standard input if none is named, or for `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
}

impl ViewCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let keyring = keyring::to_open(config, &self.vault)?;
        for path in file::or_standard(&self.files) {
            let bytes = file::read(&path, "encrypted text")?;
            let plain = file::open(&keyring, &bytes, &path)?.plain;
            if !io::stdout().is_terminal() || !program::page(config, &plain)? {
                file::write(Path::new("-"), &plain, Access::Private)?;
            }
        }
        Ok(0)
    }
}
