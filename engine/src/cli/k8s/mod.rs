//! `clouder k8s`: clusters, each by a file of variables and playbooks that can also be run by themselves.

mod autoscaler;
mod azure;
mod care;
mod checkpoint;
mod cluster;
mod control_plane;
mod create;
mod delete;
mod etcd;
mod expiry;
mod image;
mod kubeconfig;
mod list;
mod plan;
mod pool;
mod replace;
mod schedules;
mod settings;
mod ssh;
mod upgrade;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(super) use self::autoscaler::AutoscalerCommand;
use self::cluster::{Cluster, Clusters};
use super::options::{ConnectionOptions, InventoryOptions, OutputOptions, VaultOptions};
use super::run::RunCommand;
use super::{Failure, ask, show};
use crate::config::Config;

/// Makes, looks after and deletes Kubernetes clusters.
#[derive(Args)]
pub(super) struct K8sCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a cluster, or go on where making it was interrupted
    Create(Box<create::Create>),
    /// Show all clusters
    Ls(list::Ls),
    /// Show a cluster: its pools and machines
    Show(list::Show),
    /// Get credentials of your own for a cluster, for a limited time
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Make a cluster the one that kubectl works with
    Use(kubeconfig::Use),
    /// Log in to a machine of a cluster
    Ssh(ssh::Ssh),
    /// Add a pool of workers
    CreateNodepool(Box<pool::CreatePool>),
    /// Change how many machines a pool has
    UpdateNodepool(pool::UpdatePool),
    /// Remove a pool with all its machines
    DeleteNodepool(pool::DeletePool),
    /// Take a cluster to another release of Kubernetes
    Upgrade(upgrade::Upgrade),
    /// Show how long the certificates of a cluster are valid, or renew them
    Certs(care::Certs),
    /// Back up all objects of a cluster, or go back to a backup
    Etcd(etcd::Etcd),
    /// Replace a control plane, be it alive or lost
    ReplaceControlPlane(control_plane::ReplaceControlPlane),
    /// Examine a cluster, and say what to do about what is found
    Doctor(care::Doctor),
    /// Try whether a cluster works: DNS, the network between nodes, volumes
    Smoke(care::Smoke),
    /// Write the state of a pod's containers into archives
    Checkpoint(checkpoint::Checkpoint),
    /// Show or delete checkpoints
    Checkpoints(checkpoint::Checkpoints),
    /// Let a pod go on from checkpoints
    Restore(checkpoint::Restore),
    /// Show, make and delete schedules of checkpoints
    Schedules(schedules::Schedules),
    /// Take the lock of a cluster from whoever holds it
    Unlock(Unlock),
    /// Delete a cluster with all that belongs to it
    Delete(delete::Delete),
}

/// Makes a cluster of machines that are there.
#[derive(Args)]
pub(super) struct KubeadmCommand {
    #[command(subcommand)]
    action: KubeadmAction,
}

#[derive(Subcommand)]
enum KubeadmAction {
    /// Set up Kubernetes on the machines of an inventory: those of the groups control_plane and workers
    Setup {
        #[command(flatten)]
        inventory: InventoryOptions,
        #[command(flatten)]
        connection: Box<ConnectionOptions>,
        #[command(flatten)]
        vault: VaultOptions,
        #[command(flatten)]
        output: OutputOptions,
    },
}

/// A cluster that is known.
#[derive(Args)]
struct Named {
    /// The cluster
    #[arg(value_name = "CLUSTER")]
    cluster: String,
}

/// Takes the lock of a cluster from whoever holds it: for when that has ended without giving it back.
#[derive(Args)]
struct Unlock {
    #[command(flatten)]
    cluster: Named,
    #[command(flatten)]
    front: Front,
}

/// How a playbook is run.
#[derive(Args)]
struct Front {
    /// Further variables: key=value, YAML or JSON, or @file
    #[arg(short, long = "extra-vars", value_name = "VARS")]
    extra_vars: Vec<String>,
    /// Only predict; change nothing
    #[arg(short = 'C', long)]
    check: bool,
    /// Show what changes inside files
    #[arg(short = 'D', long)]
    diff: bool,
    /// Log in with this key
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// The origin of Azure's resource manager, where it is not the usual one
    #[arg(long, value_name = "URL")]
    azure_endpoint: Option<String>,
    #[command(flatten)]
    vault: VaultOptions,
    #[command(flatten)]
    output: OutputOptions,
}

/// What all commands need.
struct Context<'a> {
    config: &'a Arc<Config>,
    clusters: Clusters,
}

impl K8sCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let context = Context { config, clusters: Clusters::new(config) };
        match self.action {
            Action::Create(command) => command.run(&context),
            Action::Ls(command) => command.run(&context),
            Action::Show(command) => command.run(&context),
            Action::Kubeconfig(command) => command.run(&context),
            Action::Use(command) => command.run(&context),
            Action::Ssh(command) => command.run(&context),
            Action::CreateNodepool(command) => command.run(&context),
            Action::UpdateNodepool(command) => command.run(&context),
            Action::DeleteNodepool(command) => command.run(&context),
            Action::Upgrade(command) => command.run(&context),
            Action::Certs(command) => command.run(&context),
            Action::Etcd(command) => command.run(&context),
            Action::ReplaceControlPlane(command) => command.run(&context),
            Action::Doctor(command) => command.run(&context),
            Action::Smoke(command) => command.run(&context),
            Action::Checkpoint(command) => command.run(&context),
            Action::Checkpoints(command) => command.run(&context),
            Action::Restore(command) => command.run(&context),
            Action::Schedules(command) => command.run(&context),
            Action::Unlock(command) => command.run(&context),
            Action::Delete(command) => command.run(&context),
        }
    }
}

