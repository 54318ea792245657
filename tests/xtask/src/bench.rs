//! `cargo xtask bench`.

use std::path::PathBuf;

use clap::Args;
use clouder_benches::Bench as Benchmark;

use crate::command::{ChoreError, cargo, program, run};
use crate::install::install;

/// Compare clouder with ansible-core, Mitogen, pyinfra and bare ssh, on the same hosts in one run
#[derive(Args)]
pub(crate) struct Bench {
    /// On how many hosts
    #[arg(long, value_delimiter = ',', default_values_t = [1, 5, 10])]
    hosts: Vec<usize>,
    /// How often each
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Milliseconds of delay, there and back
    #[arg(long, value_delimiter = ',', default_values_t = [0, 40])]
    delays: Vec<u64>,
    /// Stop a program that takes this many times what clouder takes, and show it as having taken more; 0 lets each end
    #[arg(long, default_value_t = 0.0)]
    patience: f64,
    /// Only these workloads and programs; `language` and `azure` need no host
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Write the tables into a file, too
    #[arg(long)]
    save: Option<PathBuf>,
}

impl Bench {
    /// Runs the chore.
    pub(crate) fn run(self) -> Result<(), ChoreError> {
        let told = |error: &dyn std::fmt::Display| ChoreError::Other(error.to_string());
        let folder = PathBuf::from("target/bench");
        let release = install(&folder)?;
        run(&mut cargo(&["build", "--workspace", "--bins", "--locked"]))?;
        let bench = Benchmark {
            hosts: self.hosts,
            rounds: self.rounds,
            delays: self.delays,
            patience: self.patience,
            only: self.only,
            program: release,
            simulator: program("azure-sim"),
            folder,
        };
        let report = bench.run().map_err(|error| told(&error))?;
        if let Some(path) = self.save {
            std::fs::write(&path, report).map_err(|error| told(&error))?;
        }
        Ok(())
    }
}
