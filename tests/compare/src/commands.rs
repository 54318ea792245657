//! Lines of commands under the tools of one of the two programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::CompareError;
use crate::program::{LIMIT, Program, copy};

/// The tools that lines may call.
const TOOLS: [&str; 6] =
    ["ansible", "ansible-config", "ansible-doc", "ansible-inventory", "ansible-playbook", "ansible-vault"];

/// What each line of a file of commands told: its standard output and exit code. `sh` runs them one after the other in a
/// copy of the case's folder; what they say on standard error is for a person, and is given back beside it. The tools of the
/// other program are in the folder `$OTHER`.
pub(crate) fn told(
    program: &Program,
    other: &Program,
    case: &Path,
    file: &str,
    home: &Path,
) -> Result<(String, String), CompareError> {
    let place = tempfile::tempdir().map_err(|error| CompareError::file("make a folder in", home, error))?;
    let folder = copy(case, place.path())?;
    let programs = links(program, &place.path().join("programs"))?;
    let others = links(other, &place.path().join("others"))?;
    let path = folder.join(file);
    let lines = fs::read_to_string(&path).map_err(|error| CompareError::file("read", &path, error))?;
    let (mut told, mut said) = (String::new(), String::new());
    for line in lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let output = Command::new("timeout")
            .args([LIMIT, "sh", "-c", line])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .env_clear()
            .envs(program.surroundings(home, Some(&programs)))
            .env("OTHER", &others)
            .output()
            .map_err(|error| CompareError::file("run lines of", &path, error))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*folder.to_string_lossy(), ".");
        let code = output.status.code().unwrap_or(-1);
        let stdout: String =
            text(&output.stdout).lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        told += &format!("$ {line}\n{stdout}exit code {code}\n\n");
        said += &format!("$ {line}\n{}\n", text(&output.stderr));
    }
    Ok((told, said))
}

/// A folder of the tools of a program.
fn links(program: &Program, folder: &Path) -> Result<PathBuf, CompareError> {
    let link = |tool: &&str| symlink(program.tool(tool), folder.join(tool));
    fs::create_dir(folder)
        .and_then(|()| TOOLS.iter().try_for_each(link))
        .map_err(|error| CompareError::file("make", folder, error))?;
    Ok(folder.to_owned())
}
