//! Machines for tests: Debian 13 containers with real systemd, real sshd and real apt.
//!
//! A [`Fleet`] is a network of its own with named machines on it, a key pair, pinned host keys, an ssh configuration
//! and an inventory. What this machine lacks (Docker, debootstrap) is installed; where no registry answers, the image
//! is made with debootstrap.

mod alone;
mod capabilities;
pub mod cloud;
pub mod cluster;
mod command;
mod host;
mod image;
mod keys;
mod prerequisites;
mod python;
mod service;
mod simulator;

use std::fs;
use std::path::{Path, PathBuf};

pub use command::{FleetError, Output, before, run, succeed};
pub use host::Host;
pub use prerequisites::{install, missing};
pub use python::python;
pub use service::Service;
pub use simulator::Simulator;

/// The label that everything of a fleet carries; only what carries it is ever removed.
pub(crate) const LABEL: &str = "clouder.fleet";

/// The user with `sudo` that asks for no password.
pub const ADMIN: &str = "admin";

/// The user with `sudo` that asks for [`PASSWORD`].
pub const OPERATOR: &str = "operator";

/// The password of [`OPERATOR`] and of root.
pub const PASSWORD: &str = "correct horse";

/// What a machine has from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// Debian, and nothing besides.
    Bare,
    /// What nodes need of Debian's packages, as in an image that somebody prepared for nodes where nothing else is to be had.
    Prepared,
    /// A containerd that checkpoints and restores, of Debian's unstable release, and CRIU.
    Checkpointing,
}

/// Provides all that machines are made of, which takes minutes where nothing is there.
///
/// # Errors
/// What is missing, or what failed.
pub fn prepare() -> Result<(), FleetError> {
    prerequisites::provide()?;
    image::provide_cloud(Software::Checkpointing)?;
    image::provide_cloud(Software::Bare)?;
    image::provide_cloud(Software::Prepared).map(drop)
}

/// Machines on a network of their own.
#[derive(Debug)]
pub struct Fleet {
    name: String,
    folder: PathBuf,
    hosts: Vec<Host>,
}

impl Fleet {
    /// Brings up machines; those that are up already are kept. What belongs to the fleet (keys, ssh configuration,
    /// inventory) is kept in `folder`.
    ///
    /// # Errors
    /// What is missing, or what failed.
    pub fn up(name: &str, hosts: &[&str], folder: &Path) -> Result<Self, FleetError> {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host, Software::Bare)).collect();
        Self::up_with(name, &hosts, folder)
    }

    /// As [`Fleet::up`], of machines that have different software.
    ///
    /// # Errors
    /// What is missing, or what failed.
    pub fn up_with(name: &str, hosts: &[(&str, Software)], folder: &Path) -> Result<Self, FleetError> {
        prerequisites::provide()?;
        keys::private_folder(folder)?;
        let folder = fs::canonicalize(folder).map_err(|error| FleetError::io("find", folder, error))?;
        let key = keys::provide(&folder)?;
        host::network(name)?;
        let mut booting = Vec::new();
        for (host, software) in hosts {
            let image = image::provide(*software)?;
            let (fleet, host, key) = (name.to_owned(), (*host).to_owned(), key.clone());
            booting.push(std::thread::spawn(move || Host::up(&fleet, &host, &image, &key)));
        }
        let mut up = Vec::new();
        for thread in booting {
            up.push(
                thread
                    .join()
                    .map_err(|_| FleetError::Other("a thread that boots a machine failed".to_owned()))??,
            );
        }
        for host in &up {
            host.name_the_others(&up)?;
        }
        keys::describe(&folder, &up)?;
        Ok(Self { name: name.to_owned(), folder, hosts: up })
    }

    /// Its machines, in the order they were named.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// A machine by name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// The address of this machine on the fleet's network: where machines reach servers that run here.
    ///
    /// # Errors
    /// When the network is gone.
    pub fn gateway(&self) -> Result<String, FleetError> {
        host::gateway(&self.name)
    }

    /// The ssh configuration that reaches all machines.
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// The inventory of all machines.
    pub fn inventory(&self) -> PathBuf {
        self.folder.join("inventory.ini")
    }

    /// Removes it.
    ///
    /// # Errors
    /// As [`Fleet::down`].
    pub fn end(self) -> Result<(), FleetError> {
        Self::down(&self.name)
    }

    /// Removes the fleet of this name: its machines, volumes and network, and nothing else. A Docker daemon that does not
    /// run is started, for it may hold them still; where none is installed there is nothing to remove.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn down(name: &str) -> Result<(), FleetError> {
        if prerequisites::has_docker()? { host::remove_all(name) } else { Ok(()) }
    }
}
