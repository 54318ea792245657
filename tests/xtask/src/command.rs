//! Running programs, with errors that say which one and why.

use std::path::{Path, PathBuf};
use std::process::Command;

use clouder_modules::system::checksum::Algorithm;
use thiserror::Error;

/// Why a chore failed.
#[derive(Debug, Error)]
pub(crate) enum ChoreError {
    /// A program cannot be started.
    #[error("cannot start `{line}`: {source}")]
    Start {
        /// The command line.
        line: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{line}` failed ({status})")]
    Failed {
        /// The command line.
        line: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// Something else is not as it must be.
    #[error("{0}")]
    Other(String),
}

/// Runs a program to its end, its output shown.
pub(crate) fn run(command: &mut Command) -> Result<(), ChoreError> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    println!("+ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ChoreError::Failed { line, status }),
        Err(source) => Err(ChoreError::Start { line, source }),
    }
}

/// Cargo, with these arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// The folder of the programs that are built with a profile; that of `dev` is called `debug`.
pub(crate) fn built(folder: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join(format!("{}-unknown-linux-gnu", std::env::consts::ARCH)).join(folder)
}

/// A program of the workspace, as it is built for tests.
pub(crate) fn program(name: &str) -> PathBuf {
    built("debug").join(name)
}

/// How the agent is built as it is released: at a fixed address, equal code kept once, without tables of places to adjust or
/// to unwind by. All that would only travel with it.
const AGENT_FLAGS: [&str; 6] = [
    "-Crelocation-model=static",
    "-Cforce-unwind-tables=no",
    "-Clink-arg=-Wl,--no-eh-frame-hdr",
    "-Clink-arg=-Wl,--icf=all",
    "-Clink-arg=-Wl,-T",
    "-Clink-arg=modules/host/agent.ld",
];

/// Builds the agent as it is released, and packs it with xz for hosts that have it; returns where both are.
pub(crate) fn agent() -> Result<(PathBuf, PathBuf), ChoreError> {
    let what = ["--package", "clouder-modules", "--no-default-features", "--bin", "clouder-agent"];
    let flags = format!("target.'cfg(target_os = \"linux\")'.rustflags={AGENT_FLAGS:?}");
    let mut cargo =
        cargo(&[&["build", "--locked", "--profile", "agent", "--config", &flags], &what[..]].concat());
    // Elliptic curves without tables of precomputed points, which nothing can compress: see `agent.ld`.
    let small = format!("CFLAGS_{}_unknown_linux_gnu", std::env::consts::ARCH);
    run(cargo.env(small, "-DOPENSSL_SMALL"))?;
    let agent = built("agent").join("clouder-agent");
    let packed = pack(&agent)?;
    Ok((agent, packed))
}

/// Puts the packed agent beside it, under a name that tells which one it is.
fn pack(agent: &Path) -> Result<PathBuf, ChoreError> {
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", agent.display()));
    let content = std::fs::read(agent).map_err(told)?;
    let hash = &Algorithm::Sha256.of_bytes(&content)[..24];
    let packed = agent.with_file_name(format!("clouder-agent-{hash}.xz"));
    let file = std::fs::File::create(&packed).map_err(told)?;
    run(Command::new("xz").args(["--x86", "--lzma2=preset=9e", "--stdout"]).arg(agent).stdout(file))?;
    Ok(packed)
}
