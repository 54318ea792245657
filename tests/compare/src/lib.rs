//! The same playbook under ansible-core and under clouder.
//!
//! Each folder below `cases/` is one case: `playbook.yml`, and others whose names begin with `playbook`, run on the hosts of
//! `inventory` (without one, on `a` and `b`), which are all this machine. Each line of `args` is a run of its own with these
//! words on the command line; without the file there is one run without any. A new case needs a folder and no Rust; a link to a
//! folder of the play tests makes one of that.
//!
//! Files whose names begin with `commands` are cases, too: each line of one is run by `sh`, once with Ansible's tools and once
//! with clouder under their names. Standard output and exit codes must be the same, letter by letter.
//!
//! What must agree is told by [`told`]: the exit code, the recap, and for each host which tasks it saw in which order, what
//! came of them, and what those said that speak for a playbook: `debug`, `assert`, `fail`, `set_fact`, commands. What a
//! failure is called differs.

mod commands;
mod environment;
mod program;
mod server;
mod told;

use std::fs;
use std::path::{Path, PathBuf};

use similar::TextDiff;
use thiserror::Error;

use program::Program;
pub use told::told;

/// Why a case could not be compared, or differs.
#[derive(Debug, Error)]
pub enum CompareError {
    /// Ansible cannot be installed.
    #[error(transparent)]
    Fleet(#[from] clouder_fleet::FleetError),
    /// A file cannot be worked with.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The two do not say the same.
    #[error("clouder (+) differs from ansible-core (-):\n{difference}\n{said}")]
    Differs {
        /// Where.
        difference: String,
        /// What clouder said to a person.
        said: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl CompareError {
    pub(crate) fn file(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { what, path: path.to_owned(), source }
    }
}

/// One run of a case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder's name, and which of its runs it is.
    pub name: String,
    folder: PathBuf,
    what: What,
}

/// What is run.
#[derive(Clone, Debug)]
enum What {
    Playbook { file: String, arguments: Vec<String> },
    Commands { file: String },
}

/// All runs of all cases below a folder.
///
/// # Errors
/// When it cannot be read.
pub fn cases(folder: &Path) -> Result<Vec<Case>, CompareError> {
    let mut cases = Vec::new();
    for folder in entries(folder)? {
        let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut runs: Vec<Vec<String>> = args.lines().map(words).filter(|words| !words.is_empty()).collect();
        if runs.is_empty() {
            runs.push(Vec::new());
        }
        for file in entries(&folder)?.iter().map(|path| file_name(path)) {
            if let Some(behaviour) = file.strip_prefix("commands") {
                let name = file_name(&folder) + behaviour;
                cases.push(Case { name, folder: folder.clone(), what: What::Commands { file } });
                continue;
            }
            let Some(stem) = file.strip_suffix(".yml").filter(|stem| stem.starts_with("playbook")) else {
                continue;
            };
            for (number, arguments) in (1..).zip(&runs) {
                let mut name = file_name(&folder);
                name += stem.trim_start_matches("playbook");
                if runs.len() > 1 {
                    name += &format!("/{number}");
                }
                let what = What::Playbook { file: file.clone(), arguments: arguments.clone() };
                cases.push(Case { name, folder: folder.clone(), what });
            }
        }
    }
    Ok(cases)
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, CompareError> {
    let read = || {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        paths.sort();
        Ok(paths)
    };
    read().map_err(|error| CompareError::file("read", folder, error))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Case {
    /// Runs the case under both programs. What they told is left in `target/compare/told`.
    ///
    /// # Errors
    /// When they do not tell the same.
    pub fn compare(&self, target: &Path, clouder: &Path) -> Result<(), CompareError> {
        let home = target.join("compare/home");
        let environment = environment::ansible(target)?;
        fs::create_dir_all(&home).map_err(|error| CompareError::file("make", &home, error))?;
        let ansible = Program::ansible(&environment, &home)?;
        let mut texts = Vec::new();
        let mut said = String::new();
        let clouder = Program::clouder(clouder, &environment);
        for (program, other) in [(&ansible, &clouder), (&clouder, &ansible)] {
            let (text, stdout, stderr) = match &self.what {
                What::Playbook { file, arguments } => {
                    let ran = program.run(&self.folder, file, arguments, &home)?;
                    (told(&ran), ran.stdout, ran.stderr)
                }
                What::Commands { file } => {
                    let (text, stderr) = commands::told(program, other, &self.folder, file, &home)?;
                    (text.clone(), text, stderr)
                }
            };
            let folder = target.join("compare/told").join(&self.name);
            for (kind, content) in [("txt", &text), ("stdout", &stdout), ("stderr", &stderr)] {
                let path = folder.join(format!("{}.{kind}", program.name));
                fs::create_dir_all(&folder)
                    .and_then(|()| fs::write(&path, content))
                    .map_err(|error| CompareError::file("write", &path, error))?;
            }
            texts.push(text);
            said = stderr;
        }
        if texts[0] == texts[1] {
            return Ok(());
        }
        let difference = TextDiff::from_lines(&texts[0], &texts[1]);
        let difference = difference.unified_diff().context_radius(4).to_string();
        Err(CompareError::Differs { difference, said })
    }
}
