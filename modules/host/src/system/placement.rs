//! Bringing a content to a path: comparison, difference, backup, validation, replacement, attributes.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::attributes::FileAttributes;
use super::checksum::{Algorithm, Digests};
use super::file::{self, Replacement};
use crate::module::Doing as _;
use crate::{Context, Diff, DiffSide, ModuleError, Outcome};

/// The largest content whose difference is shown.
const MOST_SHOWN: u64 = 104_448;

/// Where a new content comes from.
pub enum Content<'a> {
    /// Memory.
    Bytes(&'a [u8]),
    /// A file on this host.
    File(&'a Path),
    /// The controller, under a hash; asked for only when this host does not have it at the path already.
    Blob {
        /// SHA-256 of the content.
        sha256: &'a str,
        /// Its length.
        size: u64,
    },
}

/// A path that should have a content.
pub struct Placement<'a> {
    /// The path; a symbolic link there is replaced.
    pub path: &'a Path,
    /// Owner, mode and the like.
    pub attributes: &'a FileAttributes,
    /// Keep the old content beside the new.
    pub backup: bool,
    /// A command that must accept the new content.
    pub validate: Option<&'a str>,
    /// What the old content is called in a difference; the path unless given.
    pub before_header: Option<String>,
    /// What the new content is called; the path unless given.
    pub after_header: Option<String>,
    /// The caller flushes the file system when all its files are written, instead of each file.
    pub flushed_later: bool,
}

/// What a placement did, or in check mode would do.
#[derive(Default)]
pub struct Placed {
    /// Whether the content changed.
    pub content_changed: bool,
    /// Whether attributes changed.
    pub attributes_changed: bool,
    /// Whether content or attributes changed.
    pub changed: bool,
    /// Where the old content was kept.
    pub backup: Option<PathBuf>,
    /// The differences, when they are asked for.
    pub diff: Vec<Diff>,
}

impl<'a> Placement<'a> {
    /// A content at a path, with attributes, and nothing else.
    pub fn new(path: &'a Path, attributes: &'a FileAttributes) -> Self {
        Self {
            path,
            attributes,
            backup: false,
            validate: None,
            before_header: None,
            after_header: None,
            flushed_later: false,
        }
    }

    /// Compares, and unless in check mode makes it so.
    ///
    /// # Errors
    /// When the content cannot be had, is refused by `validate`, or cannot be put there. What was there is then whole.
    pub fn place(&self, content: &Content<'_>, context: &mut Context) -> Result<Placed, ModuleError> {
        let found = file::look(self.path)?;
        if let Some(found) = found.as_ref().filter(|found| !found.is_file() && !found.is_symlink()) {
            let kind = if found.is_dir() { "a folder" } else { "a device, pipe or socket" };
            return Err(ModuleError::new(format!("{} is {kind}, not a file", self.path.display())));
        }
        let old = found.filter(fs::Metadata::is_file);
        let attributes = match &old {
            Some(_) => self.attributes.compare(self.path, false, context)?,
            None => self.attributes.compare_new(self.path, false, context)?,
        };
        let mut placed = Placed::default();
        if !(old.as_ref().is_some_and(|old| old.len() == content.len()) && content.is_at(self.path)?) {
            placed.content_changed = true;
            if context.diff {
                placed.diff.push(self.difference(old.as_ref(), content, context)?);
            }
            if !context.check {
                placed.backup = self.replace(old.is_some(), content, context)?;
            }
        }
        if !context.check {
            // A replaced file has mode and owner already; flags and labels are left to set.
            self.attributes.apply(self.path, false, context)?;
        }
        placed.attributes_changed = attributes.changed();
        placed.changed = placed.content_changed || placed.attributes_changed;
        if context.diff && attributes.changed() && old.is_some() {
            placed.diff.push(attributes.diff(self.path));
        }
        Ok(placed)
    }

    /// Puts the content there; returns where the old one was kept.
    fn replace(
        &self,
        is_old: bool,
        content: &Content<'_>,
        context: &mut Context,
    ) -> Result<Option<PathBuf>, ModuleError> {
        let mut replacement = match content {
            Content::Bytes(bytes) => Replacement::write(self.path, &mut &**bytes)?,
            Content::File(path) => Replacement::write(self.path, &mut open(path)?)?,
            Content::Blob { sha256, .. } => {
                let path = context.exchange.blob(sha256)?;
                Replacement::write(self.path, &mut open(&path)?)?
            }
        };
        if self.flushed_later {
            replacement.flush_later();
        }
        replacement.validate(self.validate, context)?;
        let backup = if self.backup && is_old { Some(file::backup(self.path)?) } else { None };
        replacement.commit(self.attributes, context)?;
        Ok(backup)
    }

    fn difference(
        &self,
        old: Option<&fs::Metadata>,
        content: &Content<'_>,
        context: &mut Context,
    ) -> Result<Diff, ModuleError> {
        let before = match old {
            None => Shown::Text(String::new()),
            Some(old) => Shown::of(old.len(), || {
                fs::read(self.path).doing(|| format!("cannot read {}", self.path.display()))
            })?,
        };
        let after = match content {
            Content::Bytes(bytes) => Shown::of(content.len(), || Ok(bytes.to_vec()))?,
            Content::File(path) => Shown::of(content.len(), || {
                fs::read(path).doing(|| format!("cannot read {}", path.display()))
            })?,
            Content::Blob { sha256, .. } => Shown::of(content.len(), || {
                let path = context.exchange.blob(sha256)?;
                fs::read(&path).doing(|| format!("cannot read {}", path.display()))
            })?,
        };
        let path = || self.path.to_string_lossy().into_owned();
        let before_header = self.before_header.clone().unwrap_or_else(path);
        let after_header = self.after_header.clone().unwrap_or_else(path);
        Ok(match (before, after) {
            (Shown::Text(before), Shown::Text(after)) => Diff {
                before_header: Some(before_header),
                after_header: Some(after_header),
                before: Some(DiffSide::Text(before)),
                after: Some(DiffSide::Text(after)),
                prepared: None,
            },
            (Shown::Note(note), _) => Diff::note(format!("{before_header}: {note}")),
            (_, Shown::Note(note)) => Diff::note(format!("{after_header}: {note}")),
        })
    }
}

