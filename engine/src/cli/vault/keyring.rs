//! The passwords a command has been given, in the order in which they are tried: those of settings, of `--vault-id`, of
//! `--vault-password-file`, and the one that is asked for.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use clouder_lang::{Diagnostic, Severity};
use clouder_vault::{Envelope, Key, Keyring};

use super::super::options::VaultOptions;
use super::super::{Failure, show};
use super::WRONG_OPTIONS;
use super::source::{Question, Source};
use crate::config::{self, Config};

/// A source with the label its password gets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// The label, if one was given.
    label: Option<String>,
    /// Where the password comes from.
    source: Source,
}

impl Wanted {
    /// `[LABEL@]SOURCE`.
    pub(super) fn parse(text: &str) -> Self {
        let (label, source) = match text.split_once('@') {
            Some((label, source)) => (Some(label.to_owned()).filter(|label| !label.is_empty()), source),
            None => (None, text),
        };
        let source = match source {
            "prompt" => Source::Prompt(Question::Labelled),
            path => Source::file(path.as_ref()),
        };
        Self { label, source }
    }

    /// A file whose password has the usual label.
    pub(super) fn file(path: &Path, label: &str) -> Self {
        Self { label: Some(label.to_owned()), source: Source::file(path) }
    }

    /// The password that is asked for when nothing else is said.
    pub(super) fn asked() -> Self {
        Self { label: None, source: Source::Prompt(Question::Plain) }
    }
}

/// All sources that options and settings name.
fn wanted(config: &Config, options: &VaultOptions) -> Vec<Wanted> {
    let settings = config.list(&config::DEFAULT_VAULT_IDENTITY_LIST);
    let ids = settings.iter().chain(&options.vault_ids).map(|text| Wanted::parse(text));
    let mut files = options.vault_password_files.clone();
    if files.is_empty() {
        files.extend(config.path(&config::DEFAULT_VAULT_PASSWORD_FILE));
    }
    let usual = config.text(&config::DEFAULT_VAULT_IDENTITY).unwrap_or_default();
    let mut wanted: Vec<Wanted> = ids.chain(files.iter().map(|path| Wanted::file(path, &usual))).collect();
    if options.ask_vault_pass || config.flag(&config::DEFAULT_ASK_VAULT_PASS) {
        wanted.push(Wanted::asked());
    }
    wanted
}

/// No passwords yet, with the labels of the settings.
fn empty(config: &Config) -> Keyring {
    let label = config.text(&config::DEFAULT_VAULT_IDENTITY).unwrap_or_default();
    Keyring::new(label, config.flag(&config::DEFAULT_VAULT_ID_MATCH))
}

/// Fetches passwords. A source that fails is a warning, as long as another one does not.
///
/// # Errors
/// When all fail.
fn fetch(keyring: &mut Keyring, wanted: &[Wanted], is_new: bool) -> Result<(), Failure> {
    let mut failures: Vec<Diagnostic> = Vec::new();
    let before = keyring.keys().len();
    for Wanted { label, source } in wanted {
        match source.password(label.as_deref(), keyring, is_new) {
            Ok(password) => {
                let label = label.clone().unwrap_or_else(|| keyring.default_label().to_owned());
                keyring.add(Key { label, password });
            }
            Err(failure) => failures.push(failure),
        }
    }
    if keyring.keys().len() == before && !failures.is_empty() {
        return Err(failures.into());
    }
    for failure in &mut failures {
        failure.severity = Severity::Warning;
    }
    show(&failures);
    Ok(())
}

/// The passwords of a run.
///
/// # Errors
/// When some are named and none can be had.
pub(in crate::cli) fn of_run(config: &Config, options: &VaultOptions) -> Result<Arc<Keyring>, Failure> {
    let mut keyring = empty(config);
    fetch(&mut keyring, &wanted(config, options), false)?;
    Ok(Arc::new(keyring))
}

/// Which password encrypts.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct EncryptOptions {
    /// The label of the password to encrypt with, when there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
}

/// The passwords that open what is there. It is asked for one if none is named.
pub(super) fn to_open(config: &Config, options: &VaultOptions) -> Result<Keyring, Failure> {
    let mut keyring = empty(config);
    fetch(&mut keyring, &or_asked(wanted(config, options)), false)?;
    Ok(keyring)
}

/// What encrypts. It is asked for a password if none is named.
pub(super) fn to_encrypt(
    config: &Config,
    options: &VaultOptions,
    encrypt: &EncryptOptions,
) -> Result<Sealer, Failure> {
    sealer(config, &or_asked(wanted(config, options)), encrypt)
}

fn or_asked(mut wanted: Vec<Wanted>) -> Vec<Wanted> {
    if wanted.is_empty() {
        wanted.push(Wanted::asked());
    }
    wanted
}

/// What encrypts with one of these passwords.
pub(super) fn sealer(
    config: &Config,
    wanted: &[Wanted],
    encrypt: &EncryptOptions,
) -> Result<Sealer, Failure> {
    let mut keyring = empty(config);
    fetch(&mut keyring, wanted, true)?;
    let label =
        encrypt.encrypt_vault_id.clone().or_else(|| config.text(&config::DEFAULT_VAULT_ENCRYPT_IDENTITY));
    Ok(Sealer { key: chosen(keyring.keys(), label.as_deref())?.clone(), salt: salt(config) })
}

/// The password that encrypts: that of a label, or the only one.
fn chosen<'a>(keys: &'a [Key], label: Option<&str>) -> Result<&'a Key, Failure> {
    let known = || keys.iter().map(|key| key.label.as_str()).collect::<Vec<_>>().join(", ");
    let Some(label) = label else {
        return match keys {
            [key] => Ok(key),
            _ => Err(Failure::new(
                format!("there are several vault passwords to encrypt with: {}", known()),
                "--encrypt-vault-id says which one",
            )
            .code(WRONG_OPTIONS)),
        };
    };
    keys.iter().find(|key| key.label == label).ok_or_else(|| {
        let message = format!("no vault password has the label `{label}`; there are: {}", known());
        Failure::new(message, "--encrypt-vault-id names one of them")
    })
}

/// The salt that settings want.
pub(super) fn salt(config: &Config) -> Option<Vec<u8>> {
    config.text(&config::VAULT_ENCRYPT_SALT).map(String::into_bytes)
}

/// Encrypts.
pub(super) struct Sealer {
    key: Key,
    salt: Option<Vec<u8>>,
}

impl Sealer {
    /// The encrypted text.
    pub(super) fn seal(&self, plain: &[u8]) -> Result<String, Failure> {
        let Key { label, password } = &self.key;
        let sealed = Envelope::seal(plain, password, Some(label), self.salt.as_deref());
        let sealed = sealed.map_err(|error| Failure::new(error.to_string(), error.hint()))?;
        Ok(sealed.to_text())
    }
}
