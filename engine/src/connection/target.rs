//! What there is to reach.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A host, the way to it, and who to be there. Equal targets share one agent, however long its connection was given.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host's name in the inventory.
    pub host: Arc<str>,
    /// The way to it.
    pub transport: Transport,
    /// Who to become there.
    pub become_: Option<Become>,
    /// How long the connection may take.
    pub timeout: Duration,
}

impl Target {
    fn identity(&self) -> (&str, &Transport, Option<&Become>) {
        (&self.host, &self.transport, self.become_.as_ref())
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Target {}

impl Hash for Target {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// The controller itself.
    Local,
    /// OpenSSH, with the user's own configuration, keys and known hosts.
    Ssh(SshTarget),
    /// A container of this machine.
    Container {
        /// Whose.
        engine: ContainerEngine,
        /// Its name or number.
        name: String,
        /// Who to be in it; its own default if nothing is said.
        user: Option<String>,
    },
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerEngine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl ContainerEngine {
    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// A host behind OpenSSH.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SshTarget {
    /// Its address, or its name in the user's ssh configuration.
    pub address: String,
    /// The port; what ssh's configuration says if nothing is said.
    pub port: Option<u16>,
    /// Who logs in; what ssh's configuration says if nothing is said.
    pub user: Option<String>,
    /// The only key that is tried.
    pub private_key: Option<PathBuf>,
    /// More arguments for ssh.
    pub arguments: Vec<String>,
    /// Whether an unknown host key is refused.
    pub host_key_checking: bool,
    /// The password that logging in takes.
    pub password: Option<Secret>,
    /// The passphrase of the key.
    pub passphrase: Option<Secret>,
    /// The program; `ssh` if nothing is said.
    pub executable: Option<String>,
    /// How often connecting is tried again.
    pub retries: u32,
}

/// Another user to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Become {
    /// How.
    pub method: BecomeMethod,
    /// Who.
    pub user: String,
    /// The password that takes.
    pub password: Option<Secret>,
    /// The program, if not the usual one.
    pub exe: Option<String>,
    /// Its flags, if not the usual ones.
    pub flags: Option<String>,
}

/// How to become another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BecomeMethod {
    /// With one's own password, or none.
    Sudo,
    /// With the other user's password.
    Su,
}

impl BecomeMethod {
    /// The method of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sudo" => Some(Self::Sudo),
            "su" => Some(Self::Su),
            _ => None,
        }
    }

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
        }
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}
