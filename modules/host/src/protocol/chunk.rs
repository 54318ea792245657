//! Pieces of files, compressed.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// How many bytes of a file go into one piece, before compression.
pub const CHUNK: usize = 256 * 1024;

/// How many pieces go as they are after one that became hardly smaller.
const REST: u32 = 15;

/// Compresses the pieces of a file. Where that gains nothing, as with what is compressed already, it is not tried for a while: it
/// would take longer than all else.
#[derive(Debug, Default)]
pub struct Compressor {
    resting: u32,
}

impl Compressor {
    /// The next piece, compressed.
    pub fn piece(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.resting > 0 {
            self.resting -= 1;
            return stored(bytes);
        }
        let packed = deflate(bytes, Compression::fast());
        if packed.len() > bytes.len() / 10 * 9 {
            self.resting = REST;
        }
        packed
    }
}

fn deflate(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 2), level);
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// The most that a block of deflate's holds as it is (RFC 1951, section 3.2.4).
const BLOCK: usize = 65_535;

/// The bytes as they are, in the form that compressed ones have.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + (bytes.len() / BLOCK + 1) * 5);
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at(rest.len().min(BLOCK));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(after.is_empty()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
        if after.is_empty() {
            return out;
        }
        rest = after;
    }
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
            let mut compressor = Compressor::default();
            for _ in 0..3 {
                proptest::prop_assert_eq!(&decompress(&compressor.piece(&bytes)).unwrap(), &bytes);
            }
        }

        #[test]
        fn what_is_stored_comes_back(length in 0_usize..200_000) {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            proptest::prop_assert_eq!(&decompress(&stored(&bytes)).unwrap(), &bytes);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = decompress(&bytes);
        }
    }

    #[test]
    fn what_does_not_become_smaller_is_left_alone_for_a_while() {
        let mut seed = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
        .take(CHUNK)
        .collect();
        let text = vec![b'a'; CHUNK];
        let mut compressor = Compressor::default();
        compressor.piece(&noise);
        for _ in 0..REST {
            let piece = compressor.piece(&text);
            assert!(piece.len() >= CHUNK);
            assert_eq!(decompress(&piece).unwrap(), text);
        }
        assert!(compressor.piece(&text).len() < CHUNK / 100);
        assert!(compressor.piece(&text).len() < CHUNK / 100);
    }

    #[test]
    fn a_bomb_is_refused() {
        assert!(decompress(&Compressor::default().piece(&vec![0; CHUNK + 1])).is_err());
    }
}
