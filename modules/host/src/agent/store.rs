//! The agent's own files: contents that came from the controller, temporary files of modules.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::StatVfsMountFlags;
use tempfile::TempDir;

use crate::ModuleError;

/// How many bytes of contents are kept for requests to come.
const KEPT: u64 = 64 * 1024 * 1024;

/// A content that is here; it is removed when nobody holds it any more.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) sha256: String,
    pub(super) path: PathBuf,
    pub(super) size: u64,
}

impl Drop for Stored {
    fn drop(&mut self) {
        // The whole folder goes at the end.
        let _ = fs::remove_file(&self.path);
    }
}

/// A private folder, made when first needed and removed at the end, and the contents in it.
#[derive(Default)]
pub(super) struct Store {
    /// The folder, and more of them where the first became full; the last is in use.
    folders: Mutex<Vec<TempDir>>,
    contents: Mutex<Contents>,
}

/// The contents that came last.
#[derive(Default)]
struct Contents {
    by_hash: HashMap<String, Arc<Stored>>,
    /// Oldest first.
    order: VecDeque<Arc<Stored>>,
    total: u64,
}

impl Store {
    /// The folder: in the first place that lets us, if possible one that programs may be run from.
    pub(super) fn folder(&self) -> Result<PathBuf, ModuleError> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.last() {
            return Ok(folder.path().to_owned());
        }
        let (mut places, without_programs): (Vec<_>, Vec<_>) =
            places().into_iter().partition(|place| lets_programs_run(place));
        places.extend(without_programs);
        let mut refused = Vec::new();
        for place in places {
            match private_folder(&place) {
                Ok(made) => {
                    let path = made.path().to_owned();
                    folders.push(made);
                    return Ok(path);
                }
                Err(error) => refused.push(format!("{}: {error}", place.display())),
            }
        }
        Err(ModuleError::new(format!("no place for temporary files ({})", refused.join("; "))))
    }

    /// Another folder where there is the most room, for when the one in use is full.
    pub(super) fn roomier(&self) -> Option<PathBuf> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let least = folders.last().map_or(0, |folder| room(folder.path()));
        let mut places: Vec<_> = places().into_iter().filter(|place| room(place) > least).collect();
        places.sort_by_key(|place| std::cmp::Reverse(room(place)));
        let made = places.iter().find_map(|place| private_folder(place).ok())?;
        let path = made.path().to_owned();
        folders.push(made);
        Some(path)
    }

    /// A content, if it is here.
    pub(super) fn find(&self, sha256: &str) -> Option<Arc<Stored>> {
        let contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.by_hash.get(sha256).filter(|stored| stored.path.exists()).cloned()
    }

    /// Keeps a content for requests to come, and forgets the oldest that are too much.
    pub(super) fn keep(&self, stored: &Arc<Stored>) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        contents.by_hash.insert(stored.sha256.clone(), Arc::clone(stored));
        contents.order.push_back(Arc::clone(stored));
        contents.total += stored.size;
        while contents.total > KEPT
            && let Some(oldest) = contents.order.pop_front()
        {
            contents.total -= oldest.size;
            // Two requests may have asked for one content at once.
            if contents.by_hash.get(&oldest.sha256).is_some_and(|stored| Arc::ptr_eq(stored, &oldest)) {
                contents.by_hash.remove(&oldest.sha256);
            }
        }
    }

    /// Removes all.
    pub(super) fn remove(&self) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Where temporary files may be, the usual places first.
fn places() -> Vec<PathBuf> {
    let usual = ["/tmp", "/var/tmp", "/dev/shm", "/run"].into_iter().map(PathBuf::from);
    [std::env::temp_dir()].into_iter().chain(usual).chain(own_folder()).chain([PathBuf::from("/")]).collect()
}

fn private_folder(place: &Path) -> std::io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(".clouder-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(place)
}

/// How many bytes a folder's file system has left.
fn room(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether programs may be run from a folder's file system.
fn lets_programs_run(folder: &Path) -> bool {
    rustix::fs::statvfs(folder).is_ok_and(|found| !found.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// The folder that this program was put into, if it is private: programs may surely be run from there.
fn own_folder() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.parent()?.to_owned();
    let found = folder.metadata().ok()?;
    let is_private = found.mode() & 0o077 == 0 && found.uid() == rustix::process::geteuid().as_raw();
    is_private.then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(store: &Store, sha256: &str, size: u64) -> Arc<Stored> {
        let path = store.folder().unwrap().join(sha256);
        fs::write(&path, sha256).unwrap();
        Arc::new(Stored { sha256: sha256.to_owned(), path, size })
    }

    #[test]
    fn what_came_first_goes_when_there_is_too_much() {
        let store = Store::default();
        store.keep(&stored(&store, "small", 1));
        let held = stored(&store, "held", KEPT);
        store.keep(&held);
        assert!(store.find("small").is_none() && !store.folder().unwrap().join("small").exists());
        store.keep(&stored(&store, "new", KEPT));
        assert!(store.find("held").is_none() && held.path.exists(), "a request still needs it");
        let path = held.path.clone();
        drop(held);
        assert!(!path.exists());
        store.keep(&stored(&store, "huge", KEPT * 2));
        assert!(store.find("huge").is_none() && store.find("new").is_none());
        store.remove();
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn the_folder_is_private() {
        let store = Store::default();
        let folder = store.folder().unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o700);
        assert_eq!(store.folder().unwrap(), folder);
    }
}
