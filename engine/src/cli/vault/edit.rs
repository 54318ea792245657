//! `clouder vault create` and `clouder vault edit`.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;
use clouder_vault::Envelope;

use super::super::Failure;
use super::super::options::VaultOptions;
use super::file::{self, Access};
use super::keyring::{self, EncryptOptions};
use super::private::Private;
use super::{WRONG_OPTIONS, program};
use crate::config::Config;

/// Makes an encrypted file in an editor.
#[derive(Args)]
pub(super) struct CreateCommand {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Open the editor even where there is no terminal
    #[arg(long)]
    skip_tty_check: bool,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    encrypt: EncryptOptions,
}

impl CreateCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let sealer = keyring::to_encrypt(config, &self.vault, &self.encrypt)?;
        if !self.skip_tty_check && !io::stdout().is_terminal() {
            let message = "there is no terminal to open an editor in";
            return Err(Failure::new(message, "--skip-tty-check opens it anyway").code(WRONG_OPTIONS));
        }
        if self.file.symlink_metadata().is_ok() {
            let message = format!("{} is there already", self.file.display());
            return Err(Failure::new(message, "`clouder vault edit` changes it"));
        }
        let plain = edited(config, &self.file, b"")?;
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        file::write(&self.file, sealer.seal(&plain)?.as_bytes(), Access::Private)?;
        Ok(0)
    }
}

/// Changes an encrypted file in an editor.
#[derive(Args)]
pub(super) struct EditCommand {
    /// Encrypted files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    vault: VaultOptions,
    /// Accepted for Ansible's sake: a file keeps its password and label
    #[arg(long, value_name = "LABEL", hide = true)]
    encrypt_vault_id: Option<String>,
}

impl EditCommand {
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let keyring = keyring::to_open(config, &self.vault)?;
        for path in &self.files {
            let opened = file::open(&keyring, &file::read(path, "encrypted text")?, path)?;
            let plain = edited(config, path, &opened.plain)?;
            if plain == opened.plain {
                continue;
            }
            let salt = keyring::salt(config);
            let sealed =
                Envelope::seal(&plain, &opened.key.password, opened.label.as_deref(), salt.as_deref())
                    .map_err(|error| Failure::new(error.to_string(), error.hint()))?;
            file::write(path, sealed.to_text().as_bytes(), Access::Kept)?;
        }
        Ok(0)
    }
}

/// What somebody makes of a text in the editor, in a file of the same name.
fn edited(config: &Config, name: &Path, plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let told = |error: io::Error| Failure::plain(format!("the temporary file for the editor: {error}"));
    let private = Private::new(name, plain).map_err(told)?;
    program::edit(config, &private.path)?;
    private.read().map_err(told)
}
