//! Machines as a cloud starts them: on networks of given addresses, with an administrator and data for cloud-init.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::alone::alone;
use crate::command::{FleetError, run, succeed};
use crate::{LABEL, Software, host, image, prerequisites};

/// How long a machine may take to boot.
const PATIENCE: Duration = Duration::from_secs(180);

/// Networks and machines that carry a name's label. All that it does is done with Docker; it keeps nothing itself.
#[derive(Clone, Debug)]
pub struct Cloud {
    name: String,
    software: Software,
}

/// A machine as it is to be.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Its name among the machines of this cloud.
    pub name: String,
    /// Its host name.
    pub host_name: String,
    /// What it has from the beginning, if not what machines of this cloud usually have.
    pub software: Option<Software>,
    /// Who may log in, with these keys.
    pub user: String,
    /// One key a line.
    pub authorized_keys: String,
    /// What cloud-init is given; without it cloud-init does not run.
    pub user_data: Option<Vec<u8>>,
    /// Its networks, and its address in each.
    pub networks: Vec<(String, String)>,
}

impl Cloud {
    /// Makes the image that its machines usually have, if it is not there; removes what an earlier cloud of this name left.
    ///
    /// # Errors
    /// What is missing, or what failed.
    pub fn new(name: &str, software: Software) -> Result<Self, FleetError> {
        prerequisites::provide()?;
        image::provide_cloud(software)?;
        host::remove_all(name)?;
        Ok(Self { name: name.to_owned(), software })
    }

    /// Makes a network, unless it is there.
    ///
    /// # Errors
    /// When another network has addresses of the prefix.
    pub fn network(&self, network: &str, prefix: &str) -> Result<(), FleetError> {
        host::make_network(&self.name, &self.full(network), &["--subnet", prefix])
    }

    /// Removes a network that no machine is on.
    ///
    /// # Errors
    /// When one is.
    pub fn remove_network(&self, network: &str) -> Result<(), FleetError> {
        let _alone = alone("network")?;
        run("docker", &["network", "rm", &self.full(network)]).map(drop)
    }

    /// Gives this machine an address on a network, where it may then listen.
    ///
    /// # Errors
    /// When this is not root, or there is no such network.
    pub fn own_address(&self, network: &str, address: &str) -> Result<(), FleetError> {
        let format = "br-{{slice .Id 0 12}}";
        let bridge = succeed("docker", &["network", "inspect", "-f", format, &self.full(network)])?;
        let added = run("ip", &["address", "add", &format!("{address}/32"), "dev", bridge.trim()])?;
        match added.code {
            0 => Ok(()),
            _ if added.stderr.contains("File exists") => Ok(()),
            _ if added.stderr.contains("already assigned") => Ok(()),
            _ => {
                Err(FleetError::Other(format!("cannot take the address {address}: {}", added.stderr.trim())))
            }
        }
    }

    /// Gives up an address that [`Cloud::own_address`] gave.
    ///
    /// # Errors
    /// When there is no such network.
    pub fn disown_address(&self, network: &str, address: &str) -> Result<(), FleetError> {
        let format = "br-{{slice .Id 0 12}}";
        let bridge = succeed("docker", &["network", "inspect", "-f", format, &self.full(network)])?;
        run("ip", &["address", "del", &format!("{address}/32"), "dev", bridge.trim()]).map(drop)
    }

    /// Makes a machine and boots it, or boots it again if it is there; waits until it can be logged into.
    ///
    /// # Errors
    /// When an address is taken, or it does not boot.
    pub fn start(&self, machine: &Machine) -> Result<(), FleetError> {
        let container = self.full(&machine.name);
        if run("docker", &["inspect", &container])?.code != 0 {
            self.create(machine, &container)?;
        }
        succeed("docker", &["start", &container])?;
        wait(&container)
    }

