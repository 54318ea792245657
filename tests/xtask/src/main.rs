//! `cargo xtask`: the project's own chores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who does it")]

mod azcollection;
mod bench;
mod command;
mod demo;
mod hosts;
mod install;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Pass all checks and tests: formatting, lints, documentation, tests, the agent's size
    Test,
    /// Compare clouder with ansible-core, Mitogen, pyinfra and bare ssh, on the same hosts in one run
    Bench(bench::Bench),
    /// Run one playbook under azure.azcollection and under clouder, and compare what they leave in a simulated Azure
    Azcollection,
    /// Do the main job: make a cluster of fresh machines, twice, and show its nodes
    Demo(demo::Demo),
    /// Build clouder as it is released, and install it
    Install(install::Install),
    /// Bring machines for tests up and down
    Hosts(hosts::Hosts),
}

fn main() -> ExitCode {
    let result = match Xtask::parse().chore {
        Chore::Test => test::all(),
        Chore::Azcollection => azcollection::compare(),
        Chore::Bench(bench) => bench.run(),
        Chore::Demo(demo) => demo.run(),
        Chore::Hosts(hosts) => hosts.run(),
        Chore::Install(install) => install.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
