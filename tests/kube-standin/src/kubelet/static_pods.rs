//! Pods from files: etcd and the API server are run for real, as processes that outlive the kubelet, which is what containers do; the
//! other components live in the API server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::complain;
use crate::failure::Result;
use crate::pki::hex;
use crate::{image, machine, yaml};

/// The pods that are run.
const NAMES: [&str; 2] = ["etcd", "kube-apiserver"];
/// How long one that was found as it is wanted is taken to be so.
const TRUST: Duration = Duration::from_secs(5);
/// How long after its start one that has ended is started again.
const REST: Duration = Duration::from_secs(2);

/// The pods of one folder.
pub(super) struct StaticPods {
    folder: Option<PathBuf>,
    /// When each was started last.
    started: BTreeMap<&'static str, Instant>,
    /// What each was found to be, and when.
    found: BTreeMap<&'static str, (Option<String>, Instant)>,
}

/// What a manifest asks for.
struct Wanted {
    /// Any change of the manifest makes the pod anew.
    mark: String,
    program: PathBuf,
    arguments: Vec<String>,
}

impl StaticPods {
    pub(super) fn new(folder: Option<&str>) -> Self {
        let folder = folder.filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { folder, started: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// Starts what should run and does not, stops what should not run any more.
    pub(super) fn look(&mut self) {
        let Some(folder) = self.folder.clone() else { return };
        if !folder.exists() {
            return;
        }
        for name in NAMES {
            if let Err(failure) = self.look_at(name, wanted(&folder, name)) {
                complain(&format!("static pod {name}: {failure}"));
            }
        }
    }

    fn look_at(&mut self, name: &'static str, wanted: Option<Wanted>) -> Result<()> {
        let mark = wanted.as_ref().map(|wanted| wanted.mark.clone());
        if self.found.get(name).is_some_and(|(found, at)| *found == mark && at.elapsed() < TRUST) {
            return Ok(());
        }
        let running = running(name);
        if running == mark {
            self.found.insert(name, (mark, Instant::now()));
            return Ok(());
        }
        if running.is_some() {
            end(name)?;
        }
        let Some(wanted) = wanted else { return Ok(()) };
        if self.started.get(name).is_some_and(|at| at.elapsed() < REST) {
            return Ok(());
        }
        self.started.insert(name, Instant::now());
        machine::run(
            Command::new("systemd-run")
                .args(["--quiet", "--collect", "--property=TimeoutStopSec=5"])
                .arg(format!("--unit={}", unit(name)))
                .arg(format!("--description={}", wanted.mark))
                .arg("--")
                .arg(wanted.program)
                .args(wanted.arguments),
        )
        .map(drop)
    }
}

/// Stops all of them.
///
/// # Errors
/// When one does not stop.
pub fn stop() -> Result<()> {
    NAMES.iter().filter(|name| running(name).is_some()).try_for_each(|name| end(name))
}

/// Ends one that runs, or did so a moment ago: a member that was taken out of etcd ends by itself.
fn end(name: &str) -> Result<()> {
    machine::systemctl(&["stop", &unit(name)])
        .or_else(|failure| if running(name).is_none() { Ok(()) } else { Err(failure) })
}

fn unit(name: &str) -> String {
    format!("static-pod-{name}.service")
}

/// The mark of the manifest that a pod was made from, if it runs.
fn running(name: &str) -> Option<String> {
    let show = ["show", "--property=ActiveState,Description", &unit(name)].map(str::to_owned);
    let said = machine::run(Command::new("systemctl").args(show)).unwrap_or_default();
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    (value("ActiveState") == Some("active")).then(|| value("Description").unwrap_or_default().to_owned())
}

/// The pod that the folder asks for.
fn wanted(folder: &Path, name: &str) -> Option<Wanted> {
    let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).ok()?;
    let pod = yaml::documents(&text).ok()?.pop()?;
    let command = pod["spec"]["containers"][0]["command"].as_array()?.iter();
    let mut arguments: Vec<String> = command.skip(1).filter_map(Value::as_str).map(str::to_owned).collect();
    let program = if name == "etcd" {
        image::program(name)
    } else {
        arguments.insert(0, format!("--act-as={name}"));
        PathBuf::from("/usr/bin/kubelet")
    };
    Some(Wanted { mark: hex(&Sha256::digest(text.as_bytes())), program, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_runs_and_any_change_makes_it_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kube-apiserver.yaml");
        let manifest = "spec: {containers: [{command: [kube-apiserver, --secure-port=6443]}]}\n";
        std::fs::write(&path, manifest).unwrap();
        let first = wanted(folder.path(), "kube-apiserver").unwrap();
        assert_eq!(first.arguments, ["--act-as=kube-apiserver", "--secure-port=6443"]);
        std::fs::write(&path, format!("# changed\n{manifest}")).unwrap();
        assert_ne!(wanted(folder.path(), "kube-apiserver").unwrap().mark, first.mark);
        assert!(wanted(folder.path(), "etcd").is_none());
    }
}
