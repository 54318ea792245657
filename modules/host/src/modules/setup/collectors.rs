//! The list of all collectors of facts.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::files::Files;
use super::{
    date, devices, distribution, dmi, dns, kernel, local, managers, memory, mounts, network, platform,
    processor, python, security, ssh_keys, storage, user, virtualization,
};
use crate::Context;

/// What collectors read from.
pub(super) struct Host<'a> {
    /// Its files.
    pub(super) files: Files,
    /// The surroundings of the run.
    pub(super) context: &'a Context,
    /// Where a host's administrators put facts of their own.
    pub(super) fact_path: PathBuf,
    /// How long one slow source may take.
    pub(super) patience: Duration,
}

/// What collectors found.
#[derive(Default)]
pub(super) struct Gathered {
    /// By name, without the `ansible_` in front.
    pub(super) facts: Map<String, Value>,
    /// Why something was not found that should have been.
    pub(super) warnings: Vec<String>,
}

impl Gathered {
    /// Adds a fact.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }
}

/// A source of some facts.
pub(super) struct Collector {
    /// What `gather_subset` calls it.
    pub(super) name: &'static str,
    /// Names of its facts that `gather_subset` takes for it, too.
    pub(super) facts: &'static [&'static str],
    /// Whether it is in the minimal subset.
    pub(super) minimal: bool,
    /// Collectors whose facts always come with its own.
    pub(super) needs: &'static [&'static str],
    /// Finds the facts. What cannot be found is left out, and told if it should be there.
    pub(super) collect: fn(&Host<'_>, &mut Gathered),
}

const fn collector(name: &'static str, collect: fn(&Host<'_>, &mut Gathered)) -> Collector {
    Collector { name, facts: &[], minimal: true, needs: &[], collect }
}

impl Collector {
    const fn giving(mut self, facts: &'static [&'static str]) -> Self {
        self.facts = facts;
        self
    }

    const fn beyond_minimal(mut self) -> Self {
        self.minimal = false;
        self
    }

    const fn with(mut self, needs: &'static [&'static str]) -> Self {
        self.needs = needs;
        self
    }
}

/// All of them, each after those it builds on.
pub(super) const COLLECTORS: &[Collector] = &[
    collector("platform", platform::collect).giving(&[
        "system",
        "kernel",
        "kernel_version",
        "machine",
        "machine_id",
        "architecture",
        "python_version",
    ]),
    collector("distribution", distribution::collect).giving(&[
        "distribution_version",
        "distribution_release",
        "distribution_major_version",
        "os_family",
    ]),
    collector("lsb", distribution::collect_lsb),
    collector("cmdline", kernel::collect_command_line),
    collector("caps", security::collect_capabilities)
        .giving(&["system_capabilities", "system_capabilities_enforced"]),
    collector("fips", security::collect_fips),
    collector("selinux", security::collect_selinux),
    collector("apparmor", security::collect_apparmor),
    collector("dns", dns::collect),
    collector("env", user::collect_environment),
    collector("python", python::collect),
    collector("ssh_pub_keys", ssh_keys::collect).giving(&[
        "ssh_host_pub_keys",
        "ssh_host_key_dsa_public",
        "ssh_host_key_rsa_public",
        "ssh_host_key_ecdsa_public",
        "ssh_host_key_ed25519_public",
    ]),
    collector("user", user::collect).giving(&[
        "user_id",
        "user_uid",
        "user_gid",
        "user_gecos",
        "user_dir",
        "user_shell",
        "real_user_id",
        "effective_user_id",
        "effective_group_ids",
    ]),
    collector("date_time", date::collect),
    collector("local", local::collect),
    collector("pkg_mgr", managers::collect_packages).with(&["platform", "distribution"]),
    collector("service_mgr", managers::collect_services)
        .giving(&["systemd"])
        .with(&["platform", "distribution"]),
    collector("chroot", platform::collect_chroot).giving(&["is_chroot"]).beyond_minimal(),
    collector("loadavg", kernel::collect_load).beyond_minimal(),
    collector("iscsi", storage::collect_initiators).giving(&["nvme", "fibre_channel_wwn"]).beyond_minimal(),
    collector("hardware", collect_hardware)
        .giving(&["processor", "processor_cores", "processor_count", "mounts", "devices"])
        .beyond_minimal()
        .with(&["platform"]),
    collector("network", network::collect)
        .giving(&["interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"])
        .beyond_minimal()
        .with(&["platform", "distribution"]),
    collector("virtual", virtualization::collect)
        .giving(&[
            "virtualization_type",
            "virtualization_role",
            "virtualization_tech_guest",
            "virtualization_tech_host",
        ])
        .beyond_minimal(),
];

fn collect_hardware(host: &Host<'_>, gathered: &mut Gathered) {
    processor::collect(host, gathered);
    memory::collect(host, gathered);
    dmi::collect(host, gathered);
    devices::collect(host, gathered);
    mounts::collect(host, gathered);
    storage::collect_volumes(host, gathered);
    kernel::collect_uptime(host, gathered);
}
