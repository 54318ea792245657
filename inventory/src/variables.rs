//! `group_vars` and `host_vars` folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clouder_lang::yaml::Node;
use clouder_vault::Keyring;

use crate::load::{LoadError, Reader};
use crate::{Inventory, Variables};

/// The endings of files of variables, the one that counts first.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// The variables of the `group_vars` and `host_vars` beside an inventory or a playbook. Files are read when their group or
/// host is there: those of others may be anything, or encrypted with a password that is not at hand.
#[derive(Clone, Debug, Default)]
pub struct VariableFolder {
    groups: BTreeMap<String, Entry>,
    hosts: BTreeMap<String, Entry>,
    keyring: Arc<Keyring>,
    merge: bool,
}

/// The files of a group or host.
#[derive(Clone, Debug)]
struct Entry {
    files: Vec<PathBuf>,
    read: OnceLock<Variables>,
}

impl VariableFolder {
    /// Looks into `group_vars` and `host_vars` of a folder.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn read(folder: &Path, reader: &Reader) -> Result<Self, LoadError> {
        Ok(Self {
            groups: entries(&folder.join("group_vars"))?,
            hosts: entries(&folder.join("host_vars"))?,
            keyring: Arc::clone(reader.keyring()),
            merge: reader.merge,
        })
    }

    /// Looks into another folder, with the same passwords.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_folder(&self, folder: &Path) -> Result<Self, LoadError> {
        let mut reader = Reader::new(Arc::clone(&self.keyring));
        reader.merge = self.merge;
        Self::read(folder, &reader)
    }

    /// Reads the files of all groups and hosts of an inventory.
    ///
    /// # Errors
    /// When one cannot be read or is no mapping.
    pub fn read_for(&self, inventory: &Inventory, reader: &Reader) -> Result<(), LoadError> {
        let known = |name: &str| inventory.host(name).is_some() || name == "localhost";
        let groups = self.groups.iter().filter(|(name, _)| inventory.group(name).is_some());
        for (_, entry) in groups.chain(self.hosts.iter().filter(|(name, _)| known(name))) {
            if entry.read.get().is_none() {
                let variables = entry.variables(reader)?;
                entry.read.get_or_init(|| variables);
            }
        }
        Ok(())
    }

    /// Reads the files of groups and hosts that came later.
    ///
    /// # Errors
    /// As [`Self::read_for`].
    pub fn read_late(&self, inventory: &Inventory) -> Result<(), LoadError> {
        let mut reader = Reader::new(Arc::clone(&self.keyring));
        reader.merge = self.merge;
        self.read_for(inventory, &reader)
    }

    /// What it says of a group.
    pub fn of_group(&self, name: &str) -> Option<&Variables> {
        read_of(&self.groups, name)
    }

    /// What it says of a host.
    pub fn of_host(&self, name: &str) -> Option<&Variables> {
        read_of(&self.hosts, name)
    }
}

fn read_of<'a>(entries: &'a BTreeMap<String, Entry>, name: &str) -> Option<&'a Variables> {
    entries.get(name)?.read.get()
}

impl Entry {
    fn variables(&self, reader: &Reader) -> Result<Variables, LoadError> {
        let mut variables = Variables::new();
        for file in &self.files {
            let Some(document) = reader.yaml(file)? else { continue };
            combine(&mut variables, mapping(&document)?, reader.merge);
        }
        Ok(variables)
    }
}

/// The files of each name: of `NAME` (a file, or a folder of files), `NAME.yml`, `NAME.yaml` and `NAME.json` the first that is
/// there.
fn entries(folder: &Path) -> Result<BTreeMap<String, Entry>, LoadError> {
    let mut all = BTreeMap::<String, (usize, PathBuf)>::new();
    for path in sorted(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let is_folder = path.is_dir();
        for (rank, ending) in ENDINGS.iter().enumerate() {
            let Some(stem) = name.strip_suffix(ending).filter(|_| rank == 0 || !is_folder) else { continue };
            let best = all.entry(stem.to_owned()).or_insert_with(|| (rank, path.clone()));
            if rank < best.0 {
                *best = (rank, path.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    for (name, (_, path)) in all {
        let mut files = Vec::new();
        collect(&path, &mut files)?;
        found.insert(name, Entry { files, read: OnceLock::new() });
    }
    Ok(found)
}

/// A file, or all files below a folder, by name.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for inner in sorted(path)? {
        let name = inner.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let known =
            matches!(inner.extension().and_then(|ext| ext.to_str()), None | Some("yml" | "yaml" | "json"));
        if !name.starts_with('.') && !name.ends_with('~') && (inner.is_dir() || known) {
            collect(&inner, files)?;
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// A mapping of variables.
pub(crate) fn mapping(node: &Node) -> Result<Variables, LoadError> {
    if node.is_null() {
        return Ok(Variables::new());
    }
    let Some(mapping) = node.as_mapping() else {
        let message = format!("expected a mapping of variables, found {}", node.kind());
        return Err(LoadError::Content(Box::new(
            clouder_lang::Diagnostic::error(message, &node.span).hint("write `name: value` lines"),
        )));
    };
    Ok(mapping.iter().map(|(name, entry)| (Arc::clone(name), entry.value.clone())).collect())
}

/// Adds stronger variables. Mappings of one name are replaced, or merged.
pub fn combine(variables: &mut Variables, stronger: impl IntoIterator<Item = (Arc<str>, Node)>, merge: bool) {
    for (name, node) in stronger {
        let node = match variables.get(&name) {
            Some(weaker) if merge => node.merged_over(weaker),
            _ => node,
        };
        variables.insert(name, node);
    }
}
