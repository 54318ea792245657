//! `clouder checkpoint-scheduler`: what runs in a cluster for schedules of checkpoints.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::{Args, Subcommand};
use clouder_checkpoint::cluster::{Access, Cluster};
use clouder_checkpoint::scheduler::{Log, Stop};
use clouder_checkpoint::{agent, scheduler};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, print};

/// Where a pod has what its service account is known by.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Follows schedules of checkpoints: as a Deployment of the cluster, and as a DaemonSet for the archives on its nodes. The role
/// checkpoint-scheduler sets both up.
#[derive(Args)]
pub(super) struct SchedulerCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Have checkpoints made when they are due, as long as no other one does so
    Run {
        /// The namespace of the lease that says who works
        #[arg(long)]
        namespace: String,
        /// The name of that lease
        #[arg(long, default_value = "checkpoint-scheduler")]
        lease: String,
        /// What tells this one from others, such as the name of its pod
        #[arg(long, value_name = "NAME")]
        holder: String,
        #[command(flatten)]
        common: Common,
    },
    /// Keep, copy and delete the archives of one node
    Agent {
        /// The node that this is
        #[arg(long, value_name = "NAME")]
        node: String,
        /// The folder of archives
        #[arg(long, value_name = "FOLDER", default_value = "/var/lib/kubelet/checkpoints")]
        archives: PathBuf,
        #[command(flatten)]
        common: Common,
    },
}

/// What both need.
#[derive(Args)]
struct Common {
    /// The cluster's name, under which copies are stored
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// The folder with a file NAME.json for each store; none if not said
    #[arg(long, value_name = "FOLDER")]
    stores: Option<PathBuf>,
    /// The API server, where it is not that of the cluster this runs in
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The file of the token to be known by, where it is not that of a pod
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// The file of the cluster's authority, where it is not that of a pod
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
}

impl Common {
    fn connect(&self) -> Result<Cluster, Failure> {
        let file = |given: &Option<PathBuf>, name: &str| {
            given.clone().unwrap_or_else(|| Path::new(ACCOUNT).join(name))
        };
        let access = Access {
            server: self.server.clone(),
            token: file(&self.token, "token"),
            authority: file(&self.authority, "ca.crt"),
        };
        Cluster::new(&access).map_err(|error| Failure::plain(error.to_string()))
    }
}

impl SchedulerCommand {
    /// Runs the command until it is told to end; returns the exit code.
    pub(super) fn run(self) -> Result<i32, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let stop = Stop::default();
        let told = Arc::clone(&stop);
        runtime.block_on(async {
            let mut terminated = signal(SignalKind::terminate())?;
            tokio::spawn(async move {
                tokio::select! {
                    _ = terminated.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                told.store(true, Ordering::Relaxed);
            });
            Ok::<_, std::io::Error>(())
        })?;
        self.action.work(&stop)?;
        Ok(0)
    }
}

impl Action {
    fn work(self, stop: &Stop) -> Result<(), Failure> {
        let log: Log = Arc::new(|line: &str| print(&format!("{line}\n")));
        let worked = match self {
            Self::Run { namespace, lease, holder, common } => {
                let connected = common.connect()?;
                let Common { cluster, stores, .. } = common;
                scheduler::run(
                    connected,
                    scheduler::Options { namespace, lease, holder, cluster, stores },
                    log,
                    stop,
                )
            }
            Self::Agent { node, archives, common } => {
                let connected = common.connect()?;
                let Common { cluster, stores, .. } = common;
                agent::run(connected, agent::Options { node, folder: archives, cluster, stores }, log, stop)
            }
        };
        worked.map_err(Failure::plain)
    }
}
