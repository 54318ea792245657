//! Whether the machine is a real one, and what runs others on it.

use super::collectors::{Gathered, Host};
use super::files::Files;

/// `virtualization_type` and `virtualization_role`: the nearest layer, a container before the machine it is on;
/// `virtualization_tech_guest` and `virtualization_tech_host`: all that were found.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let guest = [container(&host.files), machine(&host.files)];
    let hosts = host_of(&host.files);
    let nearest = guest.iter().flatten().next();
    let (kind, role) = match (nearest, hosts.first()) {
        (Some(guest), _) => (*guest, "guest"),
        (None, Some(host)) => (*host, "host"),
        (None, None) => ("NA", "NA"),
    };
    let mut techs: Vec<&str> = guest.iter().flatten().copied().collect();
    if guest[0].is_some() && !techs.contains(&"container") {
        techs.push("container");
    }
    gathered.set("virtualization_type", kind);
    gathered.set("virtualization_role", role);
    gathered.set("virtualization_tech_guest", techs);
    gathered.set("virtualization_tech_host", hosts);
}

/// The kind of container this is in.
fn container(files: &Files) -> Option<&'static str> {
    let groups = files.text("/proc/1/cgroup").unwrap_or_default();
    let in_docker = groups.lines().any(|line| line.contains("/docker/") || line.contains("/docker-"));
    if in_docker || files.exists("/.dockerenv") || files.exists("/.dockerinit") {
        return Some("docker");
    }
    // What runs a container puts its name into the environment of the first process; systemd copies it to a file.
    let environment = files.text("/proc/1/environ").unwrap_or_default();
    let manager = environment.split('\0').find_map(|variable| variable.strip_prefix("container="));
    let manager = manager.map(str::to_owned).or_else(|| files.word("/run/systemd/container"));
    match manager.as_deref() {
        Some("docker") => return Some("docker"),
        Some("podman") => return Some("podman"),
        Some("lxc" | "lxc-libvirt") => return Some("lxc"),
        Some("systemd-nspawn") => return Some("systemd-nspawn"),
        Some(_) => return Some("container"),
        None => {}
    }
    if files.exists("/run/.containerenv") {
        return Some("podman");
    }
    if groups.lines().any(|line| line.contains("/lxc/") || line.contains("/machine.slice/lxc")) {
        return Some("lxc");
    }
    // On the host of OpenVZ there is /proc/bc as well.
    (files.exists("/proc/vz") && !files.exists("/proc/bc")).then_some("openvz")
}

/// The kind of virtual machine this is, by what its firmware says.
fn machine(files: &Files) -> Option<&'static str> {
    let told = |file: &str| files.word(format!("/sys/devices/virtual/dmi/id/{file}")).unwrap_or_default();
    let (product, vendor) = (told("product_name"), told("sys_vendor"));
    let (bios, family) = (told("bios_vendor"), told("product_family"));
    let xen_guest = |capabilities: Option<String>| !capabilities.unwrap_or_default().contains("control_d");
    match product.as_str() {
        "KVM" | "KVM Server" | "Bochs" | "AHV" | "Google Compute Engine" => return Some("kvm"),
        "RHEV Hypervisor" => return Some("RHEV"),
        "oVirt Node" | "oVirt" => return Some("oVirt"),
        "VMware Virtual Platform" | "VMware7,1" | "VMware20,1" => return Some("VMware"),
        "OpenStack Compute" | "OpenStack Nova" => return Some("openstack"),
        "Virtual Machine" if vendor == "Microsoft Corporation" => return Some("VirtualPC"),
        _ => {}
    }
    if bios == "Xen" || files.exists("/proc/xen") && xen_guest(files.text("/proc/xen/capabilities")) {
        return Some("xen");
    }
    if bios == "innotek GmbH" {
        return Some("virtualbox");
    }
    match vendor.as_str() {
        "QEMU" if family == "RHV" => return Some("RHEV"),
        "oVirt" => return Some("oVirt"),
        "QEMU" | "Amazon EC2" | "DigitalOcean" | "Google" | "Hetzner" | "Linode" | "Scaleway" | "Nutanix" => {
            return Some("kvm");
        }
        "KubeVirt" => return Some("KubeVirt"),
        "VMware, Inc." => return Some("VMware"),
        "OpenStack Foundation" => return Some("openstack"),
        "Parallels Software International Inc." | "Parallels International GmbH." => {
            return Some("parallels");
        }
        "BHYVE" => return Some("bhyve"),
        _ => {}
    }
    let processors = files.text("/proc/cpuinfo").unwrap_or_default();
    let model = |word: &str| {
        processors.lines().any(|line| {
            (line.starts_with("model name") || line.starts_with("vendor_id")) && line.contains(word)
        })
    };
    if model("QEMU") {
        return Some("kvm");
    }
    model("User Mode Linux").then_some("uml")
}

/// What this machine can run others with.
fn host_of(files: &Files) -> Vec<&'static str> {
    let mut found = Vec::new();
    let modules = files.text("/proc/modules").unwrap_or_default();
    let loaded = |name: &str| modules.lines().any(|line| line.split(' ').next() == Some(name));
    if files.text("/proc/xen/capabilities").is_some_and(|capabilities| capabilities.contains("control_d")) {
        found.push("xen");
    }
    if files.exists("/proc/bc") {
        found.push("openvz");
    }
    if loaded("kvm") || files.exists("/dev/kvm") {
        found.push("kvm");
    }
    if loaded("vboxdrv") {
        found.push("virtualbox");
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    fn kind(files: &[(&str, &str)]) -> (String, String) {
        let facts = facts_of(files, collect);
        let word = |name: &str| facts[name].as_str().unwrap().to_owned();
        (word("virtualization_type"), word("virtualization_role"))
    }

    fn told(kind: &str, role: &str) -> (String, String) {
        (kind.to_owned(), role.to_owned())
    }

    #[test]
    fn the_nearest_layer_is_told() {
        let dmi = |file: &str| format!("/sys/devices/virtual/dmi/id/{file}");
        let azure =
            [(&*dmi("sys_vendor"), "Microsoft Corporation\n"), (&*dmi("product_name"), "Virtual Machine\n")];
        assert_eq!(kind(&azure), told("VirtualPC", "guest"));
        assert_eq!(kind(&[azure[0], azure[1], ("/.dockerenv", "")]), told("docker", "guest"));
        assert_eq!(kind(&[(&dmi("sys_vendor"), "QEMU\n")]), told("kvm", "guest"));
        assert_eq!(kind(&[("/proc/1/environ", "a=b\0container=lxc\0")]), told("lxc", "guest"));
        assert_eq!(kind(&[("/run/systemd/container", "systemd-nspawn\n")]), told("systemd-nspawn", "guest"));
        assert_eq!(kind(&[("/proc/modules", "kvm_amd 1\nkvm 2 1 kvm_amd,\n")]), told("kvm", "host"));
        assert_eq!(kind(&[]), told("NA", "NA"));
    }

    #[test]
    fn all_layers_are_listed() {
        let facts = facts_of(&[("/.dockerenv", ""), ("/dev/kvm", "")], collect);
        assert_eq!(facts["virtualization_tech_guest"], json!(["docker", "container"]));
        assert_eq!(facts["virtualization_tech_host"], json!(["kvm"]));
    }
}
