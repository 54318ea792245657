//! `cargo xtask hosts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clouder_fleet::Fleet;

use crate::command::ChoreError;

/// Brings machines for tests up and down.
#[derive(Args)]
pub(crate) struct Hosts {
    /// The fleet's name
    #[arg(long, default_value = "dev", global = true)]
    fleet: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Bring up machines: one control plane, the rest workers
    Up {
        /// How many
        #[arg(default_value_t = 3)]
        count: usize,
        /// Where keys, ssh configuration and inventory go
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Remove the machines and their network
    Down,
}

impl Hosts {
    /// Runs the chore.
    pub(crate) fn run(self) -> Result<(), ChoreError> {
        let told = |error: clouder_fleet::FleetError| ChoreError::Other(error.to_string());
        match self.action {
            Action::Up { count, folder } => {
                let folder = folder.unwrap_or_else(|| PathBuf::from("target/fleet").join(&self.fleet));
                let names: Vec<String> = (0..count)
                    .map(|number| if number == 0 { "cp-1".to_owned() } else { format!("worker-{number}") })
                    .collect();
                let fleet =
                    Fleet::up(&self.fleet, &names.iter().map(String::as_str).collect::<Vec<_>>(), &folder)
                        .map_err(told)?;
                for host in fleet.hosts() {
                    println!("{}\t{}", host.name, host.address);
                }
                println!("ssh -F {} cp-1", fleet.ssh_config().display());
                println!("clouder adhoc all -i {} -m ping", fleet.inventory().display());
                Ok(())
            }
            Action::Down => Fleet::down(&self.fleet).map_err(told),
        }
    }
}
