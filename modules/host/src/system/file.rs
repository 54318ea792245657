//! Replacing files whole or not at all.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::module::Doing as _;
use crate::{Context, ModuleError};

use super::attributes::FileAttributes;
use super::{clock, selinux};

/// What a path is, symbolic links not followed; `None` when there is nothing.
///
/// # Errors
/// When it cannot be found out.
pub fn look(path: &Path) -> Result<Option<Metadata>, ModuleError> {
    absent_is_none(fs::symlink_metadata(path), path)
}

/// What a path leads to, symbolic links followed; `None` when there is nothing, or a dangling link.
///
/// # Errors
/// When it cannot be found out.
pub fn look_through(path: &Path) -> Result<Option<Metadata>, ModuleError> {
    absent_is_none(fs::metadata(path), path)
}

fn absent_is_none(found: io::Result<Metadata>, path: &Path) -> Result<Option<Metadata>, ModuleError> {
    match found {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(ModuleError::new(format!("cannot look at {}: {error}", path.display()))),
    }
}

/// A file's text, or `None` when there is no file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, ModuleError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ModuleError::new(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Where a path leads to in the end, also when nothing is there.
pub fn follow(path: &Path) -> PathBuf {
    const MOST_LINKS: usize = 40;
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match (fs::read_link(&path), path.parent()) {
            (Ok(target), Some(folder)) => path = folder.join(target),
            _ => break,
        }
    }
    path
}

/// A path without `.` and slashes that say nothing, such as one at the end, which would follow a link.
pub fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Makes something that is no plain file (a link) beside a path and moves it there in one step, over a file or link that
/// may be there.
///
/// # Errors
/// When it cannot be made or moved.
pub fn make_in_place(path: &Path, mut make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let made =
        tempfile::Builder::new().prefix(".clouder-").make_in(folder_of(path), |temporary| make(temporary))?;
    made.into_temp_path().persist(path).map_err(|error| error.error)
}

/// The folder a path is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("/"))
}

/// A new content for a file, written beside it and not yet in its place.
pub struct Replacement {
    target: PathBuf,
    written: tempfile::NamedTempFile,
    flushed_later: bool,
}

impl Replacement {
    /// Copies a content to a temporary file in the target's folder.
    ///
    /// # Errors
    /// When it cannot be written (no such folder, disk full); nothing is left behind then.
    pub fn write(target: &Path, content: &mut dyn io::Read) -> Result<Self, ModuleError> {
        let folder = folder_of(target);
        let mut written = tempfile::Builder::new()
            .prefix(".clouder-")
            .tempfile_in(folder)
            .doing(|| format!("cannot write in {}", folder.display()))?;
        io::copy(content, written.as_file_mut()).doing(|| format!("cannot write {}", target.display()))?;
        Ok(Self { target: target.to_owned(), written, flushed_later: false })
    }

    /// The caller flushes the file system when all its files are written, instead of each file.
    pub fn flush_later(&mut self) {
        self.flushed_later = true;
    }

    /// Where the new content is for now: for a `validate` command.
    pub fn path(&self) -> &Path {
        self.written.path()
    }

    /// Runs `validate`, in which `%s` is this file's path.
    ///
    /// # Errors
    /// When the command has no `%s`, or refuses the content; with its output.
    pub fn validate(&self, validate: Option<&str>, context: &Context) -> Result<(), ModuleError> {
        let Some(validate) = validate else { return Ok(()) };
        if !validate.contains("%s") {
            return Err(ModuleError::new(format!("validate must contain %s: {validate}")));
        }
        let command = validate.replace("%s", &self.path().to_string_lossy());
        let finished = context.command("/bin/sh").argument("-c").argument(command).run()?;
        if finished.status.success() { Ok(()) } else { Err(finished.failure("failed to validate")) }
    }

    /// Puts it in its place, with the attributes asked for; those not asked for are as the old file had them, or as
    /// the process's umask has them for a new one.
    ///
    /// # Errors
    /// When it cannot be put there; the old file is then whole and in its place.
    pub fn commit(self, attributes: &FileAttributes, context: &Context) -> Result<(), ModuleError> {
        let target = &self.target;
        let failed = || format!("cannot replace {}", target.display());
        let old = look(target)?.filter(Metadata::is_file);
        let file = self.written.as_file();
        let now = old.as_ref().map_or_else(|| 0o666 & !umask(), Metadata::mode);
        let (uid, gid) = attributes.ids(context)?;
        // Only what differs is set: an unprivileged user may not even set the owner to what it already is.
        let mine = file.metadata().doing(failed)?;
        let uid = uid.or(old.as_ref().map(MetadataExt::uid)).filter(|uid| *uid != mine.uid());
        let gid = gid.or(old.as_ref().map(MetadataExt::gid)).filter(|gid| *gid != mine.gid());
        if uid.is_some() || gid.is_some() {
            fchown(file, uid, gid).doing(failed)?;
        }
        let mode = attributes.mode_for(now, false)?.unwrap_or(now & 0o7777);
        file.set_permissions(Permissions::from_mode(mode)).doing(failed)?;
        if old.is_some() {
            selinux::keep(target, file);
        }
        if !self.flushed_later {
            file.sync_all().doing(failed)?;
        }
        match self.written.persist(target) {
            Ok(_) => Ok(()),
            // A mount point cannot be renamed over; writing into it is what `unsafe_writes` permits.
            Err(error) if attributes.unsafe_writes => overwrite(error.file.path(), target).doing(failed),
            Err(error) => Err(error.error).doing(failed),
        }
    }
}

fn overwrite(from: &Path, target: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).truncate(true).create(true).open(target)?;
    io::copy(&mut from, &mut target)?;
    target.flush()?;
    target.sync_all()
}

/// Replaces a file's content in one step; see [`Replacement`].
///
/// # Errors
/// When it cannot be replaced; the old file is then whole and in its place.
pub fn replace(
    path: &Path,
    content: &[u8],
    attributes: &FileAttributes,
    context: &Context,
) -> Result<(), ModuleError> {
    Replacement::write(path, &mut &*content)?.commit(attributes, context)
}

/// Keeps a copy of a file beside it, with its time in the name as Ansible has it; returns the copy's path.
///
/// # Errors
/// When it cannot be copied.
pub fn backup(path: &Path) -> Result<PathBuf, ModuleError> {
    let mut now = clock::local(SystemTime::now());
    now.nanosecond = 0;
    let name = format!("{}.{}.{}~", path.display(), std::process::id(), now.plain().replace(' ', "@"));
    let copy = PathBuf::from(name);
    let failed = || format!("cannot back up {} to {}", path.display(), copy.display());
    fs::copy(path, &copy).doing(failed)?;
    let metadata = fs::metadata(path).doing(failed)?;
    // Only root may give a file away; the copy of anyone else is their own.
    let _ = std::os::unix::fs::chown(&copy, Some(metadata.uid()), Some(metadata.gid()));
    Ok(copy)
}

/// This process's umask.
pub fn umask() -> u32 {
    // It can only be read by setting it, which other threads would see; /proc tells it without.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|umask| u32::from_str_radix(umask.trim(), 8).ok()).unwrap_or(0o022)
}
