//! Zip archives: writing them, and reading what is in one.

pub mod directory;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::system::clock;

/// From this length on a file's numbers need more room.
const LARGE: u64 = 0xffff_0000;

/// What the numbers without more room say then.
const ELSEWHERE: u32 = u32::MAX;

/// The version of the format that has all that is used here.
const VERSION: u16 = 45;

/// The system whose permissions records have.
const UNIX: u16 = 3;

/// Names are in UTF-8.
const UTF8: u16 = 1 << 11;

/// An archive being written.
pub struct ZipWriter<W: Write + Seek> {
    out: W,
    list: Vec<u8>,
    count: u64,
}

/// What is put into an archive.
pub struct Item<'a> {
    /// Its name; a folder's ends in a slash.
    pub name: &'a str,
    /// Kind and permissions, as `st_mode` has them.
    pub mode: u32,
    /// When it was changed last.
    pub modified: SystemTime,
    /// How long its content is, as far as that is known.
    pub length: u64,
}

impl<W: Write + Seek> ZipWriter<W> {
    /// Begins an archive.
    pub fn new(out: W) -> Self {
        Self { out, list: Vec::new(), count: 0 }
    }

    /// Adds a file, a folder (without a content), or a symbolic link (its content is where it leads to).
    ///
    /// # Errors
    /// When the content cannot be read or the archive cannot be written.
    pub fn add(&mut self, item: &Item<'_>, content: &mut dyn Read) -> io::Result<()> {
        let offset = self.out.stream_position()?;
        let is_large = item.length >= LARGE;
        let method: u16 = if item.name.ends_with('/') { 0 } else { 8 };
        let mut times = Vec::new();
        let seconds = item.modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if let Ok(seconds) = i32::try_from(seconds) {
            times.extend([0x55, 0x54, 5, 0, 1]);
            times.extend(seconds.to_le_bytes());
        }
        let extra = |large: &[u64]| {
            let mut extra = times.clone();
            if !large.is_empty() {
                extra.extend(1_u16.to_le_bytes());
                extra.extend(((large.len() * 8) as u16).to_le_bytes());
                extra.extend(large.iter().flat_map(|number| number.to_le_bytes()));
            }
            extra
        };
        let head = |checksum: u32, compressed: u64, length: u64| {
            let large = if is_large { vec![length, compressed] } else { Vec::new() };
            let extra = extra(&large);
            let mut head = Vec::from(b"PK\x03\x04");
            common(&mut head, item, method, [checksum, small(compressed, is_large), small(length, is_large)]);
            head.extend((extra.len() as u16).to_le_bytes());
            head.extend(item.name.as_bytes());
            head.extend(extra);
            head
        };
        self.out.write_all(&head(0, 0, 0))?;
        let start = self.out.stream_position()?;
        let (checksum, length) = self.content(method, content)?;
        let end = self.out.stream_position()?;
        if !is_large && (length >= LARGE || end - start >= LARGE) {
            return Err(io::Error::other(format!("{} grew while it was read", item.name)));
        }
        self.out.seek(SeekFrom::Start(offset))?;
        self.out.write_all(&head(checksum, end - start, length))?;
        self.out.seek(SeekFrom::Start(end))?;
        // The record in the list.
        let mut large = if is_large { vec![length, end - start] } else { Vec::new() };
        large.extend((offset >= LARGE).then_some(offset));
        let extra = extra(&large);
        self.list.extend(b"PK\x01\x02");
        self.list.extend((VERSION | UNIX << 8).to_le_bytes());
        let numbers = [checksum, small(end - start, is_large), small(length, is_large)];
        common(&mut self.list, item, method, numbers);
        self.list.extend((extra.len() as u16).to_le_bytes());
        self.list.extend([0; 6]);
        let of_dos: u32 = if item.name.ends_with('/') { 0x10 } else { 0 };
        self.list.extend((item.mode << 16 | of_dos).to_le_bytes());
        self.list.extend(small(offset, offset >= LARGE).to_le_bytes());
        self.list.extend(item.name.as_bytes());
        self.list.extend(extra);
        self.count += 1;
        Ok(())
    }

    /// Writes a content; returns its checksum and its length.
    fn content(&mut self, method: u16, content: &mut dyn Read) -> io::Result<(u32, u64)> {
        const PIECE: usize = 64 * 1024;
        let mut sum = flate2::Crc::new();
        let mut total = 0;
        if method == 0 {
            return Ok((0, 0));
        }
        let mut deflated = DeflateEncoder::new(&mut self.out, Compression::default());
        let mut piece = vec![0; PIECE];
        loop {
            let length = content.read(&mut piece)?;
            if length == 0 {
                break;
            }
            sum.update(&piece[..length]);
            deflated.write_all(&piece[..length])?;
            total += length as u64;
        }
        deflated.finish()?;
        Ok((sum.sum(), total))
    }

    /// Writes the list of contents.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let start = self.out.stream_position()?;
        self.out.write_all(&self.list)?;
        let length = self.list.len() as u64;
        let is_large = start >= LARGE || length >= LARGE || self.count >= u64::from(u16::MAX);
        if is_large {
            let place = self.out.stream_position()?;
            let mut end = Vec::from(b"PK\x06\x06");
            end.extend(44_u64.to_le_bytes());
            end.extend([VERSION.to_le_bytes(), VERSION.to_le_bytes()].concat());
            end.extend([0; 8]);
            for number in [self.count, self.count, length, start] {
                end.extend(number.to_le_bytes());
            }
            end.extend(b"PK\x06\x07\0\0\0\0");
            end.extend(place.to_le_bytes());
            end.extend(1_u32.to_le_bytes());
            self.out.write_all(&end)?;
        }
        let count = if is_large { u16::MAX } else { self.count as u16 };
        let mut end = Vec::from(b"PK\x05\x06\0\0\0\0");
        end.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        end.extend(small(length, is_large).to_le_bytes());
        end.extend(small(start, is_large).to_le_bytes());
        end.extend([0; 2]);
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn small(number: u64, is_large: bool) -> u32 {
    if is_large { ELSEWHERE } else { u32::try_from(number).unwrap_or(ELSEWHERE) }
}

/// What a record has in both places, up to the length of the name.
fn common(to: &mut Vec<u8>, item: &Item<'_>, method: u16, numbers: [u32; 3]) {
    let when = clock::local(item.modified);
    let year = u16::try_from(when.year - 1980).unwrap_or(0).min(127);
    let date = year << 9 | (when.month as u16) << 5 | when.day as u16;
    let time = (when.hour as u16) << 11 | (when.minute as u16) << 5 | (when.second / 2) as u16;
    for number in [VERSION, UTF8, method, time, date] {
        to.extend(number.to_le_bytes());
    }
    to.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
    to.extend((item.name.len() as u16).to_le_bytes());
}
