//! Whether the host is a virtual machine or a container, or has such on it.

use std::collections::BTreeSet;

use super::collectors::{Gathered, Host};

/// What the firmware of virtual machines says of its maker, and what that means.
const MAKERS: [(&str, &str); 12] = [
    ("qemu", "kvm"),
    ("kvm", "kvm"),
    ("red hat", "kvm"),
    ("amazon ec2", "kvm"),
    ("google", "kvm"),
    ("openstack", "openstack"),
    ("vmware", "VMware"),
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("microsoft corporation", "VirtualPC"),
    ("xen", "xen"),
    ("parallels", "parallels"),
];

/// `virtualization_type`, `_role`, and all techniques seen on both sides.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let mut guest: Vec<&str> = Vec::new();
    guest.extend(container(host));
    guest.extend(machine(host));
    let mut hosts: BTreeSet<&str> = BTreeSet::new();
    if host.files.exists("/dev/kvm") || host.files.exists("/sys/module/kvm") {
        hosts.insert("kvm");
    }
    if host.files.exists("/proc/vz") && host.files.exists("/proc/bc") {
        hosts.insert("openvz");
    }
    let (kind, role) = match (guest.first(), hosts.first()) {
        (Some(kind), _) => (*kind, "guest"),
        (None, Some(kind)) => (*kind, "host"),
        (None, None) => ("NA", "NA"),
    };
    gathered.set("virtualization_type", kind);
    gathered.set("virtualization_role", role);
    let all: BTreeSet<&str> = guest.into_iter().collect();
    gathered.set("virtualization_tech_guest", all.into_iter().collect::<Vec<_>>());
    gathered.set("virtualization_tech_host", hosts.into_iter().collect::<Vec<_>>());
}

/// The kind of container this is.
fn container(host: &Host<'_>) -> Option<&'static str> {
    let environment = host.files.text("/proc/1/environ").unwrap_or_default();
    let said = environment.split('\0').find_map(|variable| variable.strip_prefix("container="));
    if host.files.exists("/.dockerenv") || host.files.exists("/.dockerinit") || said == Some("docker") {
        return Some("docker");
    }
    if host.files.exists("/run/.containerenv") || said == Some("podman") {
        return Some("podman");
    }
    let groups = host.files.text("/proc/1/cgroup").unwrap_or_default();
    match said {
        Some("lxc") => Some("lxc"),
        Some("systemd-nspawn") => Some("systemd-nspawn"),
        Some(_) => Some("container"),
        None if groups.contains("/docker") => Some("docker"),
        None if groups.contains("/lxc/") => Some("lxc"),
        None => None,
    }
}

/// The kind of virtual machine this is.
fn machine(host: &Host<'_>) -> Option<&'static str> {
    let dmi = ["sys_vendor", "product_name", "bios_vendor", "board_vendor"];
    let said: String = dmi
        .iter()
        .filter_map(|name| host.files.word(format!("/sys/devices/virtual/dmi/id/{name}")))
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    if let Some((_, kind)) = MAKERS.iter().find(|(maker, _)| said.contains(maker)) {
        return Some(kind);
    }
    if host.files.exists("/proc/xen") {
        return Some("xen");
    }
    let processors = host.files.text("/proc/cpuinfo").unwrap_or_default();
    let has_flag =
        processors.lines().filter(|line| line.starts_with("flags")).any(|line| line.contains(" hypervisor"));
    has_flag.then_some("kvm")
}