/// A content in a difference, or why it is not shown.
enum Shown {
    Text(String),
    Note(&'static str),
}

impl Shown {
    fn of(size: u64, read: impl FnOnce() -> Result<Vec<u8>, ModuleError>) -> Result<Self, ModuleError> {
        if size > MOST_SHOWN {
            return Ok(Self::Note("larger than 104448 bytes, no difference is shown"));
        }
        let bytes = read()?;
        if bytes.contains(&0) {
            return Ok(Self::Note("binary, no difference is shown"));
        }
        Ok(Self::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl Content<'_> {
    /// Its length.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Blob { size, .. } => *size,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a file of the same length has this content.
    fn is_at(&self, path: &Path) -> Result<bool, ModuleError> {
        let failed = || format!("cannot read {}", path.display());
        match self {
            Self::Bytes(bytes) => Ok(fs::read(path).doing(failed)? == *bytes),
            Self::File(source) => same_content(source, path),
            Self::Blob { sha256, .. } => Ok(Algorithm::Sha256.of_file(path).doing(failed)? == *sha256),
        }
    }
}

fn open(path: &Path) -> Result<fs::File, ModuleError> {
    fs::File::open(path).doing(|| format!("cannot read {}", path.display()))
}

/// Whether two files of the same length have the same content.
fn same_content(one: &Path, other: &Path) -> Result<bool, ModuleError> {
    const PIECE: usize = 64 * 1024;
    let (mut one_file, mut other_file) = (open(one)?, open(other)?);
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let length = one_file.read(&mut left).doing(|| format!("cannot read {}", one.display()))?;
        if length == 0 {
            return Ok(true);
        }
        match other_file.read_exact(&mut right[..length]) {
            Ok(()) if left[..length] == right[..length] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error).doing(|| format!("cannot read {}", other.display())),
        }
    }
}

impl Placed {
    /// The result of a module that placed one file: changed, differences, the backup, and the file's facts.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn outcome(self, path: &Path, context: &Context) -> Result<Outcome, ModuleError> {
        let mut outcome = Outcome::new(self.changed);
        outcome.diff = self.diff;
        outcome.result.extend(super::attributes::describe(path, context)?);
        if let Some(backup) = self.backup {
            outcome = outcome.with("backup_file", backup.to_string_lossy());
        }
        Ok(outcome)
    }
}

/// The digests of a file that results tell.
///
/// # Errors
/// When it cannot be read.
pub fn digests(path: &Path) -> Result<Digests, ModuleError> {
    Digests::of_reader(&mut open(path)?).doing(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;
    use crate::modules::testing::context;
    use crate::system::attributes::Mode;

    fn place(path: &Path, content: &[u8], attributes: &FileAttributes, check: bool) -> Placed {
        let mut context = context();
        context.check = check;
        Placement::new(path, attributes).place(&Content::Bytes(content), &mut context).unwrap()
    }

    #[test]
    fn content_and_attributes_are_brought_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let attributes = FileAttributes { mode: Some(Mode("0600".to_owned())), ..FileAttributes::default() };
        for check in [true, false] {
            let placed = place(&path, b"one\n", &attributes, check);
            assert!(placed.changed && placed.content_changed);
            assert_eq!(placed.diff.len(), 1);
        }
        assert!(!place(&path, b"one\n", &attributes, false).changed);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let placed = place(&path, b"one\n", &attributes, false);
        assert!(placed.changed && !placed.content_changed);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn binary_and_large_contents_are_noted_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let attributes = FileAttributes::default();
        let note = |placed: &Placed| placed.diff[0].prepared.clone().unwrap();
        assert!(note(&place(&path, b"a\0b", &attributes, true)).contains("binary"));
        assert!(note(&place(&path, &vec![b'a'; 200_000], &attributes, false)).contains("larger"));
        assert!(note(&place(&path, b"small", &attributes, false)).contains("larger"));
    }

    #[test]
    fn a_refused_content_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let attributes = FileAttributes::default();
        let placement = Placement {
            validate: Some("grep -q good %s"),
            backup: true,
            ..Placement::new(&path, &attributes)
        };
        assert!(placement.place(&Content::Bytes(b"bad"), &mut context()).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let placed = placement.place(&Content::Bytes(b"good"), &mut context()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"good");
        assert_eq!(fs::read(placed.backup.unwrap()).unwrap(), b"old");
    }

    #[test]
    fn equal_and_different_files_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let long = vec![7; 200_000];
        fs::write(&one, &long).unwrap();
        fs::write(&other, &long).unwrap();
        assert!(same_content(&one, &other).unwrap());
        let mut changed = long;
        changed[150_000] = 8;
        fs::write(&other, &changed).unwrap();
        assert!(!same_content(&one, &other).unwrap());
    }
}
