//! Keys, the ssh configuration and the inventory of a fleet.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::Host;
use crate::command::{FleetError, succeed};

/// Makes a folder that only its owner may look into.
pub(crate) fn private_folder(folder: &Path) -> Result<(), FleetError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| FleetError::io("make", folder, error))
}

/// The fleet's key; returns its public half as text.
pub(crate) fn provide(folder: &Path) -> Result<String, FleetError> {
    let key = folder.join("id_ed25519");
    if !key.exists() {
        let path = key.display().to_string();
        succeed("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "clouder-fleet", "-f", &path])?;
    }
    let public = key.with_extension("pub");
    fs::read_to_string(&public).map_err(|error| FleetError::io("read", &public, error))
}

/// Writes `known_hosts`, `ssh_config` and `inventory.ini`.
pub(crate) fn describe(folder: &Path, hosts: &[Host]) -> Result<(), FleetError> {
    let mut known = String::new();
    let mut config = format!(
        "Host *\n  IdentityFile {0}/id_ed25519\n  IdentitiesOnly yes\n  UserKnownHostsFile {0}/known_hosts\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n",
        folder.display()
    );
    let mut inventory = String::new();
    let mut machines = String::new();
    for host in hosts {
        for key in &host.keys {
            known.push_str(&format!("{},{} {key}\n", host.name, host.address));
        }
        config.push_str(&format!("\nHost {}\n  HostName {}\n  HostKeyAlias {0}\n", host.name, host.address));
        machines.push_str(&format!("{} ansible_host={}\n", host.name, host.address));
    }
    inventory.push_str(&machines);
    for (group, of_group) in [("control_plane", true), ("workers", false)] {
        inventory.push_str(&format!("\n[{group}]\n"));
        let members = hosts.iter().filter(|host| host.name.starts_with("cp-") == of_group);
        members.for_each(|host| inventory.push_str(&format!("{}\n", host.name)));
    }
    inventory.push_str("\n[cluster:children]\ncontrol_plane\nworkers\n");
    inventory.push_str(&format!(
        "\n[cluster:vars]\nansible_user=root\nansible_ssh_private_key_file={0}/id_ed25519\nansible_ssh_common_args=-o UserKnownHostsFile={0}/known_hosts -o StrictHostKeyChecking=yes -o LogLevel=ERROR\n",
        folder.display()
    ));
    for (name, text) in [("known_hosts", &known), ("ssh_config", &config), ("inventory.ini", &inventory)] {
        write(&folder.join(name), text)?;
    }
    Ok(())
}

pub(crate) fn write(path: &PathBuf, text: &str) -> Result<(), FleetError> {
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(|error| FleetError::io("write", path, error))
}
