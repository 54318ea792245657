//! `kubeadm reset`: takes away what init and join made.

use std::path::Path;

use super::manifests::Plane;
use super::{CERTIFICATES, FOLDER, configuration, members, say};
use crate::failure::{Context as _, Result, refuse};
use crate::flags::Flags;
use crate::kubelet::static_pods;
use crate::machine;
use crate::version::Version;

/// Runs reset.
pub(super) fn run(version: Version, arguments: &[String]) -> Result<()> {
    let flags = Flags::parse(
        arguments,
        "f/force config= cri-socket= cert-dir= cleanup-tmp-dir ignore-preflight-errors= kubeconfig= skip-phases= v/v=",
    )?;
    if flags.value("config").is_some() {
        configuration(&flags, version)?;
    }
    if !flags.is_on("force")? {
        refuse!("the stand-in asks nobody: reset needs --force");
    }
    if !machine::is_root() {
        refuse!("user is not running as root");
    }
    let certificates = flags.value("cert-dir").unwrap_or(CERTIFICATES);
    if Plane::is_here()
        && let Err(failure) = members::leave(Path::new(certificates))
    {
        warn(&format!(
            "[reset] Failed to remove etcd member: {failure}, please manually remove this etcd member using etcdctl"
        ));
    }
    machine::systemctl(&["stop", "kubelet"])?;
    static_pods::stop()?;
    let manifest = std::fs::read_to_string(Path::new(FOLDER).join("manifests/etcd.yaml")).unwrap_or_default();
    let data = manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("- --data-dir="))
        .unwrap_or("/var/lib/etcd");
    empty(Path::new(data))?;
    for folder in ["manifests", "pki"] {
        empty(&Path::new(FOLDER).join(folder))?;
    }
    for file in [
        "admin.conf",
        "super-admin.conf",
        "kubelet.conf",
        "bootstrap-kubelet.conf",
        "controller-manager.conf",
        "scheduler.conf",
    ] {
        remove(&Path::new(FOLDER).join(file))?;
    }
    // The kubelet's folder itself is a mount point.
    empty(Path::new("/var/lib/kubelet"))?;
    say(
        "[reset] Deleted contents of the stateful directories\n\nThe reset process does not perform cleanup of CNI plugin configuration, network filtering rules and kubeconfig files.",
    )
}

/// Prints a line on standard error.
#[expect(clippy::print_stderr, reason = "a tool talks to whoever calls it")]
fn warn(text: &str) {
    eprintln!("{text}");
}

fn empty(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        remove(&entry.path())?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.doing(path.display())
}