    fn create(&self, machine: &Machine, container: &str) -> Result<(), FleetError> {
        let label = format!("{LABEL}={}", self.name);
        let mut words: Vec<String> =
            ["create", "--name", container, "--hostname", &machine.host_name, "--label", &label]
                .iter()
                .map(|word| (*word).to_owned())
                .collect();
        let Some(((network, address), others)) = machine.networks.split_first() else {
            return Err(FleetError::Other(format!("{} is on no network", machine.name)));
        };
        words.extend(["--network".to_owned(), self.full(network), "--ip".to_owned(), address.clone()]);
        words.extend(["--network-alias".to_owned(), machine.host_name.clone()]);
        words.extend(host::options()?);
        let image = image::provide_cloud(machine.software.unwrap_or(self.software))?;
        words.extend([image, "/usr/local/sbin/cloud-boot".to_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        succeed("docker", &words)?;
        for (network, address) in others {
            succeed("docker", &["network", "connect", "--ip", address, &self.full(network), container])?;
        }
        let folder = tempfile::Builder::new()
            .prefix("clouder-machine-")
            .tempdir()
            .map_err(|error| FleetError::io("make", &std::env::temp_dir(), error))?;
        let agent = folder.path().join("var/lib/cloud-agent");
        put(&agent.join("user"), machine.user.as_bytes())?;
        put(&agent.join("authorized_keys"), machine.authorized_keys.as_bytes())?;
        if let Some(data) = &machine.user_data {
            let seed = folder.path().join("var/lib/cloud/seed/nocloud");
            let about = format!("instance-id: {container}\nlocal-hostname: {}\n", machine.host_name);
            put(&seed.join("meta-data"), about.as_bytes())?;
            put(&seed.join("user-data"), data)?;
        }
        let source = format!("{}/var", folder.path().display());
        succeed("docker", &["cp", &source, &format!("{container}:/")]).map(drop)
    }

    /// Gives a machine this address on a network, and no other; none takes it off the network.
    ///
    /// # Errors
    /// When the address is taken, or there is no such machine or network.
    pub fn readdress(&self, machine: &str, network: &str, address: Option<&str>) -> Result<(), FleetError> {
        let (container, network) = (self.full(machine), self.full(network));
        // It may not be on it.
        run("docker", &["network", "disconnect", &network, &container])?;
        match address {
            Some(address) => {
                succeed("docker", &["network", "connect", "--ip", address, &network, &container]).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Stops a machine.
    ///
    /// # Errors
    /// When it is not there.
    pub fn stop(&self, machine: &str) -> Result<(), FleetError> {
        succeed("docker", &["stop", "-t", "20", &self.full(machine)]).map(drop)
    }

    /// Restarts a machine, and waits until it can be logged into.
    ///
    /// # Errors
    /// When it is not there, or does not boot.
    pub fn restart(&self, machine: &str) -> Result<(), FleetError> {
        let container = self.full(machine);
        succeed("docker", &["restart", "-t", "20", &container])?;
        wait(&container)
    }

    /// Removes a machine, if it is there.
    ///
    /// # Errors
    /// When Docker cannot be asked.
    pub fn remove(&self, machine: &str) -> Result<(), FleetError> {
        run("docker", &["rm", "-fv", &self.full(machine)]).map(drop)
    }

    /// What a machine has written to its console.
    ///
    /// # Errors
    /// When it is not there.
    pub fn console(&self, machine: &str) -> Result<String, FleetError> {
        succeed("docker", &["logs", "--tail", "1000", &self.full(machine)])
    }

    /// Removes all of it: machines, volumes and networks.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn down(&self) -> Result<(), FleetError> {
        host::remove_all(&self.name)
    }

    fn full(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }
}

fn put(path: &Path, content: &[u8]) -> Result<(), FleetError> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|error| FleetError::io("make", parent, error))?;
    fs::write(path, content).map_err(|error| FleetError::io("write", path, error))
}

/// Waits until a machine can be logged into.
fn wait(container: &str) -> Result<(), FleetError> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = String::new();
    while Instant::now() < deadline {
        let state = run("docker", &["exec", container, "systemctl", "is-active", "ssh"])?;
        last = format!("{}{}", state.stdout.trim(), state.stderr.trim());
        if state.stdout.trim() == "active" {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err(FleetError::Timeout { what: format!("{container} to boot"), seconds: PATIENCE.as_secs(), last })
}
