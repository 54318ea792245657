//! `clouder k8s replace-control-plane`.

use clap::Args;
use serde_json::json;

use super::super::Failure;
use super::{Context, Front, Named, confirm};

/// Replaces a control plane, be its machine alive, dead or made anew: takes it out of the cluster and of etcd, makes its machine anew
/// where machines are made by clouder, and lets it join again. Refuses to cost etcd its quorum. Interrupted, the same command goes
/// on where it ended.
#[derive(Args)]
pub(super) struct ReplaceControlPlane {
    #[command(flatten)]
    cluster: Named,
    /// The control plane
    #[arg(value_name = "NODE")]
    node: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

impl ReplaceControlPlane {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        let prefix = format!("{}-cp-", cluster.name);
        if cluster.is_made() && !self.node.starts_with(&prefix) {
            let message = format!("{} is no control plane of the cluster {}", self.node, cluster.name);
            let hint =
                format!("they are called {prefix}1 and so on; `clouder k8s show {}` has all", cluster.name);
            return Err(Failure::new(message, hint));
        }
        let machine = if cluster.is_made() { ", its machine is deleted and made anew," } else { "" };
        let question = format!("{} is taken out of {}{machine} and joins again", self.node, cluster.name);
        confirm(self.yes || self.front.check, &question)?;
        let variables = json!({"cluster_control_plane": self.node});
        self.front.play_alone(&cluster, "replace-control-plane.yml", &variables, context)
    }
}
