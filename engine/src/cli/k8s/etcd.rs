//! `clouder k8s etcd`: snapshots of a cluster's etcd, and going back to one.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::super::{Failure, print};
use super::{Context, Front, Named, confirm_by_name};

/// Looks after the etcd of a cluster: all its objects.
#[derive(Args)]
pub(super) struct Etcd {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Put a snapshot of all objects of a cluster into a file
    Backup(Backup),
    /// Take a cluster back to a snapshot
    Restore(Restore),
}

/// Puts a snapshot of all objects of a cluster, its secrets among them, into a file that only you may read.
#[derive(Args)]
struct Backup {
    #[command(flatten)]
    cluster: Named,
    /// The file; CLUSTER-etcd.db here if not said, which must not be there yet
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    front: Front,
}

/// Takes a cluster back to a snapshot: its control planes stand still meanwhile, and what came afterwards is lost to it.
/// Interrupted, the same command is run again.
#[derive(Args)]
struct Restore {
    #[command(flatten)]
    cluster: Named,
    /// The snapshot
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

impl Etcd {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        match self.action {
            Action::Backup(command) => command.run(context),
            Action::Restore(command) => command.run(context),
        }
    }
}

impl Backup {
    fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        let path = self.to.unwrap_or_else(|| format!("{}-etcd.db", cluster.name).into());
        if path.exists() {
            let message = format!("{} is there already", path.display());
            return Err(Failure::new(message, "name another file with --to, or move that one away"));
        }
        let variables = json!({"etcd_backup_path": absolute(&path)?});
        self.front.play(&cluster, "backup-etcd.yml", &variables, context)
    }
}

impl Restore {
    fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        if !self.from.is_file() {
            return Err(Failure::plain(format!("there is no file {}", self.from.display())));
        }
        let what = format!("{} goes back to the snapshot {}", cluster.name, self.from.display());
        print(&format!("{what}; what came after it is lost to the cluster, and its API is away meanwhile\n"));
        confirm_by_name(self.yes || self.front.check, &cluster, &what, "go back")?;
        let variables = json!({"etcd_restore_path": absolute(&self.from)?});
        self.front.play_alone(&cluster, "restore-etcd.yml", &variables, context)
    }
}

/// A path as the playbooks take it, wherever they are.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::plain(format!("{}: {error}", path.display())))
}
