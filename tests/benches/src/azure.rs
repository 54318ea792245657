//! Many machines and clusters of a simulated Azure: what it takes to list them, beyond what Azure takes itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clouder_fleet::Simulator;

use crate::contender::{Contender, Tools, run};
use crate::{Bench, BenchError, table};

/// How many clusters the machines belong to.
const CLUSTERS: usize = 50;

/// How many machines the playbook makes.
const MACHINES: usize = 500;

/// The lists that name machines, and the one that names addresses.
const OF_MACHINES: [&str; 2] = [
    "Microsoft.Compute/virtualMachines?api-version=2024-07-01",
    "Microsoft.Compute/virtualMachines?statusOnly=true&api-version=2024-07-01",
];
const OF_INTERFACES: &str = "Microsoft.Network/networkInterfaces?api-version=2024-03-01";
const OF_ADDRESSES: &str = "Microsoft.Network/publicIPAddresses?api-version=2024-03-01";

const INVENTORY: &str = "plugin: azure_rm
plain_host_names: true
keyed_groups:
  - prefix: cluster
    key: tags['clouder-cluster']
  - prefix: role
    key: tags['clouder-role']
";

impl Bench {
    /// Measures all, prints the tables and returns them.
    pub(crate) fn azure(&self, tools: &Tools, contenders: &[Contender]) -> Result<String, BenchError> {
        let both = [Contender::Clouder, Contender::Floor];
        let contenders: Vec<Contender> =
            both.into_iter().filter(|contender| contenders.contains(contender)).collect();
        let folder = absolute(&self.folder)?.join("azure");
        let _ = fs::remove_dir_all(&folder);
        let azure = simulator(&self.simulator, &folder.join("azure"), &[])?;
        // What shows a certificate at each connection, as API servers do.
        let servers = simulator(&self.simulator, &folder.join("servers"), &["--tls"])?;
        let port = servers.of("endpoint").rsplit(':').next().unwrap_or_default();
        clusters(&folder.join("clusters"), port)?;
        let inventory = folder.join("azure_rm.yml");
        write(&inventory, INVENTORY)?;
        let floor = |lists: &[&str]| {
            let mut command = Command::new(tools.playbook("azure-lists.sh"));
            command.args(lists);
            command
        };
        let surround = |mut command: Command| {
            command.envs(azure.environment()).env("CLOUDER_CLUSTERS_FOLDER", folder.join("clusters"));
            command
        };
        println!("# {MACHINES} machines are made");
        let mut made = tools.on_controller(Contender::Clouder, &tools.playbook("azure-machines.yml"));
        made.envs(azure.environment());
        run(&mut made)?;
        let mut report = String::new();
        let mut measure = |title: &str, count: usize, ours: &[&str], lists: &[&str]| {
            let samples = self.rounds(&contenders, "azure", None, |contender| {
                let command =
                    if contender == Contender::Clouder { tools.clouder(ours) } else { floor(lists) };
                Ok(Some(surround(command)))
            })?;
            let table = table::of(title, count, &samples);
            println!("{table}");
            report.push_str(&table);
            report.push('\n');
            Ok::<(), BenchError>(())
        };
        let [machines, states] = OF_MACHINES;
        let list = ["inventory", "-i", &inventory.display().to_string(), "--list"];
        let lists = [machines, states, OF_INTERFACES, OF_ADDRESSES];
        measure(&format!("an inventory of {MACHINES} machines of Azure"), MACHINES, &list, &lists)?;
        let lists = [machines, states, OF_ADDRESSES];
        measure(&format!("`clouder k8s ls` of {CLUSTERS} clusters"), CLUSTERS, &["k8s", "ls"], &lists)?;
        Ok(report)
    }
}

/// Writes what `clouder k8s` knows of clusters whose API servers are at this port of this machine.
fn clusters(folder: &Path, port: &str) -> Result<(), BenchError> {
    fs::create_dir_all(folder).map_err(|source| at(folder, source))?;
    for number in 0..CLUSTERS {
        let text = format!(
            "provider: azure\nazure_location: westeurope\nkubernetes_version: 1.34.2\n\
             kubernetes_load_balancer_address: 127.0.0.1\nkubernetes_api_port: {port}\n"
        );
        write(&folder.join(format!("cluster-{number}.yml")), &text)?;
    }
    Ok(())
}

/// A simulated Azure whose machines are nothing.
fn simulator(program: &Path, folder: &Path, more: &[&str]) -> Result<Simulator, BenchError> {
    let mut command = Command::new(program);
    command
        .args(["--latency", "0.01", "--retry-after", "0", "--cores", "10000", "--folder"])
        .arg(folder)
        .args(more);
    Ok(Simulator::start(&mut command)?)
}

fn at(path: &Path, source: std::io::Error) -> BenchError {
    BenchError::Io { what: path.display().to_string(), source }
}

fn absolute(path: &Path) -> Result<PathBuf, BenchError> {
    std::path::absolute(path).map_err(|source| at(path, source))
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(|source| at(path, source))
}
