//! What is in an archive, and how it differs from what is on the host.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::ModuleError;
use crate::system::attributes::FileAttributes;
use crate::system::file;

/// What a thing in an archive is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    File,
    Directory,
    /// A symbolic link.
    Link,
    /// A further name of a file.
    HardLink,
    /// A device or pipe.
    Other,
}

/// One thing in an archive, as it is to be on the host. What is `None` is not compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// Its name as the archive has it.
    pub(super) name: String,
    /// Its path below the destination; empty for the destination itself.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
    /// Where a link leads to.
    pub(super) target: Option<PathBuf>,
    /// Whether it stays as it is when it is there.
    pub(super) is_kept: bool,
    /// How often the archive has it.
    pub(super) count: usize,
}

impl Entry {
    /// In which respects it is not on the host as it is in the archive. What the task asks of attributes counts for more
    /// than what the archive says.
    pub(super) fn differences(
        &self,
        dest: &Path,
        asked: &FileAttributes,
        keep_newer: bool,
    ) -> Result<Vec<&'static str>, ModuleError> {
        let path = dest.join(&self.path);
        let Some(found) = file::look(&path)? else { return Ok(vec!["new"]) };
        if self.stays(&found, keep_newer) {
            return Ok(Vec::new());
        }
        let is_kind = match self.kind {
            Kind::File | Kind::HardLink => found.is_file(),
            Kind::Directory => found.is_dir() || self.path.as_os_str().is_empty(),
            Kind::Link => found.is_symlink(),
            Kind::Other => !found.is_file() && !found.is_dir() && !found.is_symlink(),
        };
        if !is_kind {
            return Ok(vec!["kind"]);
        }
        let mut differences = Vec::new();
        let mut note = |differs: bool, what| {
            if differs {
                differences.push(what);
            }
        };
        if self.kind == Kind::File {
            note(found.len() != self.size, "size");
            note(self.modified.is_some_and(|modified| modified != found.mtime()), "time");
        }
        if let Some(target) = &self.target {
            match self.kind {
                Kind::HardLink => note(!is_same_file(&dest.join(target), &found)?, "target"),
                _ => note(fs::read_link(&path).ok().as_ref() != Some(target), "target"),
            }
        }
        // A further name has the attributes of the first.
        if self.kind != Kind::HardLink {
            let mode = self.mode.filter(|_| self.kind != Kind::Link && asked.mode.is_none());
            note(mode.is_some_and(|mode| mode != found.mode() & 0o7777), "mode");
            let uid = self.uid.filter(|_| asked.owner.is_none());
            note(uid.is_some_and(|uid| uid != found.uid()), "owner");
            let gid = self.gid.filter(|_| asked.group.is_none());
            note(gid.is_some_and(|gid| gid != found.gid()), "group");
        }
        Ok(differences)
    }

    /// Whether what is there is left alone, whatever it is.
    pub(super) fn stays(&self, found: &Metadata, keep_newer: bool) -> bool {
        let is_newer = || self.modified.is_some_and(|modified| found.mtime() >= modified);
        self.is_kept || (keep_newer && self.kind != Kind::Directory && is_newer())
    }
}

fn is_same_file(other: &Path, found: &Metadata) -> Result<bool, ModuleError> {
    let other = file::look(other)?;
    Ok(other.is_some_and(|other| (other.dev(), other.ino()) == (found.dev(), found.ino())))
}

/// The path below the destination that a name means; `None` for one that leads out of it.
pub(super) fn path_of(name: &OsStr) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::ParentDir => return None,
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

/// All paths of an archive, with folders that are only part of other names, but without the destination itself unless the
/// archive has it. Sorted, so that folders come before what is in them.
pub(super) fn with_folders(entries: &[Entry]) -> Vec<PathBuf> {
    let mut paths = BTreeSet::new();
    for entry in entries {
        let folders = entry.path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        paths.extend(folders.map(Path::to_owned));
        paths.insert(entry.path.clone());
    }
    paths.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_destination() {
        let path = |name: &str| path_of(OsStr::new(name)).map(|path| path.display().to_string());
        assert_eq!(path("./a/b/").as_deref(), Some("a/b"));
        assert_eq!(path("/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(path("./").as_deref(), Some(""));
        assert_eq!(path("a/../../b"), None);
    }
}
