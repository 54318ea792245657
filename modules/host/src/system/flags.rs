//! The flags of files on Linux file systems that `chattr` sets and `lsattr` shows.

use std::path::Path;

use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, ioctl_setflags, open};

use crate::ModuleError;
use crate::module::Doing as _;

/// Letter, name as `stat` results have it (some have none) and bit of each flag, in the order of `lsattr`.
const FLAGS: &[(char, &str, u32)] = &[
    ('s', "zero", 0x1),
    ('u', "undelete", 0x2),
    ('S', "synchronous", 0x8),
    ('D', "dirsync", 0x1_0000),
    ('i', "immutable", 0x10),
    ('a', "append", 0x20),
    ('d', "nodump", 0x40),
    ('A', "noatime", 0x80),
    ('c', "compressed", 0x4),
    ('B', "", 0x100),
    ('Z', "compresseddirty", 0x200),
    ('m', "", 0x400),
    ('E', "encrypted", 0x800),
    ('I', "indexed", 0x1000),
    ('j', "journalled", 0x4000),
    ('t', "notail", 0x8000),
    ('T', "blockroot", 0x2_0000),
    ('e', "extents", 0x8_0000),
    ('V', "", 0x10_0000),
    ('C', "nocow", 0x80_0000),
    ('x', "", 0x200_0000),
    ('N', "inline", 0x1000_0000),
    ('P', "", 0x2000_0000),
    ('F', "", 0x4000_0000),
];

/// Those the file system sets by itself: `=` says nothing about them.
const KEPT: u32 = 0x200 | 0x800 | 0x1000 | 0x8_0000 | 0x10_0000 | 0x1000_0000;

/// The flags of a file or folder, as bits; `None` for anything else, and where the file system has none.
pub fn read(path: &Path) -> Option<u32> {
    let kind = path.symlink_metadata().ok()?;
    if !kind.is_file() && !kind.is_dir() {
        return None;
    }
    let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
    ioctl_getflags(&file).ok().map(|flags| flags.bits())
}

/// Sets the flags of a file or folder.
///
/// # Errors
/// When the file system or the user's rights do not allow it.
pub fn write(path: &Path, bits: u32) -> Result<(), ModuleError> {
    let failed = || format!("cannot set the attributes of {}", path.display());
    let file =
        open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).doing(failed)?;
    ioctl_setflags(&file, IFlags::from_bits_retain(bits)).doing(failed)
}

/// The letters of flags, as `lsattr` shows them, without dashes.
pub fn letters(bits: u32) -> String {
    FLAGS.iter().filter(|(_, _, bit)| bits & bit != 0).map(|(letter, _, _)| letter).collect()
}

/// The names of flags, of those that have one.
pub fn names(bits: u32) -> Vec<&'static str> {
    let set = FLAGS.iter().filter(|(_, name, bit)| bits & bit != 0 && !name.is_empty());
    set.map(|(_, name, _)| *name).collect()
}

/// The flags that a request as `chattr` takes it (`+i`, `-a`, `=ae`, `ae`) makes of those there are now.
///
/// # Errors
/// When a letter is no flag.
pub fn resolve(request: &str, now: u32) -> Result<u32, ModuleError> {
    let (operator, letters) = match request.chars().next() {
        Some(operator @ ('+' | '-' | '=')) => (operator, &request[1..]),
        _ => ('=', request),
    };
    let mut bits = 0;
    for letter in letters.chars() {
        let known = FLAGS.iter().find(|(known, _, _)| *known == letter);
        let (_, _, bit) = known.ok_or_else(|| {
            ModuleError::new(format!("attributes `{request}`: `{letter}` is none of the flags of chattr"))
        })?;
        bits |= bit;
    }
    Ok(match operator {
        '+' => now | bits,
        '-' => now & !bits,
        _ => bits | (now & KEPT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_chattr_reads_them() {
        let (immutable, append, extents) = (0x10, 0x20, 0x8_0000);
        assert_eq!(resolve("+i", append).unwrap(), immutable | append);
        assert_eq!(resolve("-i", immutable | append).unwrap(), append);
        assert_eq!(resolve("=a", immutable | extents).unwrap(), append | extents);
        assert_eq!(resolve("ia", 0).unwrap(), immutable | append);
        assert!(resolve("+q", 0).is_err());
        assert_eq!(letters(immutable | append | extents), "iae");
        assert_eq!(names(append | extents), ["append", "extents"]);
    }

    #[test]
    fn only_files_and_folders_have_flags() {
        assert_eq!(read(Path::new("/dev/null")), None);
        assert_eq!(read(Path::new("/no/such")), None);
    }
}
