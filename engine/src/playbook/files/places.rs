//! Where roles, playbooks and collections are looked for.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::foreign::Brought;

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
    /// Folders of playbooks and roles that bring code along.
    pub brought: Brought,
    /// Folders of modules (`ANSIBLE_LIBRARY`, `library`).
    pub modules: Vec<PathBuf>,
    /// Whether modules that clouder lacks are taken from the ansible-core of this machine, if there is one.
    pub ansible_core: bool,
}

impl Places {
    /// The places that settings name.
    pub fn new(project: PathBuf, config: &Config) -> Self {
        Self {
            organisation: config.paths(&config::CLOUDER_PATH),
            roles: config.paths(&config::DEFAULT_ROLES_PATH),
            collections: config.paths(&config::COLLECTIONS_PATHS),
            brought: Brought::default(),
            modules: config.paths(&config::DEFAULT_MODULE_PATH),
            ansible_core: true,
            project,
        }
    }

    /// The folders that may hold an `ansible_collections`, the stronger one first.
    pub fn all_collections(&self) -> Vec<PathBuf> {
        std::iter::once(self.project.join("collections")).chain(self.collections.iter().cloned()).collect()
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
