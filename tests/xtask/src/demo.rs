//! `cargo xtask demo`: the main job, on machines that are made for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use clouder_fleet::Fleet;
use kube_standin::repository;
use kube_standin::version::Version;

use crate::command::{ChoreError, cargo, program, run};

/// The fleet's name.
const FLEET: &str = "demo";

/// The Kubernetes release that the stand-ins are packaged as.
const VERSION: Version = Version::new(34, 2);

/// Makes a cluster of fresh machines, then again, when nothing may change
#[derive(Args)]
pub(crate) struct Demo {
    /// How many control planes
    #[arg(long, default_value_t = 1)]
    control_planes: usize,
    /// How many workers
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Go on with the machines of an earlier demo, if there are any, instead of fresh ones
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs the chore.
    pub(crate) fn run(self) -> Result<(), ChoreError> {
        let told = |error: &dyn std::fmt::Display| ChoreError::Other(error.to_string());
        run(&mut cargo(&["build", "--workspace", "--bins", "--locked"]))?;
        if !self.keep {
            Fleet::down(FLEET).map_err(|error| told(&error))?;
        }
        let names: Vec<String> = (1..=self.control_planes)
            .map(|number| format!("cp-{number}"))
            .chain((1..=self.workers).map(|number| format!("worker-{number}")))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        println!("\n# {} machines: Debian 13 with real systemd, sshd and apt\n", names.len());
        let folder = PathBuf::from("target/fleet").join(FLEET);
        let fleet = Fleet::up(FLEET, &names, &folder).map_err(|error| told(&error))?;
        let packages = folder.join("repository");
        repository::build(&packages, &program("kube-standin"), &[VERSION]).map_err(|error| told(&error))?;
        let gateway = fleet.gateway().map_err(|error| told(&error))?;
        let server = repository::serve(&packages, &format!("{gateway}:0")).map_err(|error| told(&error))?;
        fleet
            .describe_cluster(&VERSION.to_string(), &format!("http://{}", server.address()))
            .map_err(|error| told(&error))?;
        println!("\n# The cluster is made\n");
        let playbook = ["run", "playbooks/create-cluster.yml"];
        run(&mut clouder(&fleet, &playbook))?;
        println!("\n# Once more: nothing changes\n");
        unchanged(&mut clouder(&fleet, &playbook), &names)?;
        println!("\n# Its nodes\n");
        let show = "kubectl --kubeconfig=/etc/kubernetes/admin.conf get nodes -o wide";
        run(&mut clouder(&fleet, &["adhoc", "control_plane[0]", "-b", "-m", "command", "-a", show]))?;
        println!("\n`cargo xtask hosts --fleet {FLEET} down` removes the machines.");
        Ok(())
    }
}

fn clouder(fleet: &Fleet, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("clouder"));
    command.args(arguments).arg("-i").arg(relative(&fleet.inventory()));
    command
}

/// A path as a person would write it.
fn relative(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map_or_else(|_| path.to_owned(), Path::to_owned)
}

/// Runs a playbook that must succeed and change nothing on any machine.
fn unchanged(command: &mut Command, names: &[&str]) -> Result<(), ChoreError> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| ChoreError::Start { line: "clouder".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let line = "clouder run playbooks/create-cluster.yml".to_owned();
    if !output.status.success() {
        return Err(ChoreError::Failed { line, status: output.status });
    }
    for name in names {
        let recap = text.lines().rfind(|line| line.starts_with(name) && line.contains("changed="));
        if !recap.is_some_and(|recap| recap.split_whitespace().any(|word| word == "changed=0")) {
            return Err(ChoreError::Other(format!("the second run changed something on {name}")));
        }
    }
    Ok(())
}
