//! `clouder k8s ls` and `show`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use clouder_inventory::Variables;
use clouder_lang::yaml::to_json;
use clouder_lang::{Diagnostic, Severity};
use clouder_modules::system::clock::{DateTime, utc};
use serde_json::{Value, json};

use super::super::table::Table;
use super::super::{Failure, azure as account, print, setup, show, vault};
use super::azure::{self, Found, Machine, ask, machines};
use super::cluster::{CREATED, Cluster};
use super::{Context, Front, Named, expiry};
use crate::cli::options::InventoryOptions;
use crate::config::Config;

/// The port of API servers, unless a cluster's file says another.
const API_PORT: u64 = 6443;

/// How long before their end it is told of certificates.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// How it is shown.
#[derive(Clone, Copy, Default, ValueEnum)]
pub(super) enum Shown {
    /// For a person
    #[default]
    Table,
    /// As JSON
    Json,
}

/// Shows all clusters: those that are known here, and others of the subscription.
#[derive(Args)]
pub(super) struct Ls {
    /// How they are shown
    #[arg(short, long, value_enum, default_value_t)]
    output: Shown,
    /// Show only what is known here; ask nobody
    #[arg(long)]
    offline: bool,
    /// The origin of Azure's resource manager, where it is not the usual one
    #[arg(long, value_name = "URL")]
    azure_endpoint: Option<String>,
}

/// Shows a cluster.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    cluster: Named,
    /// How it is shown
    #[arg(long = "as", value_enum, default_value_t)]
    shown: Shown,
    #[command(flatten)]
    front: Front,
}

/// The time, in UTC.
pub(super) fn now() -> String {
    let now = DateTime { nanosecond: 0, ..utc(SystemTime::now()) };
    format!("{}Z", now.plain().replace(' ', "T"))
}

impl Ls {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let mut clusters = Vec::new();
        for name in context.clusters.names()? {
            // One wrong file hides no other cluster.
            match context.clusters.find(&name) {
                Ok(cluster) => clusters.push(cluster),
                Err(failure) => show(&failure.findings),
            }
        }
        let found = if self.offline { None } else { self.found(&clusters, context) };
        let ends = if self.offline { HashMap::new() } else { ends(&clusters, found.as_ref(), context) };
        let mut names: BTreeSet<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let machines = || found.iter().flat_map(|found| &found.machines);
        names.extend(machines().map(|machine| machine.cluster.as_str()));
        let mut table = Table::new(&[
            "name",
            "provider",
            "region",
            "version",
            "control planes",
            "workers",
            "certificates until",
            "state",
        ]);
        for name in names {
            let cluster = clusters.iter().find(|cluster| cluster.name == name);
            let own: Vec<&Machine> = machines().filter(|machine| machine.cluster == name).collect();
            let own = found.as_ref().map(|_| own.as_slice());
            table.add(row(name, cluster, own, ends.get(name).copied()));
        }
        print(&match self.output {
            Shown::Table => table.text(),
            Shown::Json => table.json(),
        });
        Ok(0)
    }

    /// What Azure has; nothing if it cannot be asked, which is told if a cluster of ours is there.
    fn found(&self, clusters: &[Cluster], context: &Context<'_>) -> Option<Found> {
        let cloud = account::cloud(self.azure_endpoint.clone(), context.config);
        match cloud.and_then(|cloud| ask(azure::clusters(cloud.as_ref()))) {
            Ok(found) => Some(found),
            Err(failure) if clusters.iter().any(Cluster::is_made) => {
                let why = failure.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
                let message = format!("Azure cannot be asked for machines: {why}");
                show(&[Diagnostic { severity: Severity::Warning, ..Diagnostic::without_place(message) }]);
                None
            }
            Err(_) => None,
        }
    }
}

/// When the certificates end that API servers show, by the names of clusters.
fn ends(clusters: &[Cluster], found: Option<&Found>, context: &Context<'_>) -> HashMap<String, SystemTime> {
    let mut known = HashMap::new();
    for cluster in clusters {
        let port = cluster.variables.get("kubernetes_api_port").and_then(Value::as_u64).unwrap_or(API_PORT);
        let mut given = ["kubernetes_load_balancer_address", "kubernetes_api_vip"].into_iter();
        let given = given.find_map(|name| cluster.text(name).filter(|text| !text.is_empty()));
        let address = given.or_else(|| found?.addresses.get(&cluster.name).map(String::as_str));
        let inventory = Some(cluster.inventory()).filter(|_| !cluster.is_made() && address.is_none());
        known.insert(cluster.name.clone(), (address.map(str::to_owned), inventory, port));
    }
    let names = known.keys().cloned().collect();
    let config = Arc::clone(context.config);
    expiry::of_all(names, move |name| {
        let (address, inventory, port) = known.get(name)?;
        let host = match (address, inventory) {
            (Some(address), _) => address.clone(),
            (None, inventory) => first_of(inventory.as_ref()?, &config)?,
        };
        Some(format!("{host}:{port}"))
    })
}

/// Where the first control plane of an inventory is. Nobody is asked for passwords.
fn first_of(inventory: &str, config: &Config) -> Option<String> {
    let options = InventoryOptions { inventory: vec![inventory.to_owned()], ..InventoryOptions::default() };
    let inventory = setup::inventory(config, &options, &Arc::default(), &Variables::new()).ok()?;
    let host = inventory.hosts_of("control_plane").first()?.to_string();
    let variables = inventory.variables_of(&host, None);
    let address = variables.get("ansible_host").and_then(|node| to_json(node).as_str().map(str::to_owned));
    Some(address.unwrap_or(host))
}

