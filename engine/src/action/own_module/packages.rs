//! What modules in Python import: `ansible.module_utils` of the ansible-core on this machine, with what a playbook, its
//! roles and collections add to it, in one zip archive that Python reads as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use clouder_modules::system::zip::{Item, ZipWriter};

use crate::foreign::Python;
use crate::playbook::{Files, OwnModule};

/// The archives of a run, by what is in them.
#[derive(Debug, Default)]
pub struct Packages(Mutex<HashMap<Key, Arc<[u8]>>>);

/// The folders of a playbook's own code, and the collections whose code is needed.
type Key = (Vec<PathBuf>, BTreeSet<String>);

/// Says that a package is in more than one place.
const SHARED: &[u8] = b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";

impl Packages {
    /// The archive for a module.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn of(
        &self,
        module: &OwnModule,
        content: &[u8],
        python: &Python,
        files: &Files,
    ) -> io::Result<Arc<[u8]>> {
        let mut own = BTreeMap::new();
        for folder in module.utilities.iter().rev() {
            add(&mut own, folder, "ansible/module_utils")?;
        }
        let mut wanted: BTreeSet<String> = collections(content).collect();
        wanted.extend(collections(module.qualified.as_bytes()));
        own.values().for_each(|text: &Vec<u8>| wanted.extend(collections(text)));
        let mut found = BTreeSet::new();
        // What a collection's code imports of others is needed, too.
        while let Some(name) = wanted.pop_first() {
            if found.contains(&name) {
                continue;
            }
            let inside = Path::new("ansible_collections").join(name.replace('.', "/"));
            let beside =
                || python.path.iter().map(|folder| folder.join(&inside)).find(|folder| folder.is_dir());
            let Some(folder) = files.collection_folder(&name).or_else(beside) else { continue };
            found.insert(name.clone());
            let before: BTreeSet<String> = own.keys().cloned().collect();
            let inside = format!("ansible_collections/{}/plugins/module_utils", name.replace('.', "/"));
            add(&mut own, &folder.join("plugins/module_utils"), &inside)?;
            for (_, text) in own.iter().filter(|(path, _)| !before.contains(*path)) {
                wanted.extend(collections(text).filter(|name| !found.contains(name)));
            }
        }
        let key = (module.utilities.clone(), found);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = known.get(&key) {
            return Ok(Arc::clone(packed));
        }
        let mut all = BTreeMap::new();
        add(&mut all, &python.package.join("module_utils"), "ansible/module_utils")?;
        let release = format!("__version__ = '{}'\n__author__ = ''\n", python.version);
        all.insert("ansible/release.py".to_owned(), release.clone().into_bytes());
        all.extend(own);
        for package in ["ansible/__init__.py", "ansible/module_utils/__init__.py"] {
            all.insert(package.to_owned(), [SHARED, release.as_bytes()].concat());
        }
        let packed: Arc<[u8]> = zip(&all)?.into();
        known.insert(key, Arc::clone(&packed));
        Ok(packed)
    }
}

/// The collections whose `module_utils` a text speaks of.
fn collections(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    const BEFORE: &str = "ansible_collections.";
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.match_indices(BEFORE).filter_map(|(at, _)| {
        let mut parts = text[at + BEFORE.len()..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (namespace, name) = (parts.next()?, parts.next()?);
        (!namespace.is_empty() && !name.is_empty()).then(|| format!("{namespace}.{name}"))
    })
}

/// Adds what is in a folder of code, by its name in the archive.
fn add(to: &mut BTreeMap<String, Vec<u8>>, folder: &Path, inside: &str) -> io::Result<()> {
    let mut todo = vec![folder.to_owned()];
    while let Some(current) = todo.pop() {
        let entries = match fs::read_dir(&current) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|ending| ending == "py") {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                to.insert(format!("{inside}/{name}"), fs::read(&path)?);
            }
        }
    }
    Ok(())
}

/// An archive that is the same whenever its content is. Folders are named, too: Python before 3.13 looks for them.
fn zip(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let folders = files.keys().flat_map(|name| name.match_indices('/').map(|(at, _)| &name[..=at]));
    let folders: BTreeSet<&str> = folders.collect();
    let folders = folders.into_iter().map(|name| (name, 0o040_755, &[][..]));
    let files = files.iter().map(|(name, content)| (name.as_str(), 0o100_644, content.as_slice()));
    for (name, mode, mut content) in folders.chain(files) {
        let length = content.len() as u64;
        let item = Item { name, mode, modified: SystemTime::UNIX_EPOCH, length };
        writer.add(&item, &mut content)?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::collections;

    #[test]
    fn collections_are_found_in_imports() {
        let text =
            b"from ansible_collections.a.b.plugins.module_utils.c import d\nimport ansible_collections.e.f\n";
        assert_eq!(collections(text).collect::<Vec<_>>(), ["a.b", "e.f"]);
    }
}