impl KubeadmCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let KubeadmAction::Setup { inventory, connection, vault, output } = self.action;
        RunCommand::of(playbook("create-cluster.yml"), inventory, *connection, vault, output).run(config)
    }
}

/// The playbook that takes the lock of a cluster and gives it back.
const LOCK: &str = "lock-cluster.yml";

/// The playbook that runs another one under it.
const UNDER_LOCK: &str = "under-lock.yml";

/// Who holds the lock while something is done from here.
fn holder() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
    let host = rustix::system::uname();
    format!("{user}@{}", host.nodename().to_string_lossy())
}

/// What becomes of the lock: `free`, or `broken`.
fn lock(state: &str) -> Value {
    json!({"cluster_lock_holder": holder(), "cluster_lock_state": state})
}

/// A playbook of ours, or what stands for it.
fn playbook(name: &str) -> PathBuf {
    PathBuf::from("playbooks").join(name)
}

impl Unlock {
    /// Runs the command; returns the exit code.
    fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        self.front.play(&cluster, LOCK, &lock("broken"), context)
    }
}

impl Named {
    /// The cluster, held until it is dropped.
    fn find(&self, context: &Context<'_>) -> Result<Cluster, Failure> {
        context.clusters.find(&self.cluster)?.hold()
    }
}

impl Front {
    /// Keeps what a cluster should be, unless this is only a prediction.
    fn keep(&self, cluster: &Cluster) -> Result<(), Failure> {
        if self.check { Ok(()) } else { cluster.save() }
    }

    /// Where a cluster's machines are.
    fn inventory(&self, cluster: &Cluster) -> InventoryOptions {
        InventoryOptions {
            inventory: vec![cluster.inventory()],
            azure_endpoint: self.azure_endpoint.clone(),
            ..InventoryOptions::default()
        }
    }

    /// Runs a playbook that changes a cluster, as the only one who does so meanwhile; see [`Self::play`].
    fn play_alone(
        &self,
        cluster: &Cluster,
        name: &str,
        more: &Value,
        context: &Context<'_>,
    ) -> Result<i32, Failure> {
        if self.check {
            return self.play(cluster, name, more, context);
        }
        let work = json!({"cluster_work": name, "cluster_lock_holder": holder()});
        let code = self.play_with(cluster, UNDER_LOCK, &[&work, more], context);
        if !matches!(code, Ok(0)) {
            // What became of the work is what counts.
            if let Err(failure) = self.play(cluster, LOCK, &lock("free"), context) {
                show(&failure.findings);
            }
        }
        code
    }

    /// Runs a playbook with the variables of a cluster, and `more` that are stronger; returns the exit code.
    fn play(
        &self,
        cluster: &Cluster,
        name: &str,
        more: &Value,
        context: &Context<'_>,
    ) -> Result<i32, Failure> {
        self.play_with(cluster, name, &[more], context)
    }

    /// Runs a playbook that writes what it found as JSON into a file, which the variable `report` names; returns that, or the exit code
    /// where it found nothing.
    fn told<T: DeserializeOwned>(
        &self,
        cluster: &Cluster,
        name: &str,
        more: &Value,
        report: &str,
        context: &Context<'_>,
    ) -> Result<Result<T, i32>, Failure> {
        let file = tempfile::NamedTempFile::new()?;
        let code = self.play_with(cluster, name, &[more, &json!({report: file.path()})], context)?;
        if code != 0 {
            return Ok(Err(code));
        }
        let text = std::fs::read_to_string(file.path())?;
        let found = serde_json::from_str(&text);
        found.map(Ok).map_err(|error| Failure::plain(format!("{name} told nothing: {error}")))
    }

    fn play_with(
        &self,
        cluster: &Cluster,
        name: &str,
        more: &[&Value],
        context: &Context<'_>,
    ) -> Result<i32, Failure> {
        // The credentials of the administrator stay on the control planes.
        let usual = json!({"kubeadm_kubeconfig_path": ""});
        let own = Value::Object(cluster.variables.clone());
        let mut extra_vars = vec![usual.to_string(), own.to_string()];
        extra_vars.extend(more.iter().map(|more| more.to_string()));
        extra_vars.extend(self.extra_vars.iter().cloned());
        let inventory = InventoryOptions { extra_vars, ..self.inventory(cluster) };
        let connection = ConnectionOptions {
            private_key: self.private_key.clone(),
            check: self.check,
            diff: self.diff,
            ..ConnectionOptions::default()
        };
        RunCommand::of(playbook(name), inventory, connection, self.vault.clone(), self.output.clone())
            .run(context.config)
    }
}

/// Asks whether to go on, unless that was said.
///
/// # Errors
/// When the answer is no, or there is nobody to ask.
fn confirm(said: bool, what: &str) -> Result<(), Failure> {
    if said {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("{what}: there is no terminal to ask at"), "say --yes to go on"));
    }
    let answer = ask::line(&format!("{what}. Go on? [y/N]"))?;
    if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Failure::plain("nothing was done"))
}

/// Wants the name of the cluster typed before something happens that cannot be undone, unless that was said. `what` is said where
/// nobody can be asked, `verb` is what it is about.
///
/// # Errors
/// When another name is typed, or there is nobody to ask.
fn confirm_by_name(said: bool, cluster: &Cluster, what: &str, verb: &str) -> Result<(), Failure> {
    if said {
        return Ok(());
    }
    let name = &cluster.name;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(format!("{what}: there is no terminal to ask at"), "say --yes to do so"));
    }
    let answer =
        ask::line(&format!("This cannot be undone. Type the name of the cluster ({name}) to {verb}"))?;
    if answer.trim() == name { Ok(()) } else { Err(Failure::plain("that is another name: nothing was done")) }
}
