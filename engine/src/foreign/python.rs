//! The Python of this machine that has ansible-core: where modules in Python find what they import.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

/// A Python with ansible-core.
#[derive(Debug, Deserialize)]
pub struct Python {
    /// The program.
    #[serde(default)]
    pub program: PathBuf,
    /// The folder of the package `ansible`.
    pub package: PathBuf,
    /// The version of ansible-core.
    pub version: String,
    /// Folders that may hold an `ansible_collections`.
    pub path: Vec<PathBuf>,
}

/// Says what a Python has.
const ASK: &str = "import json, os, sys, ansible, ansible.release
print(json.dumps({'package': os.path.dirname(ansible.__file__), 'version': ansible.release.__version__, 'path': sys.path}))";

impl Python {
    /// The one that `CLOUDER_PYTHON` names, that runs the `ansible` of this machine, or that is called `python3`. It is
    /// looked for once.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find() -> Result<&'static Self, &'static str> {
        static FOUND: OnceLock<Result<Python, String>> = OnceLock::new();
        FOUND.get_or_init(look).as_ref().map_err(String::as_str)
    }
}

fn look() -> Result<Python, String> {
    let candidates: Vec<PathBuf> = match std::env::var_os("CLOUDER_PYTHON") {
        Some(named) => vec![PathBuf::from(named)],
        None => in_path("ansible")
            .and_then(|path| interpreter(&path))
            .into_iter()
            .chain(in_path("python3"))
            .collect(),
    };
    let mut tried = Vec::new();
    for program in candidates {
        let asked = Command::new(&program).args(["-c", ASK]).stdin(Stdio::null()).output();
        match asked.map(|asked| serde_json::from_slice::<Python>(&asked.stdout)) {
            Ok(Ok(found)) => return Ok(Python { program, ..found }),
            _ => tried.push(program.display().to_string()),
        }
    }
    let tried = if tried.is_empty() {
        "no python3".to_owned()
    } else {
        tried.join(", ") + ", which has no ansible-core"
    };
    Err(format!(
        "Python code needs a Python with ansible-core on this machine, and there is {tried}; `pip install ansible-core` \
         brings it, CLOUDER_PYTHON names another Python"
    ))
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The Python that a script names in its first line. A script that is clouder itself, by another name, names none.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    BufReader::new(std::fs::File::open(script).ok()?).read_until(b'\n', &mut line).ok()?;
    let line = String::from_utf8(line).ok()?;
    let program = line.strip_prefix("#!")?.split_whitespace().next()?;
    program.contains("python").then(|| PathBuf::from(program))
}
