//! The hosts of one measurement, and the inventories that name them.

use std::fs;
use std::path::{Path, PathBuf};

use clouder_fleet::{Fleet, Host};

use crate::BenchError;
use crate::delay::Delay;

/// Installs what the others need on hosts: Python.
pub(crate) fn prepare(fleet: &Fleet) -> Result<(), BenchError> {
    let script = "command -v python3 >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends python3 python3-apt; } >/dev/null";
    let threads: Vec<_> = fleet
        .hosts()
        .iter()
        .map(|host| {
            let host = host.clone();
            std::thread::spawn(move || host.succeed(script))
        })
        .collect();
    for thread in threads {
        match thread.join() {
            Ok(result) => drop(result?),
            Err(_) => continue,
        }
    }
    Ok(())
}

/// Some hosts of the fleet, perhaps behind a slow network.
pub(crate) struct Hosts<'a> {
    hosts: Vec<&'a Host>,
    inventory: PathBuf,
    python_inventory: PathBuf,
    ssh: Vec<String>,
    _delays: Vec<Delay>,
}

impl<'a> Hosts<'a> {
    /// The first `count` hosts, with this delay in milliseconds there and back.
    pub(crate) fn new(fleet: &'a Fleet, count: usize, delay: u64, folder: &Path) -> Result<Self, BenchError> {
        let hosts: Vec<&Host> = fleet.hosts().iter().take(count).collect();
        let place = fs::canonicalize(folder.join("fleet"))
            .map_err(|source| BenchError::Io { what: folder.display().to_string(), source })?;
        let mut delays = Vec::new();
        let mut ports = Vec::new();
        let mut addresses = Vec::new();
        for host in &hosts {
            if delay == 0 {
                addresses.push(host.address.clone());
                ports.push(22);
            } else {
                let proxy = Delay::start(&format!("{}:22", host.address), delay)?;
                addresses.push("127.0.0.1".to_owned());
                ports.push(proxy.port());
                delays.push(proxy);
            }
        }
        let common = |name: &str| {
            format!(
                "-o UserKnownHostsFile={0}/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o HostKeyAlias={name} -o LogLevel=ERROR",
                place.display()
            )
        };
        let mut text = String::from("[bench]\n");
        let mut python = String::from("hosts = [\n");
        let mut ssh = Vec::new();
        for ((host, address), port) in hosts.iter().zip(&addresses).zip(&ports) {
            let name = &host.name;
            text.push_str(&format!(
                "{name} ansible_host={address} ansible_port={port} ansible_user=root ansible_ssh_private_key_file={}/id_ed25519 ansible_ssh_common_args='{}' ansible_python_interpreter=/usr/bin/python3\n",
                place.display(),
                common(name)
            ));
            python.push_str(&format!(
                "    (\"{name}\", {{\"ssh_hostname\": \"{address}\", \"ssh_port\": {port}, \"ssh_user\": \"root\", \"ssh_key\": \"{}/id_ed25519\", \"ssh_strict_host_key_checking\": \"off\"}}),\n",
                place.display()
            ));
            ssh.push(format!(
                "ssh -i {}/id_ed25519 -o IdentitiesOnly=yes -p {port} {} root@{address}",
                place.display(),
                common(name)
            ));
        }
        python.push_str("]\n");
        let write = |name: String, text: &str| -> Result<PathBuf, BenchError> {
            let path = folder.join(name);
            fs::write(&path, text)
                .map_err(|source| BenchError::Io { what: path.display().to_string(), source })?;
            fs::canonicalize(&path)
                .map_err(|source| BenchError::Io { what: path.display().to_string(), source })
        };
        Ok(Self {
            inventory: write(format!("hosts-{count}-{delay}.ini"), &text)?,
            python_inventory: write(format!("hosts_{count}_{delay}.py"), &python)?,
            hosts,
            ssh,
            _delays: delays,
        })
    }

    pub(crate) fn inventory(&self) -> &Path {
        &self.inventory
    }

    pub(crate) fn python_inventory(&self) -> &Path {
        &self.python_inventory
    }

    /// A line of shell that runs a line of shell on all hosts at once, over ssh.
    pub(crate) fn on_all(&self, line: &str) -> String {
        let runs: Vec<String> = self.ssh.iter().map(|ssh| format!("{ssh} '{line}' >/dev/null &")).collect();
        format!("{} wait", runs.join(" "))
    }

    /// Runs a line of shell on all hosts, not over ssh.
    pub(crate) fn shell(&self, line: &str) -> Result<(), BenchError> {
        self.hosts.iter().try_for_each(|host| host.succeed(line).map(drop).map_err(BenchError::from))
    }

    /// The containers' names.
    pub(crate) fn containers(&self) -> Vec<&str> {
        self.hosts.iter().map(|host| host.container()).collect()
    }

    /// All bytes that came and went over the hosts' networks so far.
    pub(crate) fn bytes(&self) -> Result<u64, BenchError> {
        let line = "cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/tx_bytes";
        let mut sum = 0;
        for host in &self.hosts {
            let text = host.succeed(line)?;
            sum += text.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(sum)
    }
}
