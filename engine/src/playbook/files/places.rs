//! Where roles, playbooks and collections are looked for.

use std::env;
use std::path::{Path, PathBuf};

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
}

impl Places {
    /// The places the environment names, or else Ansible's usual ones.
    pub fn from_environment(project: PathBuf) -> Self {
        let listed = |name: &str, usual: &str| {
            let text = env::var(name).unwrap_or_else(|_| usual.to_owned());
            text.split(':')
                .filter(|path| !path.is_empty())
                .map(|path| project.join(expand_user(path)))
                .collect()
        };
        Self {
            organisation: listed("CLOUDER_PATH", ""),
            roles: listed(
                "ANSIBLE_ROLES_PATH",
                "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles",
            ),
            collections: listed(
                "ANSIBLE_COLLECTIONS_PATH",
                "~/.ansible/collections:/usr/share/ansible/collections",
            ),
            project,
        }
    }
}

/// `~` and `~/x` by `HOME`.
pub(in crate::playbook) fn expand_user(path: &str) -> PathBuf {
    match path.strip_prefix('~').map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
        Some(rest) if path == "~" || path.starts_with("~/") => {
            Path::new(&env::var("HOME").unwrap_or_else(|_| "/".to_owned())).join(rest)
        }
        _ => PathBuf::from(path),
    }
}
