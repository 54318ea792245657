//! `clouder check`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_lang::{Diagnostic, Severity};

use super::options::{InventoryOptions, VaultOptions};
use super::setup::Setup;
use super::{Failure, print, vault};
use crate::config::Config;
use crate::run::RunOptions;

/// Checks playbooks without reaching any host.
#[derive(Args)]
pub(super) struct CheckCommand {
    /// Playbooks: files, or the names of built-in ones
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    #[command(flatten)]
    inventory: InventoryOptions,
    #[command(flatten)]
    vault: VaultOptions,
}

impl CheckCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let keyring = vault::of_run(config, &self.vault)?;
        let setup =
            Setup::new(config, &self.inventory, &keyring, &self.playbooks[0], RunOptions::new(config))?;
        let mut findings: Vec<Diagnostic> = Vec::new();
        for path in &self.playbooks {
            match setup.load(path, Severity::Error) {
                Ok(playbook) => print(&format!("{}: no errors\n", playbook.path.display())),
                Err(failure) => findings.extend(failure.findings),
            }
        }
        if findings.is_empty() { Ok(0) } else { Err(findings.into()) }
    }
}
