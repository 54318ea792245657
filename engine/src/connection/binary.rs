//! The agent's executables, one per architecture.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clouder_modules::system::checksum::Algorithm;

use super::ConnectionError;

/// An executable of the agent, as it travels.
#[derive(Debug)]
pub(super) struct Binary {
    /// Where it is here.
    pub(super) path: PathBuf,
    /// What it is called on hosts: part of its SHA-256.
    pub(super) hash: String,
    /// What is sent: a program that unpacks the executable, where one was made when it was built, else the executable.
    pub(super) sent: Vec<u8>,
}

/// Finds executables and keeps them.
#[derive(Debug, Default)]
pub(super) struct Binaries(Mutex<HashMap<String, Arc<Binary>>>);

impl Binaries {
    /// The agent for an architecture, as `uname -m` names it.
    pub(super) fn of(&self, architecture: &str) -> Result<Arc<Binary>, ConnectionError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(binary) = known.get(architecture) {
            return Ok(Arc::clone(binary));
        }
        let binary = Arc::new(read(&find(architecture)?)?);
        known.insert(architecture.to_owned(), Arc::clone(&binary));
        Ok(binary)
    }
}

/// Where agents are: what `CLOUDER_AGENT_PATH` says, beside this program, in its library folder.
fn folders() -> Vec<PathBuf> {
    let own =
        std::env::var_os("CLOUDER_AGENT_PATH").map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let library = beside.as_ref().and_then(|folder| folder.parent()).map(|folder| folder.join("lib/clouder"));
    let test = beside
        .as_ref()
        .filter(|folder| folder.ends_with("deps"))
        .and_then(|folder| folder.parent())
        .map(Path::to_owned);
    own.into_iter()
        .flatten()
        .chain(beside)
        .chain(test)
        .chain(library)
        .chain([PathBuf::from("/usr/lib/clouder")])
        .collect()
}

fn find(architecture: &str) -> Result<PathBuf, ConnectionError> {
    let is_ours = architecture == std::env::consts::ARCH;
    let mut names = vec![format!("clouder-agent-{architecture}")];
    if is_ours {
        names.push("clouder-agent".to_owned());
    }
    let folders = folders();
    let candidates = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        ConnectionError::Agent(format!(
            "there is no agent for {architecture}: `{}` is in none of {looked}",
            names.join("` or `")
        ))
    })
}

fn read(path: &Path) -> Result<Binary, ConnectionError> {
    let failed =
        |error: std::io::Error| ConnectionError::Agent(format!("cannot read {}: {error}", path.display()));
    let plain = std::fs::read(path).map_err(failed)?;
    let hash = Algorithm::Sha256.of_bytes(&plain)[..24].to_owned();
    // It is started from other folders, and copied as the file it is.
    let path = std::fs::canonicalize(path).map_err(failed)?;
    // The name tells which executable it belongs to.
    let packed = format!("{}-{hash}.packed", path.file_name().unwrap_or_default().to_string_lossy());
    let sent = std::fs::read(path.with_file_name(packed)).unwrap_or(plain);
    Ok(Binary { path, hash, sent })
}
