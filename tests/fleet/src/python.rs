//! Virtual environments of Python, with what tests want from PyPI.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{FleetError, run, succeed};
use crate::prerequisites::install;

/// The Python of a virtual environment in `folder` with these requirements, one a line as pip reads them; made when it is not
/// there, or has others. Python's own module for that is installed where it is missing.
///
/// # Errors
/// When something cannot be installed.
pub fn python(folder: &Path, requirements: &str) -> Result<PathBuf, FleetError> {
    let python = folder.join("bin/python");
    let whole = folder.join("whole");
    if fs::read_to_string(&whole).is_ok_and(|found| found == requirements) {
        return Ok(python);
    }
    if !run("python3", &["-c", "import ensurepip, venv"]).is_ok_and(|output| output.code == 0) {
        install(&["python3-venv"])?;
    }
    succeed("python3", &["-m", "venv", "--clear", &folder.display().to_string()])?;
    let wanted = folder.join("requirements.txt");
    fs::write(&wanted, requirements).map_err(|error| FleetError::io("write", &wanted, error))?;
    let file = wanted.display().to_string();
    let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &file];
    succeed(&python.display().to_string(), &words)?;
    // Last: an environment without it was cut off.
    fs::rename(&wanted, &whole).map_err(|error| FleetError::io("write", &whole, error))?;
    Ok(python)
}
