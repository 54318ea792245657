//! `clouder k8s create`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::super::{Failure, ask, print};
use super::cluster::{self, CREATED, Cluster, INVENTORY};
use super::plan::Plan;
use super::pool::Pool;
use super::settings::{SETTINGS, Setting, WORKER_COUNT, WORKER_SIZE, expanded, option};
use super::{Context, Front, confirm};

/// Makes a cluster, or goes on where making it was interrupted. Without options, it asks for each setting at the terminal.
#[derive(Args)]
pub(super) struct Create {
    /// The cluster's name
    name: String,
    /// Where its machines are from
    #[arg(long, value_enum)]
    provider: Option<Provider>,
    /// The region [default: westeurope]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The size of control planes [default: Standard_D2s_v5]
    #[arg(long, value_name = "SIZE")]
    control_plane_size: Option<String>,
    /// How many control planes: 1, 3 or 5 [default: 1]
    #[arg(long, value_name = "N")]
    control_plane_count: Option<String>,
    /// The size of workers [default: Standard_D2s_v5]
    #[arg(long, value_name = "SIZE")]
    worker_size: Option<String>,
    /// How many workers [default: 2]
    #[arg(long, value_name = "N")]
    worker_count: Option<String>,
    /// The release of Kubernetes, X.Y.Z
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// The network between pods; none if you bring your own [default: flannel]
    #[arg(long, value_enum)]
    cni: Option<Cni>,
    /// Whether machines are prepared for checkpoint and restore [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable_criu: Option<String>,
    /// Zones that machines are spread over
    #[arg(long, value_name = "ZONES")]
    zones: Option<String>,
    /// Addresses that ssh may come from, such as 203.0.113.0/24
    #[arg(long, value_name = "ADDRESSES")]
    ssh_sources: Option<String>,
    /// The public key that logs in; the private one is beside it [default: ~/.ssh/id_ed25519.pub]
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<String>,
    /// The inventory of machines that are there, with the groups control_plane and workers
    #[arg(short, long, value_name = "SOURCE")]
    inventory: Option<String>,
    /// Take settings from a file, such as one that --save wrote
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the settings into a file, too
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    front: Front,
}

/// Where machines are from.
#[derive(Clone, Copy, ValueEnum)]
enum Provider {
    /// Made on Azure
    Azure,
    /// There, in an inventory
    Static,
}

/// The network between pods.
#[derive(Clone, Copy, ValueEnum)]
enum Cni {
    Flannel,
    None,
}

impl Create {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let mut cluster = context.clusters.begin(&self.name)?.hold()?;
        let given = self.given();
        if let Some(file) = &self.file {
            take_over(&mut cluster, file)?;
        }
        let asks = given.is_empty() && self.file.is_none() && !cluster.is_known();
        if asks && !self.yes && std::io::stdin().is_terminal() {
            questions(&mut cluster)?;
        } else {
            settle(&mut cluster, &given)?;
        }
        let plan = Plan::new(&cluster, &self.front, context)?;
        print(&plan.text());
        if let Some(path) = &self.save {
            cluster::write_private(path, cluster.yaml().as_bytes())
                .map_err(|error| Failure::plain(format!("cannot write {}: {error}", path.display())))?;
        }
        if self.dry_run {
            return Ok(0);
        }
        let what = format!("The cluster {} is made", cluster.name);
        confirm(self.yes || self.front.check, &what)?;
        self.front.keep(&cluster)?;
        let code = self.front.play_alone(&cluster, "create-cluster.yml", &json!({}), context)?;
        if code == 0 && !self.front.check && cluster.text(CREATED).is_none() {
            cluster.variables.insert(CREATED.to_owned(), super::list::now().into());
            cluster.save()?;
        }
        Ok(code)
    }

    /// What was said on the command line.
    fn given(&self) -> Vec<(&'static str, String)> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|value| value.get_name().to_owned())
        };
        let options = [
            ("provider", name(&|| self.provider?.to_possible_value())),
            (INVENTORY, self.inventory.clone()),
            ("azure_location", self.region.clone()),
            ("control_plane_count", self.control_plane_count.clone()),
            ("control_plane_size", self.control_plane_size.clone()),
            (WORKER_COUNT, self.worker_count.clone()),
            (WORKER_SIZE, self.worker_size.clone()),
            ("azure_zones", self.zones.clone()),
            ("azure_ssh_sources", self.ssh_sources.clone()),
            ("azure_ssh_public_key_file", self.ssh_key.clone()),
            ("kubernetes_version", self.kubernetes_version.clone()),
            ("cluster_cni", name(&|| self.cni?.to_possible_value())),
            ("criu_enabled", self.enable_criu.clone()),
        ];
        options.into_iter().filter_map(|(variable, text)| Some((variable, text?))).collect()
    }
}

/// Takes settings from a file.
fn take_over(cluster: &mut Cluster, file: &Path) -> Result<(), Failure> {
    let variables = cluster::read(file)?;
    if let Some(name) = variables.get("cluster_name").filter(|name| **name != *cluster.name) {
        let message = format!("{} is the file of the cluster {name}", file.display());
        return Err(Failure::new(
            message,
            "name that one, or remove cluster_name and kubernetes_cluster_name from the file",
        ));
    }
    cluster.variables.extend(variables);
    Ok(())
}