/// A cluster in one line; `machines` if they are known.
fn row(
    name: &str,
    cluster: Option<&Cluster>,
    machines: Option<&[&Machine]>,
    end: Option<SystemTime>,
) -> [Value; 8] {
    let text =
        |variable: &str| cluster.and_then(|cluster| cluster.text(variable)).map_or(Value::Null, Value::from);
    let made = cluster.is_none_or(Cluster::is_made);
    let of_role = |planes: bool| -> Value {
        let Some(machines) = machines.filter(|_| made) else { return Value::Null };
        machines.iter().filter(|machine| (machine.role == "control-plane") == planes).count().into()
    };
    let mut state = match (cluster, machines) {
        (None, _) => "not known here".to_owned(),
        (Some(cluster), _) if cluster.text(CREATED).is_none() => {
            format!("unfinished; `clouder k8s create {name}` goes on")
        }
        (Some(_), Some(machines)) if made => power(machines),
        _ => String::new(),
    };
    if end.is_some_and(|end| end < SystemTime::now() + SOON) {
        let more = format!("certificates end: `clouder k8s certs {name} --renew`");
        state = if state.is_empty() { more } else { format!("{state}; {more}") };
    }
    let region = match machines.and_then(<[&Machine]>::first) {
        Some(machine) if cluster.is_none() => machine.location.as_str().into(),
        _ => text("azure_location"),
    };
    let provider = cluster.map_or("azure", Cluster::provider);
    [
        name.into(),
        provider.into(),
        region,
        text("kubernetes_version"),
        of_role(true),
        of_role(false),
        end.map_or(Value::Null, |end| day(end).into()),
        state.into(),
    ]
}

/// The day of a moment, in UTC.
fn day(moment: SystemTime) -> String {
    let DateTime { year, month, day, .. } = utc(moment);
    format!("{year}-{month:02}-{day:02}")
}

/// What the machines do: `running`, or `2 running, 1 deallocated`.
fn power(machines: &[&Machine]) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for machine in machines {
        *states.entry(if machine.state.is_empty() { "unknown" } else { &machine.state }).or_default() += 1;
    }
    match states.len() {
        0 => "no machines".to_owned(),
        1 => states.keys().map(|state| (*state).to_owned()).collect(),
        _ => states.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", "),
    }
}

impl Show {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = context.clusters.find(&self.cluster.cluster)?;
        let machines = if cluster.is_made() {
            let cloud = account::cloud(self.front.azure_endpoint.clone(), context.config)?;
            let mut machines = ask(machines(cloud.as_ref()))?;
            machines.retain(|machine| machine.cluster == cluster.name);
            machines
        } else {
            self.in_inventory(&cluster, context)?
        };
        let mut pools = Table::new(&["pool", "size", "machines", "desired", "min", "max", "zones", "spot"]);
        for pool in cluster.pools()? {
            let there = machines.iter().filter(|machine| machine.pool == pool.name).count();
            let spot = if pool.spot { json!(true) } else { Value::Null };
            let max = pool.max.map_or(Value::Null, Value::from);
            let [zones, name, size] = [json!(pool.zones), pool.name.into(), pool.size.into()];
            pools.add([name, size, there.into(), pool.desired.into(), pool.min.into(), max, zones, spot]);
        }
        let mut table = Table::new(&["machine", "role", "pool", "size", "zones", "state"]);
        for machine in &machines {
            let of = |text: &str| Value::from(text);
            table.add([
                of(&machine.name),
                of(&machine.role),
                of(&machine.pool),
                of(&machine.size),
                machine.zones.clone(),
                of(&machine.state),
            ]);
        }
        print(&match self.shown {
            Shown::Table => {
                let settings = settings(&cluster);
                let pools = if cluster.is_made() { format!("{}\n", pools.text()) } else { String::new() };
                format!("{settings}\n{pools}{}", table.text())
            }
            Shown::Json => {
                let whole = json!({
                    "name": cluster.name,
                    "variables": cluster.variables,
                    "pools": pools.value(),
                    "machines": table.value(),
                });
                format!("{whole:#}\n")
            }
        });
        Ok(0)
    }

    /// The machines of an inventory.
    fn in_inventory(&self, cluster: &Cluster, context: &Context<'_>) -> Result<Vec<Machine>, Failure> {
        let keyring = vault::of_run(context.config, &self.front.vault)?;
        let options = self.front.inventory(cluster);
        let inventory = setup::inventory(context.config, &options, &keyring, &Variables::new())?;
        let of_group = |group: &str, role: &str| -> Vec<Machine> {
            let hosts = inventory.hosts_of(group);
            hosts
                .iter()
                .map(|host| Machine { name: host.to_string(), role: role.to_owned(), ..Machine::default() })
                .collect()
        };
        let mut machines = of_group("control_plane", "control-plane");
        machines.extend(of_group("workers", "worker"));
        Ok(machines)
    }
}

/// The variables that are no lists, one a line.
fn settings(cluster: &Cluster) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let pairs = cluster.variables.iter().filter_map(|(name, value)| Some((name, plain(value)?)));
    let pairs: Vec<(&String, String)> = pairs.collect();
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    pairs.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_counted() {
        let of = |state: &str| Machine { state: state.to_owned(), ..Machine::default() };
        let (running, stopped) = (of("running"), of("deallocated"));
        assert_eq!(power(&[]), "no machines");
        assert_eq!(power(&[&running, &running]), "running");
        assert_eq!(power(&[&running, &stopped, &running]), "1 deallocated, 2 running");
    }
}
