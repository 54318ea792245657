//! The command line: one file per subcommand. Each parses, calls, prints.

mod adhoc;
mod ask;
mod azure;
mod check;
mod checkpoint_scheduler;
mod config;
mod doc;
mod eject;
mod examples;
mod explain;
mod inventory;
mod k8s;
mod options;
mod reference;
mod run;
mod setup;
mod table;
mod tools;
mod vault;

use std::io::{ErrorKind, Write as _};
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
    /// Show where the value of a variable is from, and what it hides
    Explain(explain::ExplainCommand),
    /// Encrypt and decrypt files and values
    Vault(Box<vault::VaultCommand>),
    /// Show settings, and where they come from
    Config(config::ConfigCommand),
    /// Show what modules do and what arguments they take
    Doc(doc::DocCommand),
    /// Look at Azure, and make, start, stop and delete machines there
    Azure(Box<azure::AzureCommand>),
    /// Make, look after and delete Kubernetes clusters
    K8s(Box<k8s::K8sCommand>),
    /// Make a Kubernetes cluster of machines that are there
    Kubeadm(Box<k8s::KubeadmCommand>),
    /// Follow schedules of checkpoints, inside of a cluster
    CheckpointScheduler(checkpoint_scheduler::SchedulerCommand),
    /// Let cluster-autoscaler scale the pools of a cluster
    Autoscaler(Box<k8s::AutoscalerCommand>),
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
            clouder_inventory::LoadError::Read { ref source, .. } if source.kind() == ErrorKind::NotFound => {
                Self::new(error.to_string(), "a list of hosts has a comma in it: `-i web1,`")
            }
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

    /// A failure that says all by itself.
    fn plain(message: impl Into<String>) -> Self {
        Diagnostic::without_place(message).into()
    }

    /// The same with another exit code.
    fn code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

/// How large the stack is that all but the network works on. Templates lead to templates, and variables to variables, each
/// a few frames deep; unoptimised builds have large frames. What is not used of it costs nothing.
pub(crate) const STACK: usize = 64 << 20;

/// The program: reads the command line, does what it says, returns the exit code.
pub fn main() -> ExitCode {
    let thread = std::thread::Builder::new().name("main".to_owned()).stack_size(STACK).spawn(run);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // A panic has told of itself.
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => {
            show(&[Diagnostic::without_place(format!("cannot start a thread: {error}"))]);
            ExitCode::FAILURE
        }
    }
}

fn run() -> ExitCode {
    let command = tools::command(std::env::args_os()).unwrap_or_else(|| Cli::parse().command);
    let result = settings().and_then(|config| match command {
        Command::Run(command) => command.run(&config),
        Command::Adhoc(command) => command.run(&config),
        Command::Check(command) => command.run(&config),
        Command::Inventory(command) => command.run(&config),
        Command::Explain(command) => command.run(&config),
        Command::Vault(command) => command.run(&config),
        Command::Config(command) => command.run(&config),
        Command::Doc(command) => command.run(),
        Command::Azure(command) => command.run(&config),
        Command::K8s(command) => command.run(&config),
        Command::Kubeadm(command) => command.run(&config),
        Command::CheckpointScheduler(command) => command.run(),
        Command::Autoscaler(command) => command.run(&config),
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

/// How many findings are shown: nobody reads more.
const SHOWN: usize = 1000;

/// Shows findings on standard error, and how many there are. Where there are too many, errors go first.
fn show(findings: &[Diagnostic]) {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let mut shown: Vec<&Diagnostic> = findings.iter().collect();
    if shown.len() > SHOWN {
        shown.sort_by_key(|finding| !finding.is_error());
        shown.truncate(SHOWN);
    }
    let mut text: String = shown.iter().map(|finding| format!("{finding}\n\n")).collect();
    if findings.len() > SHOWN {
        text += &format!("{} more errors and warnings are not shown\n", findings.len() - SHOWN);
    }
    if errors > 1 {
        text += &format!("{errors} errors\n");
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes data to standard output; a reader that went away (`| head`) is no failure.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
