//! Ansible's tools as forks of a server that has imported Ansible; see `reference/server.py`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::CompareError;

/// The variables that a program runs with.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

/// A running server, which ends with this program, and the folder of its tools.
struct Server {
    folder: PathBuf,
    _running: Child,
}

/// The folder of tools that run with these variables, of the Ansible in a virtual environment.
///
/// # Errors
/// When their server cannot be started.
pub(crate) fn tools(environment: &Path, variables: &Variables) -> Result<PathBuf, CompareError> {
    static SERVERS: Mutex<Option<HashMap<Variables, Server>>> = Mutex::new(None);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let servers = servers.get_or_insert_default();
    if let Some(server) = servers.get(variables) {
        return Ok(server.folder.clone());
    }
    let server = start(environment, variables)?;
    let folder = server.folder.clone();
    servers.insert(variables.clone(), server);
    Ok(folder)
}

fn start(environment: &Path, variables: &Variables) -> Result<Server, CompareError> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/server.py");
    let told = |error| CompareError::file("start", &program, error);
    // The server removes it. The path of a socket is short.
    let folder = tempfile::tempdir().map_err(told)?.keep();
    let mut running = Command::new(environment.join("bin/python"))
        .args([&program, &folder])
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(told)?;
    let mut line = String::new();
    if let Some(output) = running.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(told)?;
    }
    if line.is_empty() {
        return Err(CompareError::Other(format!("{} did not start", program.display())));
    }
    Ok(Server { folder, _running: running })
}
