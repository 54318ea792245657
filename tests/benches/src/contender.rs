//! The programs that are compared, each set up as those who know it would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BenchError;
use crate::hosts::Hosts;
use crate::workload::Workload;

/// Releases that are compared.
const ANSIBLE: &str = "ansible-core==2.19.*";
const MITOGEN: &str = "mitogen";
const PYINFRA: &str = "pyinfra";

/// How many hosts Ansible works on at once.
const FORKS: &str = "50";

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Clouder,
    Ansible,
    Mitogen,
    Pyinfra,
    /// One ssh per host that runs the same commands in a shell loop: the least there can be.
    Floor,
}

impl Contender {
    pub(crate) const ALL: [Self; 5] =
        [Self::Clouder, Self::Ansible, Self::Mitogen, Self::Pyinfra, Self::Floor];

    pub(crate) fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|contender| contender.name()).collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clouder => "clouder",
            Self::Ansible => "ansible",
            Self::Mitogen => "mitogen",
            Self::Pyinfra => "pyinfra",
            Self::Floor => "floor",
        }
    }
}

/// Where the programs are.
pub(crate) struct Tools {
    clouder: PathBuf,
    folder: PathBuf,
    playbooks: PathBuf,
    roles: PathBuf,
    mitogen: Option<PathBuf>,
}

impl Tools {
    /// Installs what is missing from PyPI, into environments of their own.
    pub(crate) fn provide(
        folder: &Path,
        clouder: &Path,
        contenders: &[Contender],
    ) -> Result<Self, BenchError> {
        let absolute = |path: &Path| {
            fs::canonicalize(path)
                .map_err(|source| BenchError::Io { what: path.display().to_string(), source })
        };
        let folder = absolute(folder)?;
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let is_wanted = |contender| contenders.contains(&contender);
        if is_wanted(Contender::Ansible) || is_wanted(Contender::Mitogen) {
            environment(&folder, "ansible", &[ANSIBLE])?;
        }
        let mut mitogen = None;
        if is_wanted(Contender::Mitogen) {
            environment(&folder, "mitogen", &[ANSIBLE, MITOGEN])?;
            let ask = "import ansible_mitogen, os; print(os.path.join(os.path.dirname(ansible_mitogen.__file__), 'plugins/strategy'))";
            let said = run(Command::new(folder.join("mitogen/bin/python")).args(["-c", ask]))?;
            mitogen = Some(PathBuf::from(said.trim()));
        }
        if is_wanted(Contender::Pyinfra) {
            environment(&folder, "pyinfra", &[PYINFRA])?;
        }
        contents(&folder)?;
        Ok(Self {
            clouder: absolute(clouder)?,
            playbooks: here.join("playbooks"),
            roles: absolute(&here.join("../../roles"))?,
            folder,
            mitogen,
        })
    }

    /// A file beside this crate.
    pub(crate) fn playbook(&self, name: &str) -> PathBuf {
        self.playbooks.join(name)
    }

    /// clouder with these words.
    pub(crate) fn clouder(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.clouder);
        command.args(words).env("NO_COLOR", "1").current_dir(&self.folder);
        command
    }

    /// The command that runs a playbook that needs no host.
    pub(crate) fn on_controller(&self, contender: Contender, playbook: &Path) -> Command {
        let mut command = if contender == Contender::Clouder {
            let mut command = Command::new(&self.clouder);
            command.arg("run");
            command
        } else {
            Command::new(self.folder.join("ansible/bin/ansible-playbook"))
        };
        command.arg(playbook).args(["-i", "localhost,"]).env("ANSIBLE_FORKS", FORKS).env("NO_COLOR", "1");
        command.current_dir(&self.folder);
        command
    }

    /// The command that does a workload, if the program can say it.
    pub(crate) fn command(
        &self,
        contender: Contender,
        workload: Workload,
        hosts: &Hosts<'_>,
    ) -> Option<Command> {
        let playbook = self.playbook(workload.playbook());
        let mut command = match contender {
            Contender::Clouder => {
                let mut command = Command::new(&self.clouder);
                command.arg("run").arg(&playbook).arg("-i").arg(hosts.inventory());
                command
            }
            Contender::Ansible | Contender::Mitogen => {
                let mut command =
                    Command::new(self.folder.join(contender.name()).join("bin/ansible-playbook"));
                command.arg(&playbook).arg("-i").arg(hosts.inventory());
                command
                    .env("ANSIBLE_PIPELINING", "True")
                    .env("ANSIBLE_FORKS", FORKS)
                    .env("ANSIBLE_SSH_ARGS", "-o ControlMaster=auto -o ControlPersist=60s")
                    .env("ANSIBLE_ROLES_PATH", &self.roles)
                    .env("ANSIBLE_GATHERING", "explicit")
                    .env("ANSIBLE_LOCALHOST_WARNING", "False");
                if contender == Contender::Mitogen {
                    command
                        .env("ANSIBLE_STRATEGY_PLUGINS", self.mitogen.as_ref()?)
                        .env("ANSIBLE_STRATEGY", "mitogen_linear");
                }
                command
            }
            Contender::Pyinfra => {
                let deploy = self.playbook(workload.playbook()).with_extension("py");
                if !deploy.exists() {
                    return None;
                }
                let mut command = Command::new(self.folder.join("pyinfra/bin/pyinfra"));
                command.arg("-y").arg(hosts.python_inventory()).arg(deploy);
                command
            }
            Contender::Floor => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", &hosts.on_all(workload.floor()?)]);
                command
            }
        };
        command
            .env("BENCH_CONTENTS", self.folder.join("contents"))
            .env("NO_COLOR", "1")
            .current_dir(&self.folder);
        Some(command)
    }
}

/// What is copied: a file of 100 MB that does not compress, and 1,000 small ones.
fn contents(folder: &Path) -> Result<(), BenchError> {
    let place = folder.join("contents");
    if place.join("done").exists() {
        return Ok(());
    }
    let script = "mkdir -p small && head -c 100000000 /dev/urandom >large && i=0 && while [ $i -lt 1000 ]; do head -c 600 /dev/urandom | base64 >small/$i.txt; i=$((i+1)); done && touch done";
    fs::create_dir_all(&place)
        .map_err(|source| BenchError::Io { what: place.display().to_string(), source })?;
    run(Command::new("/bin/sh").args(["-c", script]).current_dir(&place)).map(drop)
}

/// A Python environment with these packages.
fn environment(folder: &Path, name: &str, packages: &[&str]) -> Result<(), BenchError> {
    let place = folder.join(name);
    if place.join("done").exists() {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    run(Command::new(place.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(packages))?;
    let done = place.join("done");
    fs::write(&done, "").map_err(|source| BenchError::Io { what: done.display().to_string(), source })
}

/// Runs a command that must succeed; returns what it prints.
pub(crate) fn run(command: &mut Command) -> Result<String, BenchError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().map_err(|source| BenchError::Io { what: format!("cannot start {name}"), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Io { what: name, source: std::io::Error::other(said) })
}
