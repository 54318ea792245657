//! `clouder run`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_lang::Severity;

use super::options::{ConnectionOptions, InventoryOptions, OutputOptions, VaultOptions};
use super::setup::{self, Setup};
use super::{Failure, print, vault};
use crate::config::Config;
use crate::playbook::{Item, Playbook};

/// Runs playbooks.
#[derive(Args)]
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
        options.start_at_task = self.start_at_task.clone();
        options.step = self.step;
        options.force_handlers |= self.force_handlers;
        let reports = setup::reports(config, self.output.output, &options)?;
        let keyring = vault::of_run(config, &self.vault)?;
        let setup = Setup::new(config, &self.inventory, &keyring, &self.playbooks[0], options)?;
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
        setup.check_limit("all")?;
        setup.execute(&playbooks, reports)
    }

    fn list(&self, playbook: &Playbook, setup: &Setup) -> Result<(), Failure> {
        print(&format!("\nplaybook: {}\n", playbook.path.display()));
        for (number, play) in playbook.plays.iter().enumerate() {
            let pattern = setup.pattern(play)?;
            let name = play.name.as_ref().map_or_else(|| pattern.clone(), |name| name.to_text().to_string());
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
            let mut all_tags = std::collections::BTreeSet::new();
            for items in [&play.pre_tasks]
                .into_iter()
                .chain(play.roles.iter().map(|used| &used.tasks))
                .chain([&play.tasks, &play.post_tasks])
            {
                self.collect(items, setup, &mut lines, &mut all_tags);
            }
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

    fn collect(
        &self,
        items: &[Item],
        setup: &Setup,
        lines: &mut Vec<String>,
        all_tags: &mut std::collections::BTreeSet<String>,
    ) {
        for item in items {
            match item {
                Item::Task(task) => {
                    let nodes: Vec<_> = task
                        .layer
                        .chain()
                        .flat_map(|layer| layer.keywords.tags.iter())
                        .chain(&task.keywords.tags)
                        .cloned()
                        .collect();
                    let tags = setup.tags_of(&nodes);
                    if !setup.chooses(&tags) {
                        continue;
                    }
                    let name = task
                        .name
                        .as_ref()
                        .map_or_else(|| task.invocation.written.to_text(), |name| name.to_text());
                    let role = task.layer.role().map_or_else(String::new, |role| format!("{} : ", role.name));
                    lines.push(format!("      {role}{name}\tTAGS: [{}]\n", tags.join(", ")));
                    all_tags.extend(tags);
                }
                Item::Block(block) => {
                    for items in [&block.items, &block.rescue, &block.always] {
                        self.collect(items, setup, lines, all_tags);
                    }
                }
            }
        }
    }
}
