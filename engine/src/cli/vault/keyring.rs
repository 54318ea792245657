//! The passwords a command has been given, in the order in which they are tried: those of settings, of `--vault-id`, of
//! `--vault-password-file`, and the one that is asked for.

use std::path::Path;
use std::sync::Arc;

use clouder_lang::{Diagnostic, Severity};
use clouder_vault::{Key, Keyring};

use super::super::options::VaultOptions;
use super::super::{Failure, show};
use super::source::{Question, Source};
use crate::config::{self, Config};

/// A source with the label its password gets.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Wanted {
    /// The label, if one was given.
    pub(in crate::cli) label: Option<String>,
    /// Where the password comes from.
    pub(in crate::cli) source: Source,
}

impl Wanted {
    /// `[LABEL@]SOURCE`.
    pub(in crate::cli) fn parse(text: &str) -> Self {
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
    pub(in crate::cli) fn file(path: &Path, label: &str) -> Self {
        Self { label: Some(label.to_owned()), source: Source::file(path) }
    }

    /// The password that is asked for when nothing else is said.
    pub(in crate::cli) fn asked() -> Self {
        Self { label: None, source: Source::Prompt(Question::Plain) }
    }
}

/// All sources that options and settings name.
pub(in crate::cli) fn wanted(config: &Config, options: &VaultOptions) -> Vec<Wanted> {
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
pub(in crate::cli) fn empty(config: &Config) -> Keyring {
    let label = config.text(&config::DEFAULT_VAULT_IDENTITY).unwrap_or_default();
    Keyring::new(label, config.flag(&config::DEFAULT_VAULT_ID_MATCH))
}

/// Fetches passwords. A source that fails is a warning, as long as another one does not.
///
/// # Errors
/// When all fail.
pub(in crate::cli) fn fetch(keyring: &mut Keyring, wanted: &[Wanted], is_new: bool) -> Result<(), Failure> {
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
