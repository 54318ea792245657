//! One machine.

use std::time::{Duration, Instant};

use crate::LABEL;
use crate::alone::alone;
use crate::capabilities;
use crate::command::{FleetError, Output, run, succeed};

/// How long a machine may take to boot.
const PATIENCE: Duration = Duration::from_secs(120);

/// One machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name, which is its host name, too.
    pub name: String,
    /// Its address on the fleet's network.
    pub address: String,
    /// Its public host keys, as `known_hosts` has them.
    pub keys: Vec<String>,
    container: String,
}

impl Host {
    /// Boots a machine, unless it runs already, and waits until it can be logged into.
    pub(crate) fn up(fleet: &str, name: &str, image: &str, key: &str) -> Result<Self, FleetError> {
        let container = format!("{fleet}-{name}");
        let running = run("docker", &["inspect", "-f", "{{.State.Running}} {{.Config.Image}}", &container])?;
        if running.code != 0 || running.stdout.trim() != format!("true {image}") {
            run("docker", &["rm", "-fv", &container])?;
            start(fleet, name, &container, image)?;
        }
        let address_of =
            format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", network_name(fleet));
        let address = succeed("docker", &["inspect", "-f", &address_of, &container])?.trim().to_owned();
        let mut host = Self { name: name.to_owned(), address, keys: Vec::new(), container };
        host.wait_for_boot()?;
        host.let_in(key)?;
        let keys = host.succeed("cat /etc/ssh/ssh_host_*_key.pub")?;
        host.keys =
            keys.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
        Ok(host)
    }

    /// Runs a line of shell in the machine as root, without ssh: for looking at what a test did.
    ///
    /// # Errors
    /// When Docker cannot be asked.
    pub fn exec(&self, line: &str) -> Result<Output, FleetError> {
        run("docker", &["exec", &self.container, "/bin/sh", "-c", line])
    }

    /// Runs a line of shell that must succeed; returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn succeed(&self, line: &str) -> Result<String, FleetError> {
        succeed("docker", &["exec", &self.container, "/bin/sh", "-c", line])
    }

    /// The name of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    fn wait_for_boot(&self) -> Result<(), FleetError> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < deadline {
            let state = self.exec("systemctl is-system-running")?;
            last = format!("{}{}", state.stdout.trim(), state.stderr.trim());
            if matches!(state.stdout.trim(), "running" | "degraded") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(FleetError::Timeout { what: format!("{} to boot", self.name), seconds: PATIENCE.as_secs(), last })
    }

    /// Lets the fleet's key log in as all users.
    fn let_in(&self, key: &str) -> Result<(), FleetError> {
        let key = key.trim();
        let line = format!(
            "set -e; ls /etc/ssh/ssh_host_ed25519_key >/dev/null 2>&1 || {{ ssh-keygen -A >/dev/null; }}; \
             for user in root admin operator; do home=$(getent passwd $user | cut -d: -f6); install -d -m 700 -o $user -g $user $home/.ssh; \
             echo '{key}' >$home/.ssh/authorized_keys; chmod 600 $home/.ssh/authorized_keys; chown $user: $home/.ssh/authorized_keys; done; \
             for try in 1 2 3 4 5 6 7 8 9 10; do systemctl is-active --quiet ssh && exit 0; systemctl reset-failed ssh; systemctl start ssh || sleep 0.5; done; systemctl status ssh; exit 1"
        );
        self.succeed(&line).map(drop)
    }

    /// Makes the machines of a fleet known to each other by name.
    pub(crate) fn name_the_others(&self, all: &[Self]) -> Result<(), FleetError> {
        let lines: String = all.iter().map(|host| format!("{} {}\\n", host.address, host.name)).collect();
        let names = all.iter().map(|host| format!("/ {}$/d", host.name)).collect::<Vec<_>>().join("; ");
        let line = format!(
            "sed '{names}' /etc/hosts >/etc/.hosts && printf '{lines}' >>/etc/.hosts && mv /etc/.hosts /etc/hosts"
        );
        self.succeed(&line).map(drop)
    }
}

fn start(fleet: &str, name: &str, container: &str, image: &str) -> Result<(), FleetError> {
    let network = network_name(fleet);
    let label = format!("{LABEL}={fleet}");
    let mut arguments: Vec<String> =
        ["run", "-d", "--name", container, "--hostname", name, "--network", &network, "--label", &label]
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
    arguments.extend(options()?);
    arguments.extend([image.to_owned(), "/usr/local/sbin/fleet-boot".to_owned()]);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    succeed("docker", &words).map(drop)
}

/// What Docker needs to be told so that a container passes for a machine.
pub(crate) fn options() -> Result<Vec<String>, FleetError> {
    let version = succeed("docker", &["version", "-f", "{{.Server.Version}}"])?;
    let mut options = Vec::new();
    for capability in capabilities::available(version.trim()) {
        options.extend(["--cap-add".to_owned(), capability.to_owned()]);
    }
    let fixed = [
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
        "--security-opt",
        "systempaths=unconfined",
        "--cgroupns=private",
        "--device-cgroup-rule",
        "a *:* rwm",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/tmp:exec",
        "--device",
        "/dev/kmsg",
        "--stop-signal",
        "SIGRTMIN+3",
        "--restart",
        "unless-stopped",
        "-v",
        "/var/lib/containerd",
        "-v",
        "/var/lib/kubelet",
    ];
    options.extend(fixed.iter().map(|word| (*word).to_owned()));
    Ok(options)
}

fn network_name(fleet: &str) -> String {
    format!("clouder-{fleet}")
}

/// Makes the fleet's network, unless there is one.
pub(crate) fn network(fleet: &str) -> Result<(), FleetError> {
    make_network(fleet, &network_name(fleet), &[])
}

/// Makes a network that carries a fleet's label, unless it is there.
pub(crate) fn make_network(fleet: &str, name: &str, options: &[&str]) -> Result<(), FleetError> {
    // One at a time: machines that boot at once want the same, and Docker has kept addresses for a network that it did not make.
    let _alone = alone("network")?;
    if run("docker", &["network", "inspect", name])?.code == 0 {
        return Ok(());
    }
    let label = format!("{LABEL}={fleet}");
    succeed("docker", &[&["network", "create", "--label", &label], options, &[name]].concat()).map(drop)
}

/// The address of this machine on the fleet's network.
pub(crate) fn gateway(fleet: &str) -> Result<String, FleetError> {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    Ok(succeed("docker", &["network", "inspect", "-f", format, &network_name(fleet)])?.trim().to_owned())
}

/// Removes all that carries the fleet's label.
pub(crate) fn remove_all(fleet: &str) -> Result<(), FleetError> {
    let filter = format!("label={LABEL}={fleet}");
    let containers = succeed("docker", &["ps", "-aq", "--filter", &filter])?;
    let ids: Vec<&str> = containers.split_whitespace().collect();
    if !ids.is_empty() {
        let mut arguments = vec!["rm", "-fv"];
        arguments.extend(ids);
        succeed("docker", &arguments)?;
    }
    let _alone = alone("network")?;
    let networks = succeed("docker", &["network", "ls", "-q", "--filter", &filter])?;
    for id in networks.split_whitespace() {
        succeed("docker", &["network", "rm", id])?;
    }
    Ok(())
}
