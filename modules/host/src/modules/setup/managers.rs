//! What installs packages here, and what starts services.

use super::collectors::{Gathered, Host};

/// Package managers by the program that shows they are there; of several, the later one counts.
const PACKAGE_MANAGERS: &[(&str, &str)] = &[
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/sbin/urpmi", "urpmi"),
    ("/usr/bin/pacman", "pacman"),
    ("/usr/bin/xbps-install", "xbps"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/sbin/swupd", "swupd"),
    ("/run/current-system/sw/bin/nix-env", "nix"),
    ("/usr/bin/opkg", "opkg"),
    ("/bin/opkg", "opkg"),
    ("/sbin/apk", "apk"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/dnf5", "dnf5"),
];

/// The managers that are at home in a family of distributions; another one there is a guest.
fn at_home(family: &str) -> Option<&'static [&'static str]> {
    match family {
        "Debian" => Some(&["apt"]),
        "RedHat" => Some(&["dnf5", "dnf", "yum"]),
        "Suse" => Some(&["zypper"]),
        "Alpine" => Some(&["apk"]),
        "Archlinux" => Some(&["pacman"]),
        _ => None,
    }
}

/// `pkg_mgr`.
pub(super) fn collect_packages(host: &Host<'_>, gathered: &mut Gathered) {
    let family = gathered.facts.get("os_family").and_then(|family| family.as_str()).unwrap_or_default();
    let found: Vec<&str> = PACKAGE_MANAGERS
        .iter()
        .filter(|(program, _)| host.files.exists(program))
        .map(|(_, manager)| *manager)
        .collect();
    let home = at_home(family).and_then(|home| home.iter().find(|manager| found.contains(*manager)));
    // rpm-ostree's images cannot be changed by dnf, though it is there.
    let atomic = family == "RedHat" && host.files.exists("/run/ostree-booted");
    let manager =
        if atomic { "atomic_container" } else { home.or(found.last()).copied().unwrap_or("unknown") };
    gathered.set("pkg_mgr", manager);
}

/// `service_mgr`: by the name of the first process, or by what it left in the file system.
pub(super) fn collect_services(host: &Host<'_>, gathered: &mut Gathered) {
    let first = host.files.word("/proc/1/comm").unwrap_or_default();
    let first = first.rsplit('/').next().unwrap_or_default();
    let known = match first {
        "runit-init" => Some("runit"),
        "openrc-init" => Some("openrc"),
        // Shells run containers, and `init` may be anyone's.
        "" | "init" | "sh" | "bash" | "dash" | "COMMAND" => None,
        other => Some(other),
    };
    let exists = |paths: &[&str]| paths.iter().any(|path| host.files.exists(path));
    let manager = match known {
        Some(manager) => manager,
        None if exists(&["/run/systemd/system", "/dev/.run/systemd"]) => "systemd",
        None if exists(&["/etc/init"]) && exists(&["/sbin/initctl"]) => "upstart",
        None if exists(&["/sbin/openrc"]) => "openrc",
        None if host.files.link_name("/sbin/init").as_deref() == Some("systemd") => "systemd",
        None if exists(&["/etc/init.d"]) => "sysvinit",
        None => "service",
    };
    gathered.set("service_mgr", manager);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn the_manager_at_home_wins() {
        let manager = |family: &'static str, programs: &[&str]| {
            let mut files: Vec<(&str, &str)> = programs.iter().map(|program| (*program, "")).collect();
            files.push(("/etc/os-release", family));
            let collect: fn(&Host<'_>, &mut Gathered) = |host, gathered| {
                let family = host.files.word("/etc/os-release").unwrap();
                gathered.set("os_family", family);
                collect_packages(host, gathered);
            };
            facts_of(&files, collect)["pkg_mgr"].as_str().unwrap().to_owned()
        };
        assert_eq!(manager("Debian", &["/usr/bin/apt-get", "/usr/bin/dnf"]), "apt");
        assert_eq!(manager("RedHat", &["/usr/bin/yum", "/usr/bin/dnf"]), "dnf");
        assert_eq!(manager("RedHat", &["/usr/bin/yum", "/usr/bin/apt-get"]), "yum");
        assert_eq!(manager("Void", &["/usr/bin/xbps-install"]), "xbps");
        assert_eq!(manager("Debian", &[]), "unknown");
    }

    #[test]
    fn the_first_process_tells_the_service_manager() {
        let manager = |files: &[(&str, &str)]| {
            facts_of(files, collect_services)["service_mgr"].as_str().unwrap().to_owned()
        };
        assert_eq!(manager(&[("/proc/1/comm", "systemd\n")]), "systemd");
        assert_eq!(manager(&[("/proc/1/comm", "init\n"), ("/run/systemd/system/x", "")]), "systemd");
        assert_eq!(manager(&[("/proc/1/comm", "init\n"), ("/sbin/openrc", "")]), "openrc");
        assert_eq!(manager(&[("/proc/1/comm", "sh\n"), ("/etc/init.d/x", "")]), "sysvinit");
        assert_eq!(manager(&[]), "service");
    }
}
