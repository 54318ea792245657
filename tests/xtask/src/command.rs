//! Running programs, with errors that say which one and why.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clouder_unpack::DICTIONARY;
use sha2::{Digest as _, Sha256};
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
    let line = line(command);
    println!("+ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(ChoreError::Failed { line, status }),
        Err(source) => Err(ChoreError::Start { line, source }),
    }
}

/// The command line, for messages.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Cargo, with these arguments.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // What cargo tells the program it runs is not for the cargo that this one runs: it would compile much anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
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

/// How the program is built that the agent travels behind: without anything that starts a program for it.
const UNPACK_FLAGS: [&str; 5] = [
    "-Crelocation-model=static",
    "-Cforce-unwind-tables=no",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-Wl,--build-id=none",
];

/// Builds the agent as it is released, and the form in which it travels; returns where both are.
pub(crate) fn agent() -> Result<(PathBuf, PathBuf), ChoreError> {
    let what = ["--package", "clouder-modules", "--no-default-features", "--bin", "clouder-agent"];
    // Elliptic curves without tables of precomputed points, which nothing can compress: see `agent.ld`.
    let small = format!("CFLAGS_{}_unknown_linux_gnu", std::env::consts::ARCH);
    run(released(&what, &AGENT_FLAGS).env(small, "-DOPENSSL_SMALL"))?;
    let what = ["--package", "clouder-unpack", "--features", "bare", "--bin", "clouder-unpack"];
    run(&mut released(&what, &UNPACK_FLAGS))?;
    let agent = built("agent").join("clouder-agent");
    let packed = pack(&agent, &built("agent").join("clouder-unpack"))?;
    Ok((agent, packed))
}

/// Cargo that builds this for release, with these flags for the compiler.
fn released(what: &[&str], flags: &[&str]) -> Command {
    let flags = format!("target.'cfg(target_os = \"linux\")'.rustflags={flags:?}");
    cargo(&[&["build", "--locked", "--profile", "agent", "--config", &flags], what].concat())
}

/// Packs the agent behind the program that unpacks it, beside it, under a name that tells which one it is.
fn pack(agent: &Path, unpack: &Path) -> Result<PathBuf, ChoreError> {
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", agent.display()));
    let digest = Sha256::digest(std::fs::read(agent).map_err(told)?);
    let hash: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let installed = clouder_fleet::install(&clouder_fleet::missing(&[("xz", "xz-utils")]));
    installed.map_err(|error| ChoreError::Other(error.to_string()))?;
    let machine = if cfg!(target_arch = "aarch64") { "--arm64" } else { "--x86" };
    let dictionary = format!("--lzma2=preset=9e,dict={DICTIONARY}");
    let xz = ["--check=crc32", machine, &dictionary, "--stdout"];
    let xz = Command::new("xz").args(xz).arg(agent).stderr(Stdio::inherit()).output().map_err(told)?;
    if !xz.status.success() {
        return Err(ChoreError::Other("the agent cannot be packed".to_owned()));
    }
    let mut packed = std::fs::read(unpack).map_err(told)?;
    let begin = packed.len() as u64;
    packed.extend(xz.stdout);
    packed.extend(begin.to_le_bytes());
    let path = agent.with_file_name(format!("clouder-agent-{hash}.packed"));
    std::fs::write(&path, packed).map_err(told)?;
    Ok(path)
}
