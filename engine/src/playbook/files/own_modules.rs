//! Modules that playbooks bring along: files in `library` folders and in collections.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::Files;
use crate::foreign::Python;

/// A module that is no part of clouder.
#[derive(Debug, PartialEq, Eq)]
pub struct OwnModule {
    /// What Python calls it: `ansible.modules.NAME`, `ansible_collections.NAMESPACE.COLLECTION.plugins.modules.NAME`.
    pub qualified: String,
    /// Its file.
    pub path: PathBuf,
    /// The folders that hold what it may import as `ansible.module_utils`, the strongest first.
    pub utilities: Vec<PathBuf>,
}

impl OwnModule {
    /// Its name as playbooks write it, if it is one of a collection: `namespace.collection.name`.
    pub fn collection_name(&self) -> String {
        let inner = self.qualified.strip_prefix("ansible_collections.").unwrap_or_default();
        inner.replacen(".plugins.modules.", ".", 1)
    }
}

/// Endings of files that are no modules, though they are where modules are.
const NO_MODULES: [&str; 12] =
    ["bak", "cfg", "ini", "json", "md", "pyc", "pyo", "rpm", "rst", "swp", "txt", "yml"];

/// What is in a folder of modules, by name.
pub(super) type Listing = BTreeMap<String, PathBuf>;

impl Files {
    /// A module in the `library` folders of roles and of the playbook, in those that settings name, or in those of any
    /// role that was read before: it also stands for one of the same name that clouder has.
    pub(in crate::playbook) fn library_module<'a>(
        &self,
        name: &str,
        roles: impl Iterator<Item = &'a Path>,
        playbook: &'a Path,
    ) -> Option<OwnModule> {
        let known = self.places().brought.folders();
        let near: Vec<PathBuf> = roles.chain([playbook]).map(Path::to_owned).collect();
        let folders = near.iter().map(|folder| folder.join("library"));
        let settings = self.places().modules.iter().cloned();
        let others = known.iter().map(|folder| folder.join("library"));
        let path =
            folders.chain(settings).chain(others).find_map(|folder| self.module_file(&folder, name))?;
        let utilities = near.iter().chain(&known).map(|folder| folder.join("module_utils"));
        let mut utilities: Vec<PathBuf> = utilities.filter(|folder| folder.is_dir()).collect();
        utilities.dedup();
        Some(OwnModule { qualified: format!("ansible.modules.{name}"), path, utilities })
    }

    /// Whether a lookup in Python of that name was brought along.
    pub(in crate::playbook) fn has_lookup(&self, name: &str) -> bool {
        let folders = self.places().brought.named("lookup_plugins");
        folders.iter().any(|folder| self.module_file(folder, name).is_some())
    }

    /// The module `namespace.collection.name`, where that collection is installed.
    pub(in crate::playbook) fn collection_module(&self, name: &str) -> Option<OwnModule> {
        let (folder, rest) = self.in_collection(name)?;
        let mut folder = folder.join("plugins/modules");
        let (parents, short) = rest.rsplit_once('.').unwrap_or(("", rest));
        folder.extend(parents.split('.').filter(|part| !part.is_empty()));
        let path = self.module_file(&folder, short)?;
        let collection = name.strip_suffix(rest)?;
        let qualified = format!("ansible_collections.{collection}plugins.modules.{rest}");
        Some(OwnModule { qualified, path, utilities: Vec::new() })
    }

    /// A module that clouder lacks, of the ansible-core that this machine has, or of a collection that came with it.
    pub(in crate::playbook) fn foreign_module(&self, name: &str) -> Option<OwnModule> {
        if !self.places().ansible_core {
            return None;
        }
        let python = Python::find().ok()?;
        if let [namespace, collection, rest @ ..] = name.split('.').collect::<Vec<_>>().as_slice()
            && let [_, ..] = rest
        {
            let inside =
                Path::new("ansible_collections").join(namespace).join(collection).join("plugins/modules");
            let folder =
                python.path.iter().map(|folder| folder.join(&inside)).find(|folder| folder.is_dir())?;
            let path = self.module_file(&folder, rest.last()?)?;
            let rest = rest.join(".");
            let qualified = format!("ansible_collections.{namespace}.{collection}.plugins.modules.{rest}");
            return Some(OwnModule { qualified, path, utilities: Vec::new() });
        }
        let path = self.module_file(&python.package.join("modules"), name)?;
        Some(OwnModule { qualified: format!("ansible.modules.{name}"), path, utilities: Vec::new() })
    }

    fn module_file(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let listing = listings.entry(folder.to_owned()).or_insert_with(|| Arc::new(list(self, folder)));
        listing.get(name).or_else(|| listing.get(&format!("_{name}"))).cloned()
    }
}

fn list(files: &Files, folder: &Path) -> Listing {
    let mut listing = Listing::new();
    for path in files.list(folder).unwrap_or_default().into_iter().filter(|path| path.is_file()) {
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        if ending.is_some_and(|ending| ending.ends_with('~') || NO_MODULES.contains(&ending.as_str())) {
            continue;
        }
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
            listing.entry(stem.to_owned()).or_insert(path.clone());
        }
    }
    listing
}
