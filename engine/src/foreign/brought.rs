//! Folders that hold code: of playbooks and roles, in the order they are read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// What playbooks and roles bring along. What one brings, all that is read later may use, as with Ansible.
#[derive(Clone, Debug, Default)]
pub struct Brought(Arc<RwLock<Folders>>);

#[derive(Debug, Default)]
struct Folders {
    /// Those of the playbooks and roles themselves.
    all: Vec<PathBuf>,
    /// `filter_plugins` and the like below them, by name.
    inside: Vec<(&'static str, PathBuf)>,
}

/// What folders of code are called.
const NAMES: [&str; 4] = ["library", "filter_plugins", "test_plugins", "lookup_plugins"];

impl Brought {
    /// Remembers the folder of a playbook or role, if it brings code along.
    pub fn add(&self, folder: &Path) {
        let inside = NAMES.iter().map(|name| (*name, folder.join(name))).filter(|(_, path)| path.is_dir());
        let inside: Vec<_> =
            inside.filter_map(|(name, path)| Some((name, std::fs::canonicalize(path).ok()?))).collect();
        let mut folders = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if inside.is_empty() || folders.all.iter().any(|known| known == folder) {
            return;
        }
        folders.all.push(folder.to_owned());
        folders.inside.extend(inside);
    }

    /// The folders of playbooks and roles that bring code along.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// The folders of that name in them.
    pub fn named(&self, name: &str) -> Vec<PathBuf> {
        let folders = self.0.read().unwrap_or_else(PoisonError::into_inner);
        folders.inside.iter().filter(|(known, _)| *known == name).map(|(_, path)| path.clone()).collect()
    }
}
