//! Requests and results on their way, compressed one after the other: each repeats most of the one before it.

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::LIMIT;

/// What ends each packed payload, and goes without saying (RFC 7692, section 7.2.1).
const END: [u8; 4] = [0, 0, 0xff, 0xff];

/// Packs the payloads of one direction, in the order they are sent.
#[derive(Debug)]
pub struct Packer(Compress);

impl Default for Packer {
    fn default() -> Self {
        Self(Compress::new(Compression::fast(), false))
    }
}

impl Packer {
    /// The payload, packed. It must be sent, for those after it build upon it.
    pub fn pack(&mut self, payload: &[u8]) -> Vec<u8> {
        let start = self.0.total_in();
        let mut packed = Vec::with_capacity(payload.len() / 2 + 64);
        loop {
            let done = usize::try_from(self.0.total_in() - start).unwrap_or(usize::MAX);
            let rest = payload.get(done..).unwrap_or_default();
            // A stream that was never ended takes all there is.
            let _ = self.0.compress_vec(rest, &mut packed, FlushCompress::Sync);
            if packed.len() < packed.capacity() {
                packed.truncate(packed.len() - if packed.ends_with(&END) { END.len() } else { 0 });
                return packed;
            }
            packed.reserve(packed.len().max(64));
        }
    }
}

/// Unpacks the payloads of one direction, in the order they came.
#[derive(Debug)]
pub struct Unpacker(Decompress);

impl Default for Unpacker {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Unpacker {
    /// The payload as it was.
    ///
    /// # Errors
    /// When it is broken, or longer than a payload can be.
    pub fn unpack(&mut self, packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut payload = Vec::with_capacity(packed.len() * 4 + 64);
        for part in [packed, &END] {
            let start = self.0.total_in();
            loop {
                let done = usize::try_from(self.0.total_in() - start).unwrap_or(usize::MAX);
                let rest = part.get(done..).unwrap_or_default();
                let before = payload.len();
                self.0.decompress_vec(rest, &mut payload, FlushDecompress::Sync)?;
                if payload.len() > LIMIT {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a payload is longer than agreed",
                    ));
                }
                let is_taken = usize::try_from(self.0.total_in() - start).unwrap_or(usize::MAX) >= part.len();
                if is_taken && payload.len() < payload.capacity() {
                    break;
                }
                if !is_taken && payload.len() == before && payload.len() < payload.capacity() {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a payload is broken"));
                }
                payload.reserve(payload.len().max(64));
            }
        }
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn payloads_come_back(payloads: Vec<Vec<u8>>) {
            let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
            for payload in payloads {
                proptest::prop_assert_eq!(unpacker.unpack(&packer.pack(&payload)).unwrap(), payload);
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<Vec<u8>>) {
            let mut unpacker = Unpacker::default();
            for bytes in bytes {
                let _ = unpacker.unpack(&bytes);
            }
        }
    }

    #[test]
    fn large_payloads_come_back() {
        let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
        let mut state = 1_u32;
        for size in [1_000_000, 70_000, 3_000_000] {
            let payload: Vec<u8> = (0..size)
                .map(|place| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if place % 3 == 0 { 7 } else { state.to_be_bytes()[0] }
                })
                .collect();
            assert_eq!(unpacker.unpack(&packer.pack(&payload)).unwrap(), payload);
        }
    }

    #[test]
    fn what_repeats_takes_little() {
        let mut packer = Packer::default();
        let result = |number: u32| {
            format!(
                r#"{{"changed":true,"cmd":["/bin/echo","{number}"],"rc":0,"start":"2026-11-26 13:07:25.{number:06}","stdout":"{number}","stderr":""}}"#
            )
        };
        packer.pack(result(1).as_bytes());
        let packed = packer.pack(result(2).as_bytes());
        assert!(packed.len() < 30, "{} bytes", packed.len());
    }

    #[test]
    fn a_bomb_is_refused() {
        let packed = Packer::default().pack(&vec![0; LIMIT + 1]);
        assert!(Unpacker::default().unpack(&packed).is_err());
    }
}
