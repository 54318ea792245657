//! `clouder adhoc`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clouder_lang::Severity;

use super::options::{ConnectionOptions, InventoryOptions, OutputOptions, VaultOptions};
use super::setup::{self, Setup};
use super::{Failure, print, vault};
use crate::config::{self, Config};
use crate::playbook::short_name;
use crate::report::Tree;

/// Modules that do nothing without arguments.
const WITH_ARGUMENTS: [&str; 4] = ["command", "shell", "raw", "script"];

/// Runs one module on the hosts of a pattern.
#[derive(Args)]
pub(super) struct AdhocCommand {
    /// Which hosts
    pattern: String,
    /// Which module (command if not said)
    #[arg(short, long = "module-name", value_name = "MODULE")]
    module: Option<String>,
    /// Its arguments: key=value pairs, free text, or a JSON mapping
    #[arg(short, long = "args", value_name = "ARGS", allow_hyphen_values = true)]
    args: Option<String>,
    /// Seconds it may take in the background
    #[arg(short = 'B', long = "background", value_name = "SECONDS")]
    background: Option<u64>,
    /// Seconds between two looks at it there; 0 to start it only
    #[arg(short = 'P', long = "poll", value_name = "SECONDS", requires = "background")]
    poll: Option<u64>,
    /// Seconds it may take
    #[arg(long, value_name = "SECONDS")]
    task_timeout: Option<u64>,
    /// Show each answer on one line
    #[arg(short, long)]
    one_line: bool,
    /// Write each answer into this folder, too, as JSON in a file named like the host
    #[arg(short, long, value_name = "FOLDER")]
    tree: Option<PathBuf>,
    /// Show the hosts, and do nothing
    #[arg(long)]
    list_hosts: bool,
    /// The folder whose group_vars, host_vars and roles count, too
    #[arg(long, value_name = "FOLDER")]
    playbook_dir: Option<PathBuf>,
    #[command(flatten)]
    inventory: InventoryOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    output: OutputOptions,
}

impl AdhocCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let mut options = setup::run_options(config, &self.connection, &self.inventory, &self.output)?;
        if let Some(seconds) = self.task_timeout {
            options.task_timeout = Some(Duration::from_secs(seconds)).filter(|limit| !limit.is_zero());
        }
        let mut reports = setup::answers(config, self.output.output, &options, self.one_line);
        if let Some(folder) = &self.tree {
            let told = |error: std::io::Error| {
                Failure::new(
                    format!("cannot make the folder {}: {error}", folder.display()),
                    "--tree names a folder that can be written to",
                )
            };
            std::fs::create_dir_all(folder).map_err(told)?;
            reports.push(Box::new(Tree::new(folder.clone())));
        }
        let folder = self.playbook_dir.clone().or_else(|| config.path(&config::PLAYBOOK_DIR));
        let path = folder.unwrap_or_default().join("(adhoc)");
        let text = self.playbook(config)?;
        let keyring = vault::of_run(config, &self.vault)?;
        let setup = Setup::with_text(config, &self.inventory, &keyring, &path, Some(&text), options)?;
        setup.check_limit(&self.pattern)?;
        if self.list_hosts {
            let hosts = setup.select(&self.pattern)?;
            print(&format!("  hosts ({}):\n", hosts.len()));
            hosts.iter().for_each(|host| print(&format!("    {host}\n")));
            return Ok(0);
        }
        let playbook = setup.load(&path, Severity::Warning)?;
        setup.execute(&[playbook], reports)
    }

    /// The play that does it. JSON is YAML, and quotes whatever is in the words.
    fn playbook(&self, config: &Config) -> Result<String, Failure> {
        let given = |words: &Option<String>, setting| {
            words.clone().or_else(|| config.text(setting)).unwrap_or_default()
        };
        let module = given(&self.module, &config::DEFAULT_MODULE_NAME);
        let args = given(&self.args, &config::DEFAULT_MODULE_ARGS);
        if !self.list_hosts && args.is_empty() && WITH_ARGUMENTS.contains(&short_name(&module)) {
            let message = format!("no argument was passed to the module {module}");
            return Err(Failure::new(message, "-a says what it runs").code(5));
        }
        let word = |text: &str| serde_json::Value::from(text).to_string();
        let arguments = if args.trim_start().starts_with('{') { args } else { word(&args) };
        let mut keywords = String::new();
        if let Some(seconds) = self.background {
            let poll = self.poll.unwrap_or_else(|| config.integer(&config::DEFAULT_POLL_INTERVAL));
            keywords = format!(", \"async\": {seconds}, \"poll\": {poll}");
        }
        Ok(format!(
            "[{{\"name\": \"adhoc\", \"hosts\": {}, \"gather_facts\": false, \"tasks\": [{{{}: {arguments}{keywords}}}]}}]",
            word(&self.pattern),
            word(&module)
        ))
    }
}
