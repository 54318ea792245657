//! `cargo xtask demo`: the main job, from an empty subscription of a simulated Azure to a cluster, and back.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use clouder_fleet::{Service, Simulator, cluster};

use crate::command::{ChoreError, cargo, program, run};

/// The cluster's name.
const NAME: &str = "demo";

/// The Kubernetes release that the stand-ins are packaged as.
const VERSION: &str = "1.34.2";

/// Makes a cluster on a simulated Azure, whose machines are containers, then again, when nothing may change, and deletes it
#[derive(Args)]
pub(crate) struct Demo {
    /// How many control planes
    #[arg(long, default_value_t = 1)]
    control_planes: usize,
    /// How many workers
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Only the first control plane has a public address; the others are reached through it
    #[arg(long)]
    private: bool,
    /// Before the cluster is deleted, wait for Enter
    #[arg(long)]
    wait: bool,
}

impl Demo {
    /// Runs the chore.
    pub(crate) fn run(self) -> Result<(), ChoreError> {
        let told = |error: &dyn std::fmt::Display| ChoreError::Other(error.to_string());
        run(&mut cargo(&["build", "--workspace", "--bins", "--locked"]))?;
        let folder = std::path::absolute("target/demo").map_err(|error| told(&error))?;
        fs::create_dir_all(&folder).map_err(|error| told(&error))?;
        println!(
            "\n# An Azure with nothing in it, whose machines will be containers: Debian 13 with real systemd, sshd and apt\n"
        );
        let azure = Azure::start(&folder)?;
        let packages = packages(&folder.join("repository"), azure.simulator.of("host_address"))?;
        let variables = self.variables(&folder, &format!("http://{}", packages.ready()))?;

        println!("\n# The cluster is made\n");
        let extra = format!("@{}", variables.display());
        let playbook = ["run", "playbooks/create-cluster.yml", "-e", "provider=azure", "-e", &extra];
        run(&mut azure.clouder(&playbook))?;
        println!("\n# Once more: nothing changes, neither on the machines nor at Azure\n");
        let before = azure.writes()?;
        unchanged(&mut azure.clouder(&playbook))?;
        if azure.writes()? != before {
            return Err(ChoreError::Other("the second run asked Azure to change something".to_owned()));
        }
        println!("\n# Its nodes\n");
        let show = "kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes -o wide";
        run(&mut azure.clouder(&["adhoc", "control_plane[0]", "-b", "-m", "command", "-a", show]))?;
        if self.wait {
            println!("\n`clouder` reaches it with these variables; Enter deletes it.\n{}", azure.variables());
            let _ = std::io::stdin().read(&mut [0]);
        }
        println!("\n# It is deleted\n");
        let gone = format!("name={NAME} state=absent force_delete_nonempty=true");
        run(&mut azure.clouder(&["adhoc", "localhost", "-m", "azure_rm_resourcegroup", "-a", &gone]))
    }

    /// Writes the variables of the run into a file.
    fn variables(&self, folder: &Path, repository: &str) -> Result<PathBuf, ChoreError> {
        let key = folder.join("id_ed25519");
        let text = format!(
            "cluster_name: {NAME}\ncontrol_plane_count: {}\nworker_count: {}\nazure_ssh_sources: [198.18.0.0/15]\n\
             azure_ssh_public_key_file: {}.pub\nkubeadm_kubeconfig_path: {}/kubeconfig\nazure_public_addresses: {}\n{}",
            self.control_planes,
            self.workers,
            key.display(),
            folder.display(),
            !self.private,
            cluster::variables(VERSION, repository)
        );
        let path = folder.join("variables.yml");
        fs::write(&path, text).map_err(|error| ChoreError::Other(format!("{}: {error}", path.display())))?;
        Ok(path)
    }
}

/// A running simulator; it and its machines go when this is dropped.
struct Azure {
    simulator: Simulator,
    folder: PathBuf,
}

impl Azure {
    fn start(folder: &Path) -> Result<Self, ChoreError> {
        let told = |error: &dyn std::fmt::Display| ChoreError::Other(format!("the simulated Azure: {error}"));
        let log = folder.join("requests.jsonl");
        let _ = fs::remove_file(&log);
        let mut command = Command::new(program("azure-sim"));
        command
            .args(["--machines", "containers", "--name", NAME, "--folder"])
            .arg(folder)
            .arg("--log")
            .arg(&log);
        let simulator = Simulator::start(&mut command).map_err(|error| told(&error))?;
        // The simulator has installed what is missing, ssh among it.
        let key = folder.join("id_ed25519");
        if !key.is_file() {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
        }
        Ok(Self { simulator, folder: folder.to_owned() })
    }

    /// clouder, with the cluster's inventory.
    fn clouder(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("clouder"));
        command.args(arguments).args(["-i", &format!("azure:{NAME}"), "--private-key"]);
        command.arg(self.folder.join("id_ed25519")).envs(self.simulator.environment());
        command
    }

    /// The variables that lead to it; the secret is in a file.
    fn variables(&self) -> String {
        let secret = format!("$(cat {})", self.simulator.of("client_secret_file"));
        let line = |(name, value)| match name {
            "AZURE_CLIENT_SECRET" => format!("{name}={secret}\n"),
            _ => format!("{name}={value}\n"),
        };
        self.simulator.environment().into_iter().map(line).collect()
    }

    /// How many requests changed something so far.
    fn writes(&self) -> Result<usize, ChoreError> {
        let log = fs::read_to_string(self.folder.join("requests.jsonl"));
        let log = log.map_err(|error| ChoreError::Other(format!("the log of Azure: {error}")))?;
        let is_write = |line: &&str| !line.contains("\"method\":\"GET\"") && !line.contains("/oauth2/");
        Ok(log.lines().filter(is_write).count())
    }
}

/// Makes the packages that stand in for those of Kubernetes in a folder, and serves them at an address.
fn packages(folder: &Path, address: &str) -> Result<Service, ChoreError> {
    let mut command = Command::new(program("kube-standin"));
    command.arg("serve").arg(folder).args([VERSION, &format!("--listen={address}:0")]);
    Service::start(&mut command)
        .map_err(|error| ChoreError::Other(format!("the server of packages: {error}")))
}

/// Runs a playbook that must succeed and change nothing anywhere.
fn unchanged(command: &mut Command) -> Result<(), ChoreError> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| ChoreError::Start { line: "clouder".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    if !output.status.success() {
        let line = "clouder run playbooks/create-cluster.yml".to_owned();
        return Err(ChoreError::Failed { line, status: output.status });
    }
    let recap: Vec<&str> = text.lines().filter(|line| line.contains(" : ok=")).collect();
    match recap.iter().find(|line| !line.split_whitespace().any(|word| word == "changed=0")) {
        None if !recap.is_empty() => Ok(()),
        None => Err(ChoreError::Other("the second run reached no machine".to_owned())),
        Some(line) => Err(ChoreError::Other(format!("the second run changed something: {line}"))),
    }
}
