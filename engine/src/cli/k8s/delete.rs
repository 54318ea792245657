//! `clouder k8s delete`.

use clap::Args;
use serde_json::json;

use super::super::{Failure, azure as account, print};
use super::azure::{ask, resources};
use super::cluster::Cluster;
use super::{Context, Front, Named, confirm_by_name};

/// Deletes a cluster: volumes and load balancers that Kubernetes made, machines, network, and the resource group if nothing else
/// is in it. Of machines that are there, Kubernetes is taken off.
#[derive(Args)]
pub(super) struct Delete {
    #[command(flatten)]
    cluster: Named,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

impl Delete {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        let what = self.what(&cluster, context)?;
        print(&what);
        let deleted = format!("{} would be deleted", cluster.name);
        confirm_by_name(self.yes || self.front.check, &cluster, &deleted, "delete it")?;
        let code = self.front.play_alone(&cluster, "delete-cluster.yml", &json!({}), context)?;
        if code == 0 && !self.front.check {
            cluster.forget()?;
        }
        Ok(code)
    }

    /// What is deleted.
    fn what(&self, cluster: &Cluster, context: &Context<'_>) -> Result<String, Failure> {
        if !cluster.is_made() {
            let inventory = cluster.inventory();
            return Ok(format!("Kubernetes is taken off the machines of {inventory}; the machines stay\n"));
        }
        let group = cluster.text("azure_resource_group").unwrap_or(&cluster.name);
        let cloud = account::cloud(self.front.azure_endpoint.clone(), context.config)?;
        let found = ask(resources(cloud.as_ref(), group, &cluster.name))?;
        let lines = found.iter().map(|(kind, name)| format!("  {kind}  {name}\n"));
        let lines: String = lines.collect();
        Ok(match found.len() {
            0 => format!("In the resource group {group} is nothing of the cluster {}\n", cluster.name),
            count => format!(
                "{count} resources of the cluster {} in the resource group {group}, and what Kubernetes made there:\n{lines}",
                cluster.name
            ),
        })
    }
}
