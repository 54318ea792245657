//! Unpacking what is in a zip archive: files are replaced whole, and only when their checksums are right.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::read::DeflateDecoder;

use super::{Entry, Kind};
use crate::module::Doing as _;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::file::{self, Replacement};
use crate::system::zip::directory::{Bytes, Record};
use crate::system::{folder, mode};
use crate::{Context, ModuleError};

/// Unpacks some of an archive: links last, so that nothing is written through them.
pub(super) fn unpack<'a>(
    archive: &Path,
    dest: &Path,
    parts: impl Iterator<Item = (&'a Entry, &'a Record)>,
    context: &Context,
) -> Result<(), ModuleError> {
    let mut links: Vec<(PathBuf, &Entry)> = Vec::new();
    let mut folders: Vec<(PathBuf, FileAttributes)> = Vec::new();
    for (entry, record) in parts {
        if context.is_cancelled() {
            return Err(ModuleError::new(format!("unpacking {} was cancelled", archive.display())));
        }
        let path = dest.join(&entry.path);
        let attributes = FileAttributes {
            mode: entry.mode.map(|bits| Mode(mode::octal(bits))),
            ..FileAttributes::default()
        };
        let parent = if entry.kind == Kind::Directory { &path } else { path.parent().unwrap_or(dest) };
        folder::make(parent, &FileAttributes::default(), context)?;
        match entry.kind {
            Kind::Directory => folders.push((path, attributes)),
            Kind::Link => links.push((path, entry)),
            _ => one(archive, &path, entry, record, &attributes, context)?,
        }
    }
    for (path, entry) in links {
        let target = entry.target.as_deref().unwrap_or(Path::new(""));
        let make = |temporary: &Path| std::os::unix::fs::symlink(target, temporary);
        file::make_in_place(&path, make).doing(|| format!("cannot make the link {}", path.display()))?;
    }
    // A folder may be closed by its mode; those inside of others come first.
    for (path, attributes) in folders.iter().rev() {
        attributes.apply(path, false, context)?;
    }
    Ok(())
}

fn one(
    archive: &Path,
    path: &Path,
    entry: &Entry,
    record: &Record,
    attributes: &FileAttributes,
    context: &Context,
) -> Result<(), ModuleError> {
    let name = || format!("{} of {}", entry.name, archive.display());
    let mut content = Checked { content: open(archive, record)?, sum: flate2::Crc::new() };
    let replacement = Replacement::write(path, &mut content)?;
    if content.sum.sum() != record.checksum || u64::from(content.sum.amount()) != record.size & 0xffff_ffff {
        return Err(ModuleError::new(format!("{} is damaged: its checksum is not right", name())));
    }
    let modified = match u64::try_from(record.modified) {
        Ok(after) => UNIX_EPOCH + Duration::from_secs(after),
        Err(_) => UNIX_EPOCH - Duration::from_secs(record.modified.unsigned_abs()),
    };
    set_time(replacement.path(), modified).doing(|| format!("cannot set the time of {}", path.display()))?;
    replacement.commit(attributes, context)
}

fn set_time(path: &Path, modified: SystemTime) -> io::Result<()> {
    File::open(path)?.set_modified(modified)
}

/// The content of an entry that is no file of its own: where a link leads to.
pub(super) fn content(archive: &Path, record: &Record) -> Result<Vec<u8>, ModuleError> {
    const LONGEST: u64 = 4096;
    let mut content = Vec::new();
    open(archive, record)?
        .take(LONGEST)
        .read_to_end(&mut content)
        .doing(|| format!("cannot read {} of {}", record.name, archive.display()))?;
    Ok(content)
}

fn open(archive: &Path, record: &Record) -> Result<Box<dyn Read>, ModuleError> {
    const HEAD: u64 = 30;
    let failed = || format!("cannot read {} of {}", record.name, archive.display());
    let mut file = fs::File::open(archive).doing(failed)?;
    file.seek(SeekFrom::Start(record.offset)).doing(failed)?;
    let mut head = [0; HEAD as usize];
    file.read_exact(&mut head).doing(failed)?;
    let lengths = (Bytes(&head).u16(26), Bytes(&head).u16(28));
    let (true, (Some(name), Some(extra))) = (head.starts_with(b"PK\x03\x04"), lengths) else {
        return Err(ModuleError::new(format!("{}: it is not where the list says", failed())));
    };
    let start = record.offset.saturating_add(HEAD + u64::from(name) + u64::from(extra));
    file.seek(SeekFrom::Start(start)).doing(failed)?;
    let content = file.take(record.compressed);
    // One byte more than there should be is enough to see that it is too much.
    let most = record.size.saturating_add(1);
    Ok(if record.method == 0 {
        Box::new(content.take(most))
    } else {
        Box::new(DeflateDecoder::new(content).take(most))
    })
}

/// A content whose checksum is counted while it is read.
struct Checked {
    content: Box<dyn Read>,
    sum: flate2::Crc,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        self.sum.update(&buffer[..length]);
        Ok(length)
    }
}
