//! `cargo xtask test`.

use crate::command::{ChoreError, agent, built, cargo, run};

/// What the agent may weigh on its way to a host, in bytes.
const LIMIT: u64 = 1_500_000;

/// Passes all checks and tests.
pub(crate) fn all() -> Result<(), ChoreError> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    // Tests of connections start the programs themselves, the agent as it is released.
    run(&mut cargo(&["build", "--workspace", "--locked"]))?;
    agent_size()?;
    let agent = std::path::absolute(built("agent")).map_err(|error| ChoreError::Other(error.to_string()))?;
    run(cargo(&["test", "--workspace", "--locked"]).env("CLOUDER_AGENT_PATH", agent))
}

/// The agent as it is released must stay small: it travels to every host.
fn agent_size() -> Result<(), ChoreError> {
    let (_, packed) = agent()?;
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", packed.display()));
    let size = std::fs::metadata(&packed).map_err(told)?.len();
    println!("the agent travels as {size} bytes, of {LIMIT} that it may be");
    if size > LIMIT {
        return Err(ChoreError::Other("the agent has grown too large".to_owned()));
    }
    Ok(())
}
