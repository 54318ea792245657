//! Unpacks a program that travels behind this one, in the same file.
//!
//! The file is this program, the other one packed by `xz`, and eight bytes, little-endian, that say where the packed part
//! begins. So an agent is small on its way to every host, whatever the host has to unpack with.

#![no_std]

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, CWD, Mode, OFlags, SeekFrom};
use rustix::io::{self, Errno};
use rustix::path::Arg;
use xz4rust::{XzDecoder, XzNextBlockResult};

/// How much of what was unpacked may be referred back to, in bytes: what [`unpack`] needs as memory. `xtask` packs so.
pub const DICTIONARY: usize = 8 * 1024 * 1024;

/// Unpacks what travels in the file `packed` into `new`, and puts that in the place of `packed`.
///
/// # Errors
///
/// When a file cannot be read or written, or is no such file ([`Errno::ILSEQ`]). `packed` is then left as it was.
pub fn unpack(packed: impl Arg + Copy, new: impl Arg + Copy, dictionary: &mut [u8]) -> io::Result<()> {
    let from = fs::open(packed, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = fs::open(new, flags, Mode::RWXU)?;
    decode(from.as_fd(), to.as_fd(), dictionary)?;
    fs::fchmod(&to, Mode::RWXU)?;
    // A file that is open for writing cannot be executed.
    drop(to);
    fs::renameat(CWD, new, CWD, packed)
}

fn decode(from: BorrowedFd<'_>, to: BorrowedFd<'_>, dictionary: &mut [u8]) -> io::Result<()> {
    let mut trailer = [0; 8];
    let end = fs::seek(from, SeekFrom::End(-8))?;
    fill(from, &mut trailer)?;
    let begin = u64::from_le_bytes(trailer);
    let mut left = end.checked_sub(begin).ok_or(Errno::ILSEQ)?;
    fs::seek(from, SeekFrom::Start(begin))?;

    let mut decoder = XzDecoder::with_fixed_size_dict(dictionary);
    let (mut input, mut output) = ([0; 32 * 1024], [0; 32 * 1024]);
    let (mut at, mut full) = (0, 0);
    loop {
        if at == full && left > 0 {
            full = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            fill(from, &mut input[..full])?;
            (at, left) = (0, left - full as u64);
        }
        let step = decoder.decode(&input[at..full], &mut output).map_err(|_| Errno::ILSEQ)?;
        at += step.input_consumed();
        write(to, &output[..step.output_produced()])?;
        match step {
            XzNextBlockResult::EndOfStream(..) => return Ok(()),
            step if !step.made_progress() => return Err(Errno::ILSEQ),
            XzNextBlockResult::NeedMoreData(..) => {}
        }
    }
}

fn fill(from: BorrowedFd<'_>, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        let read = io::retry_on_intr(|| io::read(from, &mut *buffer))?;
        if read == 0 {
            return Err(Errno::ILSEQ);
        }
        buffer = &mut buffer[read..];
    }
    Ok(())
}

fn write(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = io::retry_on_intr(|| io::write(to, bytes))?;
        bytes = &bytes[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::path::Path;
    use std::process::Command;
    use std::vec::Vec;
    use std::{format, fs, vec};

    use rustix::io::Errno;

    use super::{DICTIONARY, unpack};

    /// A file that holds a program and, packed behind it, the content.
    fn packed(folder: &Path, content: &[u8]) -> Vec<u8> {
        let plain = folder.join("plain");
        fs::write(&plain, content).unwrap();
        let options = ["--check=crc32", "--x86", "--lzma2=preset=1,dict=8MiB", "--stdout"];
        let xz = Command::new("xz").args(options).arg(&plain).output().unwrap();
        assert!(xz.status.success());
        let mut file = b"a program".to_vec();
        file.extend(xz.stdout);
        file.extend(9u64.to_le_bytes());
        file
    }

    #[test]
    fn what_travels_takes_the_place_of_what_carries_it() {
        let folder = tempfile::tempdir().unwrap();
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        for content in [&own[..], b"x", b""] {
            let (carrier, new) = (folder.path().join("carrier"), folder.path().join("new"));
            fs::write(&carrier, packed(folder.path(), content)).unwrap();
            unpack(&carrier, &new, &mut vec![0; DICTIONARY]).unwrap();
            assert!(fs::read(&carrier).unwrap() == content);
            assert!(!new.exists());
        }
    }

    #[test]
    fn what_was_cut_off_or_changed_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let whole = packed(folder.path(), &vec![7; 100_000]);
        let (carrier, new) = (folder.path().join("carrier"), folder.path().join("new"));
        let mut changed = whole.clone();
        changed[60] ^= 1;
        let cut = [&whole[..whole.len() - 20], &whole[whole.len() - 8..]].concat();
        let mut beyond = whole.clone();
        beyond[whole.len() - 8..].copy_from_slice(&u64::MAX.to_le_bytes());
        for bad in [changed, cut, beyond, vec![], b"12345678".to_vec()] {
            fs::write(&carrier, &bad).unwrap();
            let error = unpack(&carrier, &new, &mut vec![0; DICTIONARY]).unwrap_err();
            assert!(matches!(error, Errno::ILSEQ | Errno::INVAL), "{}", format!("{error:?}"));
            assert_eq!(fs::read(&carrier).unwrap(), bad);
        }
    }
}
