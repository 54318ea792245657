//! The kubelet's folder of archives, and what the agent notes of them beside.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::{Name, Origin};
use crate::retention::Retention;

/// Where notes are, inside of the folder.
const NOTES: &str = ".clouder";

/// What is known of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The schedule it is of, `NAMESPACE/NAME`.
    pub(super) schedule: String,
    /// Whose checkpoint it is.
    pub(super) origin: Origin,
    /// What that schedule said of how long archives are kept; what counts once it is gone.
    pub(super) retention: Retention,
    /// Where its copy is.
    #[serde(default)]
    pub(super) copy: Option<String>,
}

/// An archive that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) file: String,
    pub(super) name: Name,
    pub(super) size: u64,
    pub(super) note: Option<Note>,
}

/// The folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn note(&self, file: &str) -> PathBuf {
        self.0.join(NOTES).join(format!("{file}.json"))
    }

    /// All archives. Notes of those that are gone are taken away.
    pub(super) fn read(&self) -> io::Result<Vec<Archive>> {
        let mut notes: BTreeMap<String, Note> = BTreeMap::new();
        for entry in entries(&self.0.join(NOTES))? {
            let name = entry.file_name();
            let Some(file) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
            let note = fs::read(entry.path()).ok().and_then(|text| serde_json::from_slice(&text).ok());
            notes.extend(note.map(|note| (file.to_owned(), note)));
        }
        let mut archives = Vec::new();
        for entry in entries(&self.0)? {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = Name::of(&file) else { continue };
            let size = match entry.metadata() {
                Ok(found) if found.is_file() => found.len(),
                _ => continue,
            };
            let note = notes.remove(&file);
            archives.push(Archive { file, name, size, note });
        }
        for file in notes.keys() {
            let _ = fs::remove_file(self.note(file));
        }
        Ok(archives)
    }

    /// Notes something of an archive, all of it or nothing.
    pub(super) fn write(&self, file: &str, note: &Note) -> io::Result<()> {
        let folder = self.0.join(NOTES);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let new = folder.join(".new");
        let mut options = fs::OpenOptions::new();
        let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        opened.write_all(&serde_json::to_vec(note)?)?;
        opened.sync_all()?;
        fs::rename(new, self.note(file))
    }

    /// Deletes an archive, and what was noted of it.
    pub(super) fn delete(&self, file: &str) -> io::Result<()> {
        for path in [self.path(file), self.note(file)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// What is in a folder; nothing if there is none.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_and_go_with_their_archives() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path());
        assert_eq!(folder.read().unwrap(), []);
        let file = "checkpoint-web_shop-app-2026-11-27T03:00:00Z.tar";
        fs::write(folder.path(file), "12345").unwrap();
        fs::write(folder.path("other.tar"), "").unwrap();
        let origin = Origin { namespace: "shop".into(), pod: "web".into(), container: "app".into() };
        let note =
            Note { schedule: "shop/nightly".into(), origin, retention: Retention::default(), copy: None };
        folder.write(file, &note).unwrap();
        let all = folder.read().unwrap();
        assert_eq!((all.len(), all[0].size, all[0].note.as_ref()), (1, 5, Some(&note)));
        fs::remove_file(folder.path(file)).unwrap();
        assert_eq!(folder.read().unwrap(), []);
        assert!(!folder.note(file).exists());
        folder.delete(file).unwrap();
    }
}
