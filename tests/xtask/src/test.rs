//! `cargo xtask test`.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{ChoreError, agent, cargo, run};

/// What the agent may weigh on its way to a host, compressed, in bytes. It should be 1.5 million; until it is, this keeps
/// it from growing further.
const AGENT_LIMIT: usize = 2_400_000;

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
    let path = agent()?;
    let size = compressed(&path)
        .map_err(|error| ChoreError::Other(format!("cannot compress {}: {error}", path.display())))?;
    println!("the agent is {size} bytes compressed, of {AGENT_LIMIT} that it may be");
    if size > AGENT_LIMIT {
        Err(ChoreError::Other("the agent has grown too large".to_owned()))
    } else {
        Ok(())
    }
}

fn compressed(path: &Path) -> std::io::Result<usize> {
    let content = std::fs::read(path)?;
    let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut input), Some(mut output)) = (gzip.stdin.take(), gzip.stdout.take()) else {
        return Err(std::io::Error::other("gzip has no pipes"));
    };
    let writer = std::thread::spawn(move || input.write_all(&content));
    let mut packed = Vec::new();
    output.read_to_end(&mut packed)?;
    writer.join().map_err(|_| std::io::Error::other("writing to gzip failed"))??;
    gzip.wait()?;
    Ok(packed.len())
}
