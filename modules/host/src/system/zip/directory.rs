//! The list at the end of a zip archive.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::ModuleError;
use crate::module::Doing as _;
use crate::system::clock;

/// How long the end of an archive is, with the longest remark it can have.
const END: u64 = 22 + 65_535;

/// No list is longer: a million names of a hundred bytes.
const MOST: u64 = 256 * 1024 * 1024;

/// One thing in an archive, as its list tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its name; a folder's ends in a slash.
    pub name: String,
    /// Permissions; `None` where they are not told.
    pub mode: Option<u32>,
    /// Whether it is a symbolic link: its content is where that leads to.
    pub is_link: bool,
    is_encrypted: bool,
    /// How it is compressed: 0 not at all, 8 deflated.
    pub method: u16,
    /// CRC-32 of its content.
    pub checksum: u32,
    /// How long it is in the archive.
    pub compressed: u64,
    /// How long it is.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Where in the file it begins.
    pub offset: u64,
}

impl Record {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        !self.is_link && self.name.ends_with('/')
    }

    /// Whether it can be unpacked without help.
    pub fn is_plain(&self) -> bool {
        !self.is_encrypted && matches!(self.method, 0 | 8)
    }
}

/// Whether a file ends as a zip archive does.
pub fn is_zip(path: &Path) -> bool {
    File::open(path).is_ok_and(|mut file| matches!(ends(&mut file), Ok(Some(_))))
}

/// Reads the list of an archive.
///
/// # Errors
/// When it is not whole.
pub fn read(path: &Path) -> Result<Vec<Record>, ModuleError> {
    let name = path.display();
    let broken = |what: &str| ModuleError::new(format!("{name} is no whole zip archive: {what}"));
    let failed = || format!("cannot read {name}");
    let mut file = File::open(path).doing(failed)?;
    let end = ends(&mut file).doing(failed)?.ok_or_else(|| broken("its list of contents is not there"))?;
    if end.length > MOST {
        return Err(broken("its list of contents is too long"));
    }
    file.seek(SeekFrom::Start(end.offset.saturating_add(end.shift))).doing(failed)?;
    let mut list = Vec::new();
    file.take(end.length).read_to_end(&mut list).doing(failed)?;
    let mut records = Vec::new();
    let mut rest = list.as_slice();
    while records.len() as u64 != end.count {
        let (mut record, after) = record(rest).ok_or_else(|| broken("its list of contents is cut off"))?;
        record.offset = record.offset.saturating_add(end.shift);
        records.push(record);
        rest = after;
    }
    Ok(records)
}

/// The CRC-32 of a file.
///
/// # Errors
/// When it cannot be read.
pub fn checksum(path: &Path) -> Result<u32, ModuleError> {
    const PIECE: usize = 64 * 1024;
    let failed = || format!("cannot read {}", path.display());
    let mut file = File::open(path).doing(failed)?;
    let mut sum = flate2::Crc::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).doing(failed)? {
            0 => return Ok(sum.sum()),
            length => sum.update(&piece[..length]),
        }
    }
}

/// Where the list is.
struct End {
    count: u64,
    length: u64,
    offset: u64,
    /// How much there is in front of the archive that its numbers do not know of.
    shift: u64,
}

fn ends(file: &mut File) -> std::io::Result<Option<End>> {
    const SIGNATURE: &[u8] = b"PK\x05\x06";
    let length = file.metadata()?.len();
    let start = length.saturating_sub(END);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(END).read_to_end(&mut tail)?;
    let Some(at) = tail.windows(SIGNATURE.len()).rposition(|part| part == SIGNATURE) else { return Ok(None) };
    let end = Bytes(&tail[at..]);
    let (Some(count), Some(size), Some(offset)) = (end.u16(10), end.u32(12), end.u32(16)) else {
        return Ok(None);
    };
    let at = start + at as u64;
    if count == u16::MAX || size == u32::MAX || offset == u32::MAX {
        return large_end(file, at);
    }
    let (size, offset) = (u64::from(size), u64::from(offset));
    let shift = at.saturating_sub(size).saturating_sub(offset);
    Ok(Some(End { count: u64::from(count), length: size, offset, shift }))
}

