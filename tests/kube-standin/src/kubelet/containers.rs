//! Containers that run for real: those of images that the machine itself has, and those of busybox. Its image cannot be had, but what
//! that has, the machine's own busybox has: its containers run in a folder that is filled from it.

use std::collections::HashMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cri::TaskState;
use crate::failure::{Context as _, Failure, Result, refuse};
use crate::files;

/// What containers of busybox's image see as their root.
const ROOT: &str = "/var/lib/kube-standin/busybox";
const PROGRAM: &str = "/usr/bin/busybox";
/// What containers have said.
const LOGS: &str = "/var/log/pods";
/// How much of it a status tells.
const TOLD: usize = 2048;

/// What a container may do as root unless it is kept from it.
const CAPABILITIES: [&str; 14] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "SYS_CHROOT",
    "KILL",
    "AUDIT_WRITE",
];

/// The containers of this node.
#[derive(Default)]
pub(super) struct Containers {
    /// How those ended that did, by their names.
    ended: HashMap<String, Value>,
}

/// How a container is run: its name, its network namespace, what is mounted into it and where, and its variables.
pub(super) struct Run<'a> {
    pub(super) name: String,
    pub(super) network: String,
    pub(super) mounts: Vec<Mount>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) pod: &'a Value,
    pub(super) container: &'a Value,
}

/// A file or folder of the node as a container has it.
pub(super) struct Mount {
    pub(super) source: PathBuf,
    pub(super) target: String,
    pub(super) read_only: bool,
}

/// Whether a container can be run.
pub(super) fn is_real(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().and_then(|name| name.split([':', '@']).next());
    (name == Some("busybox") || is_own(image)) && container["command"].is_array()
}

/// Whether an image can only be the machine's own: no registry has it.
fn is_own(image: &str) -> bool {
    image.starts_with("localhost/")
}

fn ctr(words: &[&str]) -> Result<(bool, String)> {
    let output = Command::new("ctr").args(["--namespace", "k8s.io"]).args(words).output().doing("ctr")?;
    let said = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    Ok((output.status.success(), said.trim().to_owned()))
}

/// Fills the folder that containers see as their root.
fn fill() -> Result<()> {
    let root = Path::new(ROOT);
    if root.join("bin/sh").exists() {
        return Ok(());
    }
    let listed = Command::new(PROGRAM).arg("--list").output();
    let Ok(listed) = listed else {
        return Err(Failure::new(format!(
            "Failed to pull image: the machine has no {PROGRAM} to stand for it"
        )));
    };
    for folder in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        std::fs::create_dir_all(root.join(folder)).doing(ROOT)?;
    }
    std::fs::copy(PROGRAM, root.join("bin/busybox")).doing(ROOT)?;
    for applet in String::from_utf8_lossy(&listed.stdout).lines().filter(|applet| *applet != "busybox") {
        let _ = symlink("busybox", root.join("bin").join(applet));
    }
    Ok(())
}

impl Containers {
    /// Brings a container to run unless it does or has ended for good, and says how it is: its part of the pod's status.
    pub(super) fn tend(&mut self, run: &Run<'_>, again: bool, state: Option<TaskState>) -> Value {
        let status = |state: Value, ready: bool| json!({"name": run.container["name"], "image": run.container["image"], "state": state, "ready": ready, "restartCount": 0});
        let failed = |failure: &Failure| {
            status(json!({"waiting": {"reason": "CreateContainerError", "message": failure.message}}), false)
        };
        if let Some(ended) = self.ended.get(&run.name) {
            return status(json!({"terminated": ended}), false);
        }
        match state {
            Some(TaskState::Running) => return status(json!({"running": {}}), true),
            Some(TaskState::Stopped) => match self.end(run) {
                Ok(ended) if again => {
                    return status(
                        json!({"waiting": {"reason": "CrashLoopBackOff", "message": ended["message"]}}),
                        false,
                    );
                }
                Ok(ended) => {
                    self.ended.insert(run.name.clone(), ended.clone());
                    return status(json!({"terminated": ended}), false);
                }
                Err(failure) => return failed(&failure),
            },
            Some(TaskState::Other) => {
                return status(json!({"waiting": {"reason": "ContainerCreating"}}), false);
            }
            None => {}
        }
        match start(run) {
            Ok(()) => status(json!({"waiting": {"reason": "ContainerCreating"}}), false),
            Err(failure) => failed(&failure),
        }
    }

