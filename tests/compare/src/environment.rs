//! The reference: ansible-core in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clouder_fleet::{run, succeed};

use crate::CompareError;

/// The release of ansible-core that clouder is compared with.
const RELEASE: &str = "2.19.14";

/// What Ansible hashes passwords with.
const PASSLIB: &str = "passlib==1.7.4";

/// Programs and the Debian packages that bring them. Python is asked for below.
const PROGRAMS: [(&str, &str); 1] = [("ssh", "openssh-client")];

/// The folder of the environment, made below `target` when it is not there.
///
/// # Errors
/// When Python or ansible-core cannot be installed.
pub(crate) fn ansible(target: &Path) -> Result<PathBuf, CompareError> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| make(target).map_err(|error| error.to_string()));
    made.clone().map_err(CompareError::Other)
}

fn make(target: &Path) -> Result<PathBuf, CompareError> {
    let folder = target.join("compare").join(format!("ansible-core-{RELEASE}"));
    // Written last: an environment without it was cut off.
    let whole = folder.join("whole");
    if fs::read_to_string(&whole).is_ok_and(|holds| holds == PASSLIB) {
        return Ok(folder);
    }
    provide()?;
    let path = folder.display().to_string();
    succeed("python3", &["-m", "venv", "--clear", &path])?;
    let package = format!("ansible-core=={RELEASE}");
    let python = folder.join("bin/python").display().to_string();
    succeed(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package, PASSLIB])?;
    fs::write(&whole, PASSLIB).map_err(|error| CompareError::file("write", &whole, error))?;
    Ok(folder)
}

/// Installs what this machine lacks.
fn provide() -> Result<(), CompareError> {
    let has_python = run("python3", &["-c", "import ensurepip, venv"]).is_ok_and(|output| output.code == 0);
    let mut missing = clouder_fleet::missing(&PROGRAMS);
    if !has_python {
        missing.push("python3-venv");
    }
    Ok(clouder_fleet::install(&missing)?)
}