/// The end of an archive with large numbers, which is before the usual one.
fn large_end(file: &mut File, at: u64) -> std::io::Result<Option<End>> {
    let mut locator = [0; 20];
    let Some(before) = at.checked_sub(20) else { return Ok(None) };
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut locator)?;
    let Some(offset) = Bytes(&locator).u64(8).filter(|_| locator.starts_with(b"PK\x06\x07")) else {
        return Ok(None);
    };
    let mut end = [0; 56];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut end)?;
    let end = Bytes(&end);
    let (Some(count), Some(length), Some(offset)) = (end.u64(32), end.u64(40), end.u64(48)) else {
        return Ok(None);
    };
    Ok(end.0.starts_with(b"PK\x06\x06").then_some(End { count, length, offset, shift: 0 }))
}

/// The first record of a list, and the rest of it.
fn record(list: &[u8]) -> Option<(Record, &[u8])> {
    const LENGTH: usize = 46;
    const UNIX: u8 = 3;
    const MACOS: u8 = 19;
    let head = Bytes(list);
    if !list.starts_with(b"PK\x01\x02") {
        return None;
    }
    let (name, extra, remark) = (head.u16(28)?, head.u16(30)?, head.u16(32)?);
    let name_end = LENGTH + usize::from(name);
    let extra_end = name_end + usize::from(extra);
    let system = *list.get(5)?;
    let attributes = head.u32(38)? >> 16;
    let is_unix = matches!(system, UNIX | MACOS) && attributes != 0;
    let mut record = Record {
        name: String::from_utf8_lossy(list.get(LENGTH..name_end)?).into_owned(),
        mode: is_unix.then_some(attributes & 0o777),
        is_link: is_unix && attributes & 0o170_000 == 0o120_000,
        is_encrypted: head.u16(8)? & 1 != 0,
        method: head.u16(10)?,
        checksum: head.u32(16)?,
        compressed: u64::from(head.u32(20)?),
        size: u64::from(head.u32(24)?),
        modified: dos_time(head.u16(14)?, head.u16(12)?),
        offset: u64::from(head.u32(42)?),
    };
    if system == 0 {
        // Archives of DOS and Windows have its separators.
        record.name = record.name.replace('\\', "/");
    }
    extend(&mut record, list.get(name_end..extra_end)?);
    let rest = list.get(extra_end + usize::from(remark)..)?;
    Some((record, rest))
}

/// Reads what further fields say: large numbers, and the time to the second.
fn extend(record: &mut Record, mut extra: &[u8]) {
    const LARGE: u16 = 0x0001;
    const TIME: u16 = 0x5455;
    while let (Some(id), Some(length)) = (Bytes(extra).u16(0), Bytes(extra).u16(2)) {
        let Some(field) = extra.get(4..4 + usize::from(length)) else { return };
        if id == LARGE {
            let mut at = 0;
            for number in [&mut record.size, &mut record.compressed, &mut record.offset] {
                if *number == u64::from(u32::MAX)
                    && let Some(large) = Bytes(field).u64(at)
                {
                    *number = large;
                    at += 8;
                }
            }
        }
        if id == TIME
            && field.first().is_some_and(|flags| flags & 1 != 0)
            && let Some(time) = Bytes(field).u32(1)
        {
            record.modified = i64::from(time.cast_signed());
        }
        extra = &extra[4 + usize::from(length)..];
    }
}

/// Seconds since 1970 of a local time as DOS keeps it.
fn dos_time(date: u16, time: u16) -> i64 {
    let (date, time) = (u32::from(date), u32::from(time));
    let day = (i64::from(1980 + (date >> 9)), (date >> 5 & 15).clamp(1, 12), (date & 31).max(1));
    clock::from_local(day, (time >> 11, time >> 5 & 63, (time & 31) * 2))
}

/// Numbers at places.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn u16(&self, at: usize) -> Option<u16> {
        self.0.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&self, at: usize) -> Option<u32> {
        self.0.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.0.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_list_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = record(&bytes);
            let _ = record(&[b"PK\x01\x02".as_slice(), &bytes].concat());
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("zip");
            std::fs::write(&path, [&bytes, b"PK\x05\x06".as_slice(), &bytes].concat()).unwrap();
            let _ = read(&path);
        }
    }

    #[test]
    fn what_is_cut_off_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        std::fs::write(&path, b"PK\x03\x04").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no whole zip archive"));
        assert!(!is_zip(&path));
    }
}
