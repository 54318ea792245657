//! `clouder run`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_lang::Severity;

use super::options::{ConnectionOptions, InventoryOptions, OutputOptions, VaultOptions};
use super::setup::{self, Setup};
use super::{Failure, print, vault};
use crate::config::Config;
use crate::playbook::{Item, Playbook, RoleUse};

/// Runs playbooks.
#[derive(Args, Default)]
pub(super) struct RunCommand {
    /// Playbooks: files, or the names of built-in ones
    #[arg(required = true, value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    #[command(flatten)]
    inventory: InventoryOptions,
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    output: OutputOptions,
    /// Only tasks with one of these tags
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    tags: Vec<String>,
    /// No tasks with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    skip_tags: Vec<String>,
    /// Begin at the task of this name
    #[arg(long, value_name = "NAME")]
    start_at_task: Option<String>,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// Show the hosts of each play, and do nothing
    #[arg(long)]
    list_hosts: bool,
    /// Show all tasks, and do nothing
    #[arg(long)]
    list_tasks: bool,
    /// Show all tags, and do nothing
    #[arg(long)]
    list_tags: bool,
    /// Only check the playbooks
    #[arg(long)]
    syntax_check: bool,
    /// Run handlers even on hosts that failed
    #[arg(long)]
    force_handlers: bool,
}

impl RunCommand {
    /// One playbook, with no choice of tasks.
    pub(super) fn of(
        playbook: PathBuf,
        inventory: InventoryOptions,
        connection: ConnectionOptions,
        vault: VaultOptions,
        output: OutputOptions,
    ) -> Self {
        Self { playbooks: vec![playbook], inventory, connection, vault, output, ..Self::default() }
    }

    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let listing = self.list_hosts || self.list_tasks || self.list_tags;
        let mut options = setup::run_options(config, &self.connection, &self.inventory, &self.output)?;
        if !self.tags.is_empty() {
            options.tags = self.tags.clone();
        }
        if !self.skip_tags.is_empty() {
            options.skip_tags = self.skip_tags.clone();
        }
        if self.list_tags && options.tags.is_empty() {
            options.tags = vec!["all".to_owned(), "never".to_owned()];
        }
        options.start_at_task = self.start_at_task.clone();
        options.step = self.step;
        options.force_handlers |= self.force_handlers;
        let reports = setup::reports(config, self.output.output, &options)?;
        let keyring = vault::of_run(config, &self.vault)?;
        let setup = Setup::new(config, &self.inventory, &keyring, &self.playbooks[0], options)?;
        setup.check_limit("all")?;
        let mut playbooks = Vec::new();
        for path in &self.playbooks {
            playbooks.push(setup.load(path, Severity::Warning)?);
        }
        if self.syntax_check {
            for playbook in &playbooks {
                print(&format!("\nplaybook: {}\n", playbook.path.display()));
            }
            return Ok(0);
        }
        if listing {
            for playbook in &playbooks {
                self.list(playbook, &setup)?;
            }
            return Ok(0);
        }
        setup.execute(&playbooks, reports)
    }

    fn list(&self, playbook: &Playbook, setup: &Setup) -> Result<(), Failure> {
        print(&format!("\nplaybook: {}\n", playbook.path.display()));
        for (number, play) in playbook.plays.iter().enumerate() {
            let pattern = setup.pattern(play)?;
            let name = play.name.as_ref().map_or_else(|| pattern.clone(), |name| setup.text_of(name));
            let tags = setup.tags_of(&play.layer.keywords.tags);
            print(&format!("\n  play #{} ({pattern}): {name}\tTAGS: [{}]\n", number + 1, tags.join(", ")));
            if self.list_hosts {
                let hosts = setup.select(&pattern)?;
                print(&format!("    pattern: ['{pattern}']\n    hosts ({}):\n", hosts.len()));
                for host in hosts {
                    print(&format!("      {host}\n"));
                }
            }
            let mut lines = Vec::new();
            let mut all_tags = BTreeSet::new();
            collect(&play.pre_tasks, setup, &mut lines, &mut all_tags);
            collect_roles(&play.roles, setup, &mut lines, &mut all_tags);
            collect(&play.tasks, setup, &mut lines, &mut all_tags);
            collect(&play.post_tasks, setup, &mut lines, &mut all_tags);
            if self.list_tasks {
                print("    tasks:\n");
                print(&lines.concat());
            }
            if self.list_tags {
                print(&format!(
                    "      TASK TAGS: [{}]\n",
                    all_tags.into_iter().collect::<Vec<_>>().join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// The tasks of roles, those of their dependencies first.
fn collect_roles(roles: &[RoleUse], setup: &Setup, lines: &mut Vec<String>, all_tags: &mut BTreeSet<String>) {
    for used in roles {
        collect_roles(&used.role.dependencies, setup, lines, all_tags);
        collect(&used.tasks, setup, lines, all_tags);
    }
}

/// Tasks that are chosen; of blocks what they begin with.
fn collect(items: &[Item], setup: &Setup, lines: &mut Vec<String>, all_tags: &mut BTreeSet<String>) {
    for item in items {
        let task = match item {
            Item::Task(task) => task,
            Item::Block(block) => {
                collect(&block.items, setup, lines, all_tags);
                continue;
            }
        };
        let layers = task.layer.chain().flat_map(|layer| layer.keywords.tags.iter());
        let nodes: Vec<_> = layers.chain(&task.keywords.tags).cloned().collect();
        let tags = setup.tags_of(&nodes);
        if !setup.chooses(&tags) {
            continue;
        }
        let name = match &task.name {
            Some(name) => {
                let role = task.layer.role().map_or_else(String::new, |role| format!("{} : ", role.name));
                format!("{role}{}", name.to_text())
            }
            None => task.invocation.written.to_text().to_string(),
        };
        lines.push(format!("      {name}\tTAGS: [{}]\n", tags.join(", ")));
        all_tags.extend(tags);
    }
}
