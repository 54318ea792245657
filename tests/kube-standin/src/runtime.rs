//! The container runtime, asked through containerd's own client.

use std::path::Path;
use std::process::Command;

use crate::failure::{Context as _, Result, refuse};

/// Where the runtime listens unless something else is said.
pub const SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// Checks that the runtime answers and that its CRI plugin works.
///
/// # Errors
/// As the real tools word it when they cannot reach the CRI.
pub fn check(socket: &str) -> Result<()> {
    let Some(path) = socket.strip_prefix("unix://") else {
        refuse!("validate service connection: endpoint {socket:?} is not a unix socket");
    };
    if !Path::new(path).exists() {
        refuse!(
            "validate service connection: validate CRI v1 runtime API for endpoint {socket:?}: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {path}: connect: no such file or directory\""
        );
    }
    let output = Command::new("ctr")
        .args(["--address", path, "--connect-timeout", "5s", "plugins", "ls"])
        .output()
        .doing("ctr")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let works = said.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words.as_slice(), ["io.containerd.grpc.v1", "cri", .., "ok"])
    });
    if works {
        return Ok(());
    }
    refuse!(
        "validate service connection: validate CRI v1 runtime API for endpoint {socket:?}: rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"
    );
}

/// The runtime's name and version, as a node reports it.
#[must_use]
pub fn version() -> String {
    let output = Command::new("containerd").arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = said.split_whitespace().nth(2).unwrap_or("unknown");
    format!("containerd://{}", version.trim_start_matches('v'))
}