/// Whether a setting is one of the cluster's provider.
fn concerns(cluster: &Cluster, setting: &Setting) -> bool {
    setting.provider.is_none_or(|provider| cluster.text("provider") == Some(provider))
}

/// Asks for every setting, again if an answer will not do.
fn questions(cluster: &mut Cluster) -> Result<(), Failure> {
    for setting in &SETTINGS {
        if !concerns(cluster, setting) {
            continue;
        }
        let shown =
            if setting.default.is_empty() { String::new() } else { format!(" [{}]", setting.default) };
        loop {
            let answer = ask::line(&format!("{}{shown}", setting.question))?;
            let answer = answer.trim();
            match (setting.read)(if answer.is_empty() { setting.default } else { answer }) {
                Ok(value) => break put(cluster, setting, value)?,
                Err(why) => ask::tell(&format!("{why}\n")),
            }
        }
    }
    Ok(())
}

/// Takes what was said; what was not, and is not known, becomes what it usually is.
fn settle(cluster: &mut Cluster, given: &[(&'static str, String)]) -> Result<(), Failure> {
    for setting in &SETTINGS {
        let said = given.iter().find(|(variable, _)| *variable == setting.variable);
        if !concerns(cluster, setting) {
            if let Some((variable, _)) = said {
                let message = format!(
                    "{} means nothing for machines of the provider {}",
                    option(variable),
                    cluster.provider()
                );
                return Err(Failure::new(
                    message,
                    "`clouder k8s create --help` tells what each option is for",
                ));
            }
            continue;
        }
        let known = current(cluster, setting)?;
        let text = match (said, &known) {
            (Some((_, text)), _) => text.as_str(),
            (None, Some(_)) => continue,
            (None, None)
                if setting.variable == "provider" && given.iter().any(|(name, _)| *name == INVENTORY) =>
            {
                "static"
            }
            (None, None) => setting.default,
        };
        let value = (setting.read)(text).map_err(|why| {
            let option = option(setting.variable);
            Failure::new(why, format!("{option} says what it is"))
        })?;
        match known {
            Some(known) if known != value && cluster.is_known() => {
                return Err(fixed(cluster, setting, &known));
            }
            _ => put(cluster, setting, value)?,
        }
    }
    Ok(())
}

/// Says what changes a cluster that is.
fn fixed(cluster: &Cluster, setting: &Setting, known: &Value) -> Failure {
    let name = &cluster.name;
    let known = known.as_str().map_or_else(|| known.to_string(), str::to_owned);
    let hint = match setting.variable {
        "kubernetes_version" => format!("`clouder k8s upgrade {name} --to VERSION` changes that"),
        WORKER_COUNT => format!("`clouder k8s update-nodepool {name} workers --desired N` changes that"),
        WORKER_SIZE => {
            format!("`clouder k8s create-nodepool {name} POOL --flavor SIZE` adds machines of another size")
        }
        _ => format!("leave out {}, or choose another name", option(setting.variable)),
    };
    Failure::new(format!("{} of the cluster {name} is {known} already", option(setting.variable)), hint)
}

/// What a setting is for the cluster.
fn current(cluster: &Cluster, setting: &Setting) -> Result<Option<Value>, Failure> {
    let pools = cluster.pools()?;
    let Some(workers) = pools.iter().find(|pool| pool.name == "workers") else {
        // Pools of other names are as good.
        let is_of_workers = [WORKER_SIZE, WORKER_COUNT].contains(&setting.variable);
        let instead = (is_of_workers && !pools.is_empty()).then_some(Value::Null);
        return Ok(instead.or_else(|| cluster.variables.get(setting.variable).cloned()));
    };
    Ok(match setting.variable {
        WORKER_SIZE => Some(workers.size.as_str().into()).filter(|_| !workers.size.is_empty()),
        WORKER_COUNT => Some(workers.desired.into()),
        variable => cluster.variables.get(variable).cloned(),
    })
}

/// Says what a setting is for the cluster.
fn put(cluster: &mut Cluster, setting: &Setting, value: Value) -> Result<(), Failure> {
    let variable = setting.variable;
    if variable == WORKER_COUNT || variable == WORKER_SIZE {
        let mut pools = cluster.pools()?;
        if !pools.iter().any(|pool| pool.name == "workers") {
            pools.push(Pool { machine_name: Some("worker".to_owned()), ..Pool::named("workers", "") });
        }
        for pool in pools.iter_mut().filter(|pool| pool.name == "workers") {
            match &value {
                Value::String(size) => pool.size.clone_from(size),
                other => {
                    pool.desired = other.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
                }
            }
        }
        cluster.set_pools(&pools);
        return Ok(());
    }
    if let (Some(key), "azure_ssh_public_key_file") = (value.as_str(), variable)
        && let Some(private) = key.strip_suffix(".pub")
        && expanded(private).is_file()
    {
        cluster.variables.insert("ansible_ssh_private_key_file".to_owned(), private.into());
    }
    cluster.variables.insert(variable.to_owned(), value);
    Ok(())
}
