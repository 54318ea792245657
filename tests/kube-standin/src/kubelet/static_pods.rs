//! Pods from files: the API server is run for real, as a process; etcd and the rest live in it.

use std::path::PathBuf;
use std::process::{Child, Command};

use serde_json::Value;

use super::complain;
use crate::yaml;

/// The pods of one folder.
pub(super) struct StaticPods {
    folder: Option<PathBuf>,
    /// The manifest that the server was started from, and its process.
    server: Option<(Manifest, Child)>,
}

#[derive(PartialEq)]
struct Manifest {
    /// Any change of it makes the pod anew.
    text: String,
    arguments: Vec<String>,
}

impl StaticPods {
    pub(super) fn new(folder: Option<&str>) -> Self {
        Self { folder: folder.filter(|path| !path.is_empty()).map(PathBuf::from), server: None }
    }

    /// Starts what should run and does not, stops what should not run any more.
    pub(super) fn look(&mut self) {
        let wanted = self.wanted();
        if let Some((manifest, child)) = &mut self.server {
            let ended = !matches!(child.try_wait(), Ok(None));
            if ended || wanted.as_ref() != Some(manifest) {
                let _ = child.kill();
                let _ = child.wait();
                self.server = None;
            }
        }
        if self.server.is_some() {
            return;
        }
        let Some(manifest) = wanted else { return };
        // What is running, even when its package has just been replaced.
        let started =
            Command::new("/proc/self/exe").arg("--act-as=kube-apiserver").args(&manifest.arguments).spawn();
        match started {
            Ok(child) => self.server = Some((manifest, child)),
            Err(error) => complain(&format!("cannot start kube-apiserver: {error}")),
        }
    }

    /// The API server that the folder asks for; it needs an etcd beside it.
    fn wanted(&self) -> Option<Manifest> {
        let folder = self.folder.as_ref()?;
        folder.join("etcd.yaml").exists().then_some(())?;
        let text = std::fs::read_to_string(folder.join("kube-apiserver.yaml")).ok()?;
        let pod = yaml::documents(&text).ok()?.pop()?;
        let command = pod["spec"]["containers"][0]["command"].as_array()?.iter();
        let arguments = command.skip(1).filter_map(Value::as_str).map(str::to_owned).collect();
        Some(Manifest { text, arguments })
    }
}

impl Drop for StaticPods {
    fn drop(&mut self) {
        if let Some((_, child)) = &mut self.server {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
