//! The messages of the container runtime interface, as deep as the kubelet needs them.

use std::collections::BTreeMap;

use super::protobuf::{Reader, Writer};
use crate::failure::Result;

/// Whose namespaces a pod or a container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamespaceMode {
    Pod,
    Container,
    Node,
}

/// Whose network, processes and means to talk to each other a container sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Namespaces {
    pub(crate) network: NamespaceMode,
    pub(crate) pid: NamespaceMode,
    pub(crate) ipc: NamespaceMode,
}

impl Namespaces {
    fn written(self) -> Writer {
        Writer::default().number(1, self.network as u64).number(2, self.pid as u64).number(3, self.ipc as u64)
    }
}

/// A pod as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct PodSandboxConfig {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) namespace: String,
    pub(crate) log_directory: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) cgroup_parent: String,
    pub(crate) namespaces: Namespaces,
}

impl PodSandboxConfig {
    pub(super) fn written(&self) -> Writer {
        let metadata = Writer::default().text(1, &self.name).text(2, &self.uid).text(3, &self.namespace);
        let security = Writer::default().message(1, &self.namespaces.written());
        let linux = Writer::default().text(1, &self.cgroup_parent).message(2, &security);
        Writer::default()
            .message(1, &metadata)
            .text(3, &self.log_directory)
            .map(6, &self.labels)
            .message(8, &linux)
    }
}

/// A container as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct ContainerConfig {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: String,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) log_path: String,
    pub(crate) namespaces: Namespaces,
}

impl ContainerConfig {
    pub(super) fn written(&self) -> Writer {
        let security = Writer::default().message(3, &self.namespaces.written());
        Writer::default()
            .message(1, &Writer::default().text(1, &self.name))
            .message(2, &image(&self.image))
            .texts(3, &self.command)
            .texts(4, &self.args)
            .text(5, &self.working_dir)
            // Their messages have the same fields as those of maps.
            .map(6, &self.environment)
            .map(9, &self.labels)
            .map(10, &self.annotations)
            .text(11, &self.log_path)
            .message(15, &Writer::default().message(2, &security))
    }
}

/// An image by its name.
pub(super) fn image(name: &str) -> Writer {
    Writer::default().text(1, name).text(18, name)
}

/// A pod that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodSandbox {
    pub(crate) id: String,
    pub(crate) uid: String,
}

impl PodSandbox {
    pub(super) fn read(message: &Reader<'_>) -> Result<Self> {
        Ok(Self { id: message.text(1), uid: message.message(2)?.text(2) })
    }
}

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContainerState {
    Created,
    Running,
    Exited,
    Unknown,
}

/// A container that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) pod_sandbox_id: String,
    pub(crate) name: String,
    pub(crate) state: ContainerState,
}

impl Container {
    pub(super) fn read(message: &Reader<'_>) -> Result<Self> {
        let state = match message.number(6) {
            0 => ContainerState::Created,
            1 => ContainerState::Running,
            2 => ContainerState::Exited,
            _ => ContainerState::Unknown,
        };
        Ok(Self {
            id: message.text(1),
            pod_sandbox_id: message.text(2),
            name: message.message(3)?.text(1),
            state,
        })
    }
}

/// How what containerd runs in a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Running,
    Stopped,
    /// Made, paused, or none that is known.
    Other,
}

impl TaskState {
    /// With the container's name.
    pub(super) fn read(message: &Reader<'_>) -> (String, Self) {
        let state = match message.number(4) {
            2 => Self::Running,
            3 => Self::Stopped,
            _ => Self::Other,
        };
        (message.text(2), state)
    }
}
