//! The command line: one file per subcommand. Each parses, calls, prints.

mod adhoc;
mod ask;
mod check;
mod config;
mod doc;
mod eject;
mod inventory;
mod options;
mod run;
mod setup;
mod tools;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use clouder_lang::Diagnostic;

use crate::config::Config;

/// Runs playbooks in Ansible's language on many hosts, with native task modules.
#[derive(Parser)]
#[command(name = "clouder", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run playbooks
    Run(Box<run::RunCommand>),
    /// Run one module on hosts
    Adhoc(Box<adhoc::AdhocCommand>),
    /// Check playbooks without reaching any host
    Check(check::CheckCommand),
    /// Show hosts, groups and their variables
    Inventory(inventory::InventoryCommand),
    /// Show settings, and where they come from
    Config(config::ConfigCommand),
    /// Show what modules do and what arguments they take
    Doc(doc::DocCommand),
    /// Copy a built-in role or playbook to the project, to own all of it
    Eject(eject::EjectCommand),
}

/// What a command ends with when it cannot do its work: findings to show, and the exit code.
#[derive(Debug)]
pub struct Failure {
    findings: Vec<Diagnostic>,
    code: u8,
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(findings: Vec<Diagnostic>) -> Self {
        Self { findings, code: 1 }
    }
}

impl From<Diagnostic> for Failure {
    fn from(finding: Diagnostic) -> Self {
        vec![finding].into()
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(finding: Box<Diagnostic>) -> Self {
        (*finding).into()
    }
}

impl From<clouder_inventory::LoadError> for Failure {
    fn from(error: clouder_inventory::LoadError) -> Self {
        match error {
            clouder_inventory::LoadError::Content(finding) => finding.into(),
            other => Diagnostic::without_place(other.to_string()).into(),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Diagnostic::without_place(error.to_string()).into()
    }
}

impl Failure {
    /// A failure said in one line, with what to do about it.
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Diagnostic::without_place(message).hint(hint).into()
    }
}

/// The program: reads the command line, does what it says, returns the exit code.
pub fn main() -> ExitCode {
    let command = tools::command(std::env::args_os()).unwrap_or_else(|| Cli::parse().command);
    let result = settings().and_then(|config| match command {
        Command::Run(command) => command.run(&config),
        Command::Adhoc(command) => command.run(&config),
        Command::Check(command) => command.run(&config),
        Command::Inventory(command) => command.run(&config),
        Command::Config(command) => command.run(&config),
        Command::Doc(command) => command.run(),
        Command::Eject(command) => command.run(),
    });
    match result {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(failure) => {
            show(&failure.findings);
            ExitCode::from(failure.code)
        }
    }
}

/// The settings that hold in the current folder.
fn settings() -> Result<Arc<Config>, Failure> {
    let (config, warnings) = Config::load(&std::env::current_dir()?)?;
    show(&warnings);
    Ok(Arc::new(config))
}

/// Shows findings on standard error, and how many there are.
fn show(findings: &[Diagnostic]) {
    let mut out = std::io::stderr().lock();
    for finding in findings {
        let _ = writeln!(out, "{finding}\n");
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    if errors > 1 {
        let _ = writeln!(out, "{errors} errors");
    }
}

/// Writes data to standard output; a reader that went away (`| head`) is no failure.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
