//! Which program this executable acts as, and of which version: its package says.

use std::path::{Path, PathBuf};

use crate::failure::{Context as _, Result};
use crate::version::Version;

/// Where the packages put what tells the stand-ins who they are.
const LIBRARY: &str = "/usr/lib/kube-standin";

/// The machine's architecture, as packages and images call it.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// A program that has a stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Sets up nodes.
    Kubeadm,
    /// Runs on every node.
    Kubelet,
    /// Talks to the API.
    Kubectl,
    /// Talks to the container runtime.
    Crictl,
    /// The server behind the API, which the kubelet starts from its static pod's manifest.
    ApiServer,
    /// Answers for names of services, which the kubelet starts for coredns's pods.
    CoreDns,
}

impl Tool {
    /// The tool of this program name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "kubeadm" => Self::Kubeadm,
            "kubelet" => Self::Kubelet,
            "kubectl" => Self::Kubectl,
            "crictl" => Self::Crictl,
            "kube-apiserver" => Self::ApiServer,
            "coredns" => Self::CoreDns,
            _ => return None,
        })
    }

    /// The name of its program.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubeadm => "kubeadm",
            Self::Kubelet => "kubelet",
            Self::Kubectl => "kubectl",
            Self::Crictl => "crictl",
            Self::ApiServer => "kube-apiserver",
            Self::CoreDns => "coredns",
        }
    }

    /// The version that its package installed.
    ///
    /// # Errors
    /// When the package's file is missing or is no version.
    pub fn version(self) -> Result<Version> {
        let path = self.version_file(Path::new("/"));
        let text = std::fs::read_to_string(&path).doing(format_args!(
            "{} cannot tell its version: {}",
            self.name(),
            path.display()
        ))?;
        text.trim().parse()
    }

    /// Where a package below this root says the version.
    #[must_use]
    pub fn version_file(self, root: &Path) -> PathBuf {
        root.join(LIBRARY.trim_start_matches('/')).join(format!("{}.version", self.name()))
    }
}
