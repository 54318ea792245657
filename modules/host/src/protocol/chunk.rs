//! Pieces of files, compressed.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// How many bytes of a file go into one piece, before compression.
pub const CHUNK: usize = 256 * 1024;

/// A piece, compressed.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// A piece as it was.
///
/// # Errors
/// When it is broken, or would be longer than a piece can be.
pub fn decompress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX) + 1;
    DeflateDecoder::new(bytes).take(limit).read_to_end(&mut piece)?;
    if piece.len() > CHUNK {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a piece is longer than agreed"));
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn pieces_come_back(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(decompress(&compress(&bytes)).unwrap(), bytes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decompress(&bytes);
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        assert!(decompress(&compress(&vec![0; CHUNK + 1])).is_err());
    }
}
