//! Capabilities of this process, and the kernel's security modules.

use serde_json::json;

use super::collectors::{Gathered, Host};

/// By number, as the kernel counts them.
const CAPABILITIES: &[&str] = &[
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// `system_capabilities` and `system_capabilities_enforced`: whether this process lacks any, and then which it has.
pub(super) fn collect_capabilities(host: &Host<'_>, gathered: &mut Gathered) {
    let status = host.files.text("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(mask) = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) else { return };
    let last = host.files.word("/proc/sys/kernel/cap_last_cap").and_then(|last| last.parse().ok());
    let last: usize = last.unwrap_or(CAPABILITIES.len() - 1);
    let all = (0..=last).all(|number| mask >> number & 1 == 1);
    let names = CAPABILITIES.iter().enumerate().filter(|(number, _)| mask >> number & 1 == 1);
    let names: Vec<&str> = if all { Vec::new() } else { names.map(|(_, name)| *name).collect() };
    gathered.set("system_capabilities", names);
    gathered.set("system_capabilities_enforced", if all { "False" } else { "True" });
}

/// `fips`.
pub(super) fn collect_fips(host: &Host<'_>, gathered: &mut Gathered) {
    gathered.set("fips", host.files.word("/proc/sys/crypto/fips_enabled").as_deref() == Some("1"));
}

/// `apparmor`.
pub(super) fn collect_apparmor(host: &Host<'_>, gathered: &mut Gathered) {
    let enabled = host.files.exists("/sys/kernel/security/apparmor");
    gathered.set("apparmor", json!({"status": if enabled { "enabled" } else { "disabled" }}));
}

/// `selinux`. clouder needs no library for it, so `selinux_python_present` is always true.
pub(super) fn collect_selinux(host: &Host<'_>, gathered: &mut Gathered) {
    gathered.set("selinux_python_present", true);
    let Some(enforcing) = host.files.word("/sys/fs/selinux/enforce") else {
        gathered.set("selinux", json!({"status": "disabled"}));
        return;
    };
    let config = host.files.text("/etc/selinux/config").unwrap_or_default();
    let setting = |name: &str| {
        let lines = config.lines().filter_map(|line| line.split_once('='));
        let value = lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next_back();
        value.unwrap_or("unknown").to_owned()
    };
    let policy = host.files.word("/sys/fs/selinux/policyvers");
    gathered.set(
        "selinux",
        json!({
            "status": "enabled",
            "policyvers": policy.and_then(|version| version.parse::<u32>().ok()).map_or(json!("unknown"), |version| json!(version)),
            "config_mode": setting("SELINUX"),
            "mode": if enforcing == "1" { "enforcing" } else { "permissive" },
            "type": setting("SELINUXTYPE"),
        }),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn capabilities_are_named_when_some_are_missing() {
        let status = |mask: &str| format!("Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t{mask}\n");
        let last = ("/proc/sys/kernel/cap_last_cap", "40\n");
        let full =
            facts_of(&[("/proc/self/status", &status("000001ffffffffff")), last], collect_capabilities);
        assert_eq!(full["system_capabilities_enforced"], "False");
        assert_eq!(full["system_capabilities"], json!([]));
        let some =
            facts_of(&[("/proc/self/status", &status("0000000000001001")), last], collect_capabilities);
        assert_eq!(some["system_capabilities_enforced"], "True");
        assert_eq!(some["system_capabilities"], json!(["cap_chown", "cap_net_admin"]));
    }

    #[test]
    fn selinux_is_told_from_its_file_system_and_configuration() {
        let none = facts_of(&[("/etc/selinux/config", "SELINUX=enforcing\n")], collect_selinux);
        assert_eq!(none["selinux"], json!({"status": "disabled"}));
        let some = facts_of(
            &[
                ("/etc/selinux/config", "# SELINUX=x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"),
                ("/sys/fs/selinux/enforce", "0"),
                ("/sys/fs/selinux/policyvers", "33"),
            ],
            collect_selinux,
        );
        assert_eq!(
            some["selinux"],
            json!({"status": "enabled", "policyvers": 33, "config_mode": "enforcing", "mode": "permissive",
                "type": "targeted"})
        );
    }
}
