//! Which capabilities machines can be given: those this process has and Docker knows.

use std::fs;

/// Names by number, as the kernel has them.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Docker 20.10 does not know what the kernel learnt last.
const LATE: [&str; 3] = ["PERFMON", "BPF", "CHECKPOINT_RESTORE"];

/// The names of all capabilities that can be given.
pub(crate) fn available(docker_version: &str) -> Vec<&'static str> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let is_old = docker_version.starts_with("20.") || docker_version.starts_with("19.");
    let has = |number: usize| bounding.is_none_or(|bits| bits >> number & 1 == 1);
    NAMES
        .iter()
        .enumerate()
        .filter(|(number, name)| has(*number) && !(is_old && LATE.contains(name)))
        .map(|(_, name)| *name)
        .collect()
}
