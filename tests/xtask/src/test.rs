//! `cargo xtask test`.

use std::process::Command;

use crate::command::{ChoreError, agent, cargo, run};

/// What the agent may weigh on its way to a host that has xz, in bytes.
const PACKED_LIMIT: u64 = 1_500_000;

/// What it may weigh on its way to one that has gzip only. It should be 1.5 million; until it is, this keeps it from growing.
const GZIPPED_LIMIT: u64 = 1_850_000;

/// Passes all checks and tests.
pub(crate) fn all() -> Result<(), ChoreError> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    // Tests of connections start the programs themselves.
    run(&mut cargo(&["build", "--workspace", "--locked"]))?;
    run(&mut cargo(&["test", "--workspace", "--locked"]))?;
    agent_size()
}

/// The agent as it is released must stay small: it travels to every host.
fn agent_size() -> Result<(), ChoreError> {
    let (plain, packed) = agent()?;
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", plain.display()));
    let gzip = Command::new("gzip").args(["-9", "-c"]).arg(&plain).output().map_err(told)?;
    let gzipped = u64::try_from(gzip.stdout.len()).unwrap_or(u64::MAX);
    let packed = std::fs::metadata(packed).map_err(told)?.len();
    for (way, size, limit) in [("xz", packed, PACKED_LIMIT), ("gzip", gzipped, GZIPPED_LIMIT)] {
        println!("the agent is {size} bytes by {way}, of {limit} that it may be");
        if size > limit {
            return Err(ChoreError::Other("the agent has grown too large".to_owned()));
        }
    }
    Ok(())
}
