//! Where a vault password comes from: a question, a file, or a program that prints it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clouder_lang::Diagnostic;
use clouder_vault::{Keyring, Password, is_encrypted};

use super::super::ask;

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// Somebody is asked.
    Prompt(Question),
    /// A file, or a program that prints it.
    File(PathBuf),
}

/// How somebody is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Question {
    /// For the only password.
    Plain,
    /// For one of several: the label is told.
    Labelled,
}

/// How programs are named that want to know the label.
const CLIENT: &str = "-client";

impl Source {
    /// A file; `~` is the home of the user.
    pub(super) fn file(path: &Path) -> Self {
        Self::File(crate::playbook::expand_user(&path.to_string_lossy()))
    }

    /// The password. One that is asked for and new has to be typed twice.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn password(
        &self,
        label: Option<&str>,
        known: &Keyring,
        is_new: bool,
    ) -> Result<Password, Diagnostic> {
        match self {
            Self::Prompt(question) => prompt(*question, label.unwrap_or(known.default_label()), is_new),
            Self::File(path) => file(path, label, known),
        }
    }
}

fn prompt(question: Question, label: &str, is_new: bool) -> Result<Password, Diagnostic> {
    let (first, again) = match (question, is_new) {
        (Question::Plain, false) => ("Vault password".to_owned(), None),
        (Question::Plain, true) => {
            ("New Vault password".to_owned(), Some("Confirm New Vault password".to_owned()))
        }
        (Question::Labelled, false) => (format!("Vault password ({label})"), None),
        (Question::Labelled, true) => {
            (format!("New vault password ({label})"), Some(format!("Confirm new vault password ({label})")))
        }
    };
    let typed = answer(&first)?;
    if typed.is_empty() {
        return Err(Diagnostic::without_place("a vault password must not be empty"));
    }
    if let Some(again) = again
        && answer(&again)? != typed
    {
        return Err(Diagnostic::without_place("the two passwords are not the same"));
    }
    Ok(Password::new(typed))
}

/// What somebody types at the terminal, also when standard input is something else.
fn answer(question: &str) -> Result<String, Diagnostic> {
    ask::secret(question).map_err(|error| {
        if error.raw_os_error().is_none() {
            return Diagnostic::without_place(format!("{question}: {error}"));
        }
        Diagnostic::without_place(format!("{question}: there is no terminal to ask at"))
            .hint("--vault-password-file and --vault-id take a file, or a program that prints the password")
    })
}

fn file(path: &Path, label: Option<&str>, known: &Keyring) -> Result<Password, Diagnostic> {
    let named = format!("the vault password file {}", path.display());
    let metadata = fs::metadata(path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Diagnostic::without_place(format!("cannot read {named}: {why}"))
    })?;
    if metadata.is_dir() {
        return Err(Diagnostic::without_place(format!("cannot read {named}: it is a folder")));
    }
    let is_line_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let bytes = if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
        trimmed(&program(path, label)?, is_line_break).to_vec()
    } else {
        let told = |why: String| Diagnostic::without_place(format!("cannot read {named}: {why}"));
        let bytes = fs::read(path).map_err(|error| told(error.to_string()))?;
        let bytes = trimmed(&bytes, u8::is_ascii_whitespace);
        if is_encrypted(bytes) {
            let hint = "passwords that open others must come first";
            let opened = known.open(bytes).map_err(|error| told(error.to_string()).hint(hint))?;
            trimmed(&opened.plain, is_line_break).to_vec()
        } else {
            bytes.to_vec()
        }
    };
    if bytes.is_empty() {
        return Err(Diagnostic::without_place(format!("{named} holds no password")));
    }
    Ok(Password::new(bytes))
}

fn trimmed(mut bytes: &[u8], is_blank: impl Fn(&u8) -> bool) -> &[u8] {
    while let Some((_, rest)) = bytes.split_first().filter(|(first, _)| is_blank(first)) {
        bytes = rest;
    }
    while let Some((_, rest)) = bytes.split_last().filter(|(last, _)| is_blank(last)) {
        bytes = rest;
    }
    bytes
}

/// What a program prints.
fn program(path: &Path, label: Option<&str>) -> Result<Vec<u8>, Diagnostic> {
    let named = format!("the vault password program {}", path.display());
    let is_client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(CLIENT));
    // A bare name is a file of this folder, and none of the search path.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut command = Command::new(absolute);
    command.stdin(Stdio::inherit()).stdout(Stdio::piped());
    if is_client {
        if let Some(label) = label {
            command.args(["--vault-id", label]);
        }
        command.stderr(Stdio::piped());
    } else {
        command.stderr(Stdio::inherit());
    }
    let output = command.spawn().and_then(std::process::Child::wait_with_output).map_err(|error| {
        Diagnostic::without_place(format!("cannot run {named}: {error}"))
            .hint("if it holds the password itself, take its executable bit away")
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = match (is_client, output.status.code(), label) {
        (true, Some(2), Some(label)) => format!("{named} knows no password for `{label}`"),
        _ => format!("{named} failed: {}", output.status),
    };
    let said = said.trim();
    Err(Diagnostic::without_place(if said.is_empty() { why } else { format!("{why}: {said}") }))
}
