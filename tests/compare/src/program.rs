//! Running a playbook under one of the two programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::CompareError;
use crate::server::{self, Forked, Variables};

/// How many seconds a run may take.
pub(crate) const LIMIT: &str = "60";

/// A program that runs playbooks.
pub(crate) struct Program {
    /// What it is called.
    pub(crate) name: &'static str,
    words: Vec<PathBuf>,
    /// The folder of its other tools, where they have files of their own.
    tools: Option<PathBuf>,
    /// What tells events instead of a text.
    events: Vec<(&'static str, PathBuf)>,
    environment: Vec<(&'static str, PathBuf)>,
}

/// Copies the folder of a case, which a program may write to.
pub(crate) fn copy(case: &Path, place: &Path) -> Result<PathBuf, CompareError> {
    let copy = place.join("case");
    // The case may be a link to one of the play tests.
    let case = format!("{}/.", case.display());
    clouder_fleet::succeed("cp", &["-a", &case, &copy.display().to_string()])?;
    Ok(copy)
}

/// What a run left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its events, a line each.
    pub stdout: String,
    /// What it said to a person.
    pub stderr: String,
}

impl Program {
    /// `ansible-playbook` of a virtual environment, with our own callback.
    pub(crate) fn ansible(environment: &Path, home: &Path) -> Result<Self, CompareError> {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
        let mut program = Self {
            name: "ansible",
            words: Vec::new(),
            tools: None,
            events: vec![("ANSIBLE_CALLBACK_PLUGINS", plugins), ("ANSIBLE_STDOUT_CALLBACK", "events".into())],
            environment: vec![
                ("PYTHONDONTWRITEBYTECODE", "1".into()),
                ("ANSIBLE_ASYNC_DIR", home.join("async")),
            ],
        };
        let forks = |forked, variables: &Variables| server::programs(environment, forked, variables);
        let modules = forks(Forked::Modules, &program.surroundings(home, None))?;
        program.environment.push(("ANSIBLE_PYTHON_INTERPRETER", modules.join("python")));
        let playbooks = forks(Forked::Tools, &program.surroundings_of_playbooks(home))?;
        program.words = vec![playbooks.join("ansible-playbook")];
        program.tools = Some(forks(Forked::Tools, &program.surroundings(home, None))?);
        Ok(program)
    }

    /// clouder, as it was built for tests. Python code of playbooks runs with what is in the environment.
    pub(crate) fn clouder(path: &Path, environment: &Path) -> Self {
        Self {
            name: "clouder",
            words: vec![path.to_owned(), "run".into(), "--output".into(), "json".into()],
            tools: None,
            events: Vec::new(),
            environment: vec![("CLOUDER_PYTHON", environment.join("bin/python"))],
        }
    }

    /// The file of one of its tools.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        // clouder takes the command line of the tool that it is called like.
        self.tools.as_ref().map_or_else(|| self.words[0].clone(), |folder| folder.join(name))
    }

    /// The environment; `tools` is looked into first for programs.
    pub(crate) fn surroundings(&self, home: &Path, tools: Option<&Path>) -> Variables {
        let known = std::env::var_os("PATH").unwrap_or_default();
        let mut path = OsString::new();
        if let Some(tools) = tools {
            path.push(tools);
            path.push(":");
        }
        path.push(known);
        let mut all =
            vec![("PATH", path), ("HOME", home.into()), ("LANG", "C.UTF-8".into()), ("TZ", "UTC".into())];
        all.extend(self.environment.iter().map(|(name, value)| (*name, value.into())));
        all
    }

    /// The environment of playbooks, whose events are told.
    fn surroundings_of_playbooks(&self, home: &Path) -> Variables {
        let mut all = self.surroundings(home, None);
        all.extend(self.events.iter().map(|(name, value)| (*name, value.into())));
        all
    }

    /// Runs a playbook in a copy of its folder, which both may write to.
    pub(crate) fn run(
        &self,
        case: &Path,
        playbook: &str,
        arguments: &[String],
        home: &Path,
    ) -> Result<Ran, CompareError> {
        let folder =
            tempfile::tempdir().map_err(|error| CompareError::file("make a folder in", home, error))?;
        let copy = copy(case, folder.path())?;
        let inventory = ["inventory", "inventory.yml"].into_iter().find(|name| copy.join(name).exists());
        let output = Command::new("timeout")
            .arg(LIMIT)
            .args(&self.words)
            .args(["-i", inventory.unwrap_or("a,b,"), "-c", "local"])
            .args(arguments)
            .arg(playbook)
            .current_dir(&copy)
            .stdin(Stdio::null())
            .env_clear()
            .envs(self.surroundings_of_playbooks(home))
            .output()
            .map_err(|error| CompareError::file("start", &self.words[0], error))?;
        // The copies are in different places.
        let place = copy.display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&place, ".");
        Ok(Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }
}
