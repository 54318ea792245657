//! `clouder k8s checkpoint`, `checkpoints` and `restore`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::super::Failure;
use super::{Context, Front, Named, confirm};

/// Writes the whole state of a pod's containers, memory and all, into archives on its node, while they go on. Whoever may read an
/// archive knows all secrets that the container knew.
#[derive(Args)]
pub(super) struct Checkpoint {
    #[command(flatten)]
    cluster: Named,
    /// The pod
    pod: String,
    /// The pod's namespace
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// Only this container; can be given several times
    #[arg(short, long = "container", value_name = "CONTAINER")]
    containers: Vec<String>,
    /// How long each container may stand still for it, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    #[command(flatten)]
    front: Front,
}

/// Shows or deletes checkpoints.
#[derive(Args)]
pub(super) struct Checkpoints {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the checkpoints on the nodes of a cluster
    Ls(List),
    /// Delete checkpoints, and the images that were made of them
    Delete(Delete),
}

/// Shows the checkpoints on the nodes of a cluster.
#[derive(Args)]
struct List {
    #[command(flatten)]
    cluster: Named,
    /// Only those of this namespace
    #[arg(short, long, default_value = "", hide_default_value = true)]
    namespace: String,
    /// Only those of this pod
    #[arg(long, default_value = "", hide_default_value = true)]
    pod: String,
    #[command(flatten)]
    front: Front,
}

/// Deletes checkpoints, and the images that were made of them.
#[derive(Args)]
struct Delete {
    #[command(flatten)]
    cluster: Named,
    /// Their names, as `clouder k8s checkpoints ls` shows them
    #[arg(required = true, value_name = "CHECKPOINT")]
    checkpoints: Vec<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

/// Restores a pod from checkpoints: its containers go on where they were, those of which there is none start anew. Run again, it
/// changes nothing.
#[derive(Args)]
pub(super) struct Restore {
    #[command(flatten)]
    cluster: Named,
    /// The checkpoints, each of another container of one pod
    #[arg(required = true, value_name = "CHECKPOINT")]
    checkpoints: Vec<String>,
    /// The node; by default the one that has the checkpoints
    #[arg(long, value_name = "NODE", default_value = "", hide_default_value = true)]
    node: String,
    /// The pod's name; by default what it was
    #[arg(long = "as", value_name = "POD", default_value = "", hide_default_value = true)]
    pod: String,
    /// How long the pod may take to be ready, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    #[command(flatten)]
    front: Front,
}

impl Checkpoint {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        let variables = json!({
            "checkpoint_pod": self.pod,
            "checkpoint_namespace": self.namespace,
            "checkpoint_containers": self.containers,
            "checkpoint_timeout": self.timeout,
        });
        self.front.play(&cluster, "checkpoint.yml", &variables, context)
    }
}

impl Checkpoints {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        match self.action {
            Action::Ls(list) => {
                let cluster = list.cluster.find(context)?;
                let variables = json!({
                    "checkpoints_namespace": list.namespace,
                    "checkpoints_pod": list.pod,
                    "checkpoints_to_delete": [],
                });
                list.front.play(&cluster, PLAYBOOK, &variables, context)
            }
            Action::Delete(delete) => {
                let cluster = delete.cluster.find(context)?;
                let what =
                    format!("{} of {} cannot be had back", delete.checkpoints.join(", "), cluster.name);
                confirm(delete.yes || delete.front.check, &what)?;
                let variables = json!({"checkpoints_to_delete": delete.checkpoints});
                delete.front.play(&cluster, PLAYBOOK, &variables, context)
            }
        }
    }
}

/// The playbook that shows and deletes.
const PLAYBOOK: &str = "checkpoints.yml";

impl Restore {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        let variables = json!({
            "checkpoint_restore_archives": self.checkpoints,
            "checkpoint_restore_node": self.node,
            "checkpoint_restore_pod": self.pod,
            "checkpoint_restore_timeout": self.timeout,
        });
        self.front.play_alone(&cluster, "restore.yml", &variables, context)
    }
}
