//! Python programs as forks of a server that has imported what they are made of; see `reference/forks.py`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::CompareError;

/// The variables that a program runs with.
pub(crate) type Variables = Vec<(&'static str, OsString)>;

/// What a server forks.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Forked {
    /// Ansible's tools.
    Tools,
    /// The Python that its modules run with.
    Modules,
}

/// A running server, which ends with this program, and the folder of its programs.
struct Server {
    folder: PathBuf,
    _running: Child,
}

/// The folder of programs that run with these variables, of the Ansible in a virtual environment.
///
/// # Errors
/// When their server cannot be started.
pub(crate) fn programs(
    environment: &Path,
    forked: Forked,
    variables: &Variables,
) -> Result<PathBuf, CompareError> {
    static SERVERS: Mutex<Option<HashMap<(Forked, Variables), Server>>> = Mutex::new(None);
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match servers.get_or_insert_default().entry((forked, variables.clone())) {
        Entry::Occupied(there) => there.into_mut(),
        Entry::Vacant(place) => place.insert(start(environment, forked, variables)?),
    };
    Ok(server.folder.clone())
}

fn start(environment: &Path, forked: Forked, variables: &Variables) -> Result<Server, CompareError> {
    let file = match forked {
        Forked::Tools => "reference/tools.py",
        Forked::Modules => "reference/modules.py",
    };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
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
