//! What the tools ask of the machine they run on.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Context as _, Result, refuse};

/// A kernel parameter.
#[must_use]
pub fn sysctl(name: &str) -> Option<String> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// Whether anything is swapped to.
#[must_use]
pub fn swaps() -> bool {
    fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() > 1)
}

/// Whether the machine has only control groups of the first version.
#[must_use]
pub fn has_old_cgroups() -> bool {
    !Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// The machine's name.
#[must_use]
pub fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_lowercase()
}

/// The address of the interface with the default route.
#[must_use]
pub fn address() -> Option<String> {
    // Connecting a datagram socket sends nothing, and shows which address would be used.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// How many processors and how many MiB of memory there are.
#[must_use]
pub fn size() -> (usize, u64) {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().split(' ').next()?.parse::<u64>().ok());
    (processors, total.unwrap_or(0) / 1024)
}

/// Runs systemctl.
///
/// # Errors
/// With what it said, when it fails.
pub fn systemctl(arguments: &[&str]) -> Result<()> {
    run(Command::new("systemctl").args(arguments)).map(drop)
}

/// Runs a program; returns what it prints.
///
/// # Errors
/// With what it said, when it fails.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().doing(&name)?;
    if !output.status.success() {
        refuse!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this process is root's.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
