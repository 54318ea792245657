//! Digests of files and texts, in lower-case hex.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, crate::args::Choice)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-1, what Ansible calls "the checksum".
    #[choice(alias = "sha")]
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256, what contents are addressed by.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The digest of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(self, path: &Path) -> io::Result<String> {
        self.of_reader(&mut File::open(path)?)
    }

    /// The digest of all that a reader gives.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_reader(self, reader: &mut impl Read) -> io::Result<String> {
        match self {
            Self::Md5 => digest::<Md5>(reader),
            Self::Sha1 => digest::<Sha1>(reader),
            Self::Sha224 => digest::<Sha224>(reader),
            Self::Sha256 => digest::<Sha256>(reader),
            Self::Sha384 => digest::<Sha384>(reader),
            Self::Sha512 => digest::<Sha512>(reader),
        }
    }

    /// The digest of bytes in memory.
    pub fn of_bytes(self, bytes: &[u8]) -> String {
        // Reading from memory cannot fail.
        self.of_reader(&mut &*bytes).unwrap_or_default()
    }
}

/// The digests that results of modules tell, made in one reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Digests {
    /// SHA-1, `checksum` in results.
    pub sha1: String,
    /// MD5, `md5sum` in results.
    pub md5: String,
}

impl Digests {
    /// The digests of all that a reader gives.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<Self> {
        let (mut sha1, mut md5) = (Sha1::new(), Md5::new());
        each_piece(reader, |piece| {
            sha1.update(piece);
            md5.update(piece);
        })?;
        Ok(Self { sha1: hex(&sha1.finalize()), md5: hex(&md5.finalize()) })
    }
}

fn digest<D: Digest>(reader: &mut impl Read) -> io::Result<String> {
    let mut digest = D::new();
    each_piece(reader, |piece| digest.update(piece))?;
    Ok(hex(&digest.finalize()))
}

fn each_piece(reader: &mut impl Read, mut seen: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => seen(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
