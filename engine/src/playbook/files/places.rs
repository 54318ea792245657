//! Where roles, playbooks and collections are looked for.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::{self, Config};

/// The folders of a run.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The project: the current folder.
    pub project: PathBuf,
    /// Folders of the organisation, the stronger one first (`CLOUDER_PATH`); each may hold `roles` and `playbooks`.
    pub organisation: Vec<PathBuf>,
    /// Folders of installed roles (`ANSIBLE_ROLES_PATH`, `roles_path`).
    pub roles: Vec<PathBuf>,
    /// Folders that hold an `ansible_collections` (`ANSIBLE_COLLECTIONS_PATH`).
    pub collections: Vec<PathBuf>,
    /// Folders of modules (`ANSIBLE_LIBRARY`, `library`).
    pub modules: Vec<PathBuf>,
}

impl Places {
    /// The places that settings name.
    pub fn new(project: PathBuf, config: &Config) -> Self {
        Self {
            organisation: config.paths(&config::CLOUDER_PATH),
            roles: config.paths(&config::DEFAULT_ROLES_PATH),
            collections: config.paths(&config::COLLECTIONS_PATHS),
            modules: config.paths(&config::DEFAULT_MODULE_PATH),
            project,
        }
    }
}

/// `~` and `~/x` by `HOME`.
pub(crate) fn expand_user(path: &str) -> PathBuf {
    match path.strip_prefix('~').map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
        Some(rest) if path == "~" || path.starts_with("~/") => {
            Path::new(&env::var("HOME").unwrap_or_else(|_| "/".to_owned())).join(rest)
        }
        _ => PathBuf::from(path),
    }
}