    /// What is left of a container that has ended, which is removed.
    fn end(&self, run: &Run<'_>) -> Result<Value> {
        let output =
            Command::new("ctr").args(["--namespace", "k8s.io", "tasks", "delete", &run.name]).output();
        let output = output.doing("ctr")?;
        let code = exit_code(&String::from_utf8_lossy(&output.stderr));
        let _ = ctr(&["containers", "delete", &run.name]);
        let mut ended = json!({"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }});
        if code != 0 && run.container["terminationMessagePolicy"] == "FallbackToLogsOnError" {
            let said = std::fs::read(log(&run.name)).unwrap_or_default();
            let from = said.len().saturating_sub(TOLD);
            ended["message"] = String::from_utf8_lossy(said.get(from..).unwrap_or_default()).into();
        }
        Ok(ended)
    }

    /// Removes all containers whose names begin so.
    pub(super) fn remove(&mut self, prefix: &str) -> Result<()> {
        self.ended.retain(|name, _| !name.starts_with(prefix));
        let (_, said) = ctr(&["containers", "list", "--quiet"])?;
        for name in said.lines().filter(|name| name.starts_with(prefix)) {
            let _ = ctr(&["tasks", "delete", "--force", name]);
            let _ = ctr(&["containers", "delete", name]);
            let _ = std::fs::remove_file(log(name));
        }
        Ok(())
    }
}

/// The exit code that ctr tells of when it deletes a task; it warns of all but 0.
fn exit_code(told: &str) -> i64 {
    let code = told.split_once("non-zero exit code ").map(|(_, rest)| rest);
    let digits = code.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn log(name: &str) -> PathBuf {
    Path::new(LOGS).join(format!("{name}.log"))
}

fn start(run: &Run<'_>) -> Result<()> {
    std::fs::create_dir_all(LOGS).doing(LOGS)?;
    let _ = ctr(&["containers", "delete", &run.name]);
    let mut words: Vec<String> = vec!["run".to_owned(), "--detach".to_owned()];
    words.push(format!("--log-uri=file://{}", log(&run.name).display()));
    words.push(format!("--with-ns=network:{}", run.network));
    for mount in &run.mounts {
        let access = if mount.read_only { "ro" } else { "rw" };
        let (source, target) = (mount.source.display(), &mount.target);
        words.push(format!("--mount=type=bind,src={source},dst={target},options=rbind:{access}"));
    }
    words.extend(run.variables.iter().map(|(name, value)| format!("--env={name}={value}")));
    words.extend(run.limits());
    let image = run.container["image"].as_str().unwrap_or_default();
    if is_own(image) {
        let (_, known) = ctr(&["images", "list", "--quiet", &format!("name=={image}")])?;
        if known.is_empty() {
            refuse!("Container image {image:?} is not present, and no registry has it");
        }
        words.push(image.to_owned());
    } else {
        fill()?;
        for mount in &run.mounts {
            let inside = Path::new(ROOT).join(mount.target.trim_start_matches('/'));
            if mount.source.is_dir() {
                std::fs::create_dir_all(&inside).doing(inside.display())?;
            } else if !inside.exists() {
                files::write(&inside, "", 0o644)?;
            }
        }
        words.extend(["--env=PATH=/bin", "--rootfs", ROOT].map(str::to_owned));
    }
    words.push(run.name.clone());
    for part in ["command", "args"] {
        let given = run.container[part].as_array().into_iter().flatten();
        words.extend(given.filter_map(Value::as_str).map(|word| run.expand(word)));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match ctr(&words)? {
        (true, _) => Ok(()),
        (false, said) => Err(Failure::new(said)),
    }
}

impl Run<'_> {
    /// A word of a command, in which `$(NAME)` is a variable.
    fn expand(&self, word: &str) -> String {
        let replace =
            |word: String, (name, value): &(String, String)| word.replace(&format!("$({name})"), value);
        self.variables.iter().fold(word.to_owned(), replace)
    }

    /// What keeps the container from doing more than it should, as `ctr` is told.
    fn limits(&self) -> Vec<String> {
        let (pod, own) = (&self.pod["spec"]["securityContext"], &self.container["securityContext"]);
        let id = |field: &str| own[field].as_u64().or(pod[field].as_u64());
        let mut words = Vec::new();
        if let Some(user) = id("runAsUser") {
            words.push(format!("--user={user}:{}", id("runAsGroup").unwrap_or(0)));
        }
        if own["readOnlyRootFilesystem"] == true {
            words.push("--read-only".to_owned());
        }
        let dropped = own["capabilities"]["drop"].as_array().into_iter().flatten();
        if dropped.clone().any(|one| one == "ALL") {
            words.extend(CAPABILITIES.map(|name| format!("--cap-drop=CAP_{name}")));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_from_what_ctr_tells() {
        assert_eq!(
            exit_code("time=\"…\" level=warning msg=\"task a-b exit with non-zero exit code 143\"\n"),
            143
        );
        assert_eq!(exit_code(""), 0);
    }

    #[test]
    fn only_what_the_machine_has_is_run() {
        let real = |image: &str| is_real(&json!({"image": image, "command": ["sh"]}));
        assert!(real("registry.k8s.io/e2e-test-images/busybox:1.36.1-1") && real("busybox"));
        assert!(!real("nginx:1") && !real("busybox-like:1"));
        assert!(real("localhost/clouder:1") && !real("localhost:5000/counter:1"));
        assert!(!is_real(&json!({"image": "busybox"})));
    }

    #[test]
    fn a_container_is_kept_from_what_it_should_not_do() {
        let pod = json!({"spec": {"securityContext": {"runAsUser": 65532, "runAsGroup": 7}}});
        let container =
            json!({"securityContext": {"readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}});
        let run = Run {
            name: String::new(),
            network: String::new(),
            mounts: Vec::new(),
            variables: vec![("POD".to_owned(), "web".to_owned())],
            pod: &pod,
            container: &container,
        };
        assert_eq!(run.limits()[..3], ["--user=65532:7", "--read-only", "--cap-drop=CAP_CHOWN"]);
        assert_eq!(run.expand("--holder=$(POD) $(OTHER)"), "--holder=web $(OTHER)");
    }
}
