//! `group_vars` and `host_vars` folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clouder_lang::yaml::Node;

use crate::Variables;
use crate::load::{LoadError, Reader};

/// The variables of the `group_vars` and `host_vars` beside an inventory or a playbook.
#[derive(Clone, Debug, Default)]
pub struct VariableFolder {
    groups: BTreeMap<String, Variables>,
    hosts: BTreeMap<String, Variables>,
}

impl VariableFolder {
    /// Reads `group_vars` and `host_vars` of a folder.
    ///
    /// # Errors
    /// When a file cannot be read or is no mapping.
    pub fn read(folder: &Path, reader: &Reader) -> Result<Self, LoadError> {
        Ok(Self {
            groups: read_all(&folder.join("group_vars"), reader)?,
            hosts: read_all(&folder.join("host_vars"), reader)?,
        })
    }

    /// What it says of a group.
    pub fn of_group(&self, name: &str) -> Option<&Variables> {
        self.groups.get(name)
    }

    /// What it says of a host.
    pub fn of_host(&self, name: &str) -> Option<&Variables> {
        self.hosts.get(name)
    }
}

/// Each file `NAME`, `NAME.yml`, `NAME.yaml`, `NAME.json`, or folder `NAME` of such files.
fn read_all(folder: &Path, reader: &Reader) -> Result<BTreeMap<String, Variables>, LoadError> {
    let mut all = BTreeMap::<String, Variables>::new();
    for path in sorted(folder)? {
        let Some(name) = variables_name(&path) else { continue };
        let mut files = Vec::new();
        collect(&path, &mut files)?;
        let variables = all.entry(name).or_default();
        for file in files {
            variables.extend(read_file(&file, reader)?);
        }
    }
    Ok(all)
}

/// The group or host a path is about; `None` for what Ansible passes over.
fn variables_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || name.ends_with('~') {
        return None;
    }
    if path.is_dir() {
        return Some(name.to_owned());
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml" | "json") => Some(path.file_stem()?.to_str()?.to_owned()),
        // A dot in a host name is no extension, but `x.bak` is none of ours either: Ansible takes names as they are.
        _ => Some(name.to_owned()),
    }
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

fn read_file(path: &Path, reader: &Reader) -> Result<Variables, LoadError> {
    let Some(document) = reader.yaml(path)? else { return Ok(Variables::new()) };
    mapping(&document)
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
    Ok(mapping.iter().map(|(name, entry)| (std::sync::Arc::clone(name), entry.value.clone())).collect())
}
