//! Frames.

use std::io::{self, Read};

use thiserror::Error;

use super::Kind;

/// The largest payload, in bytes: more than any result or chunk needs, less than what would hurt.
pub const LIMIT: usize = 64 * 1024 * 1024;

/// Bytes in front of each payload.
pub const HEADER: usize = 9;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The request it belongs to; 0 for none.
    pub id: u32,
    /// What it is.
    pub kind: Kind,
    /// Its content.
    pub payload: Vec<u8>,
}

/// Why bytes are no frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other end went away, or the system failed.
    #[error("the connection ended: {0}")]
    Io(#[from] io::Error),
    /// The other end speaks something else.
    #[error("this is no frame: {0}")]
    Garbage(String),
}

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Bytes of payload.
    pub length: usize,
    /// The request.
    pub id: u32,
    /// The kind.
    pub kind: Kind,
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// When the length is beyond [`LIMIT`] or the kind is not known.
    pub fn parse(bytes: &[u8; HEADER]) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, i0, i1, i2, i3, kind] = *bytes;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > LIMIT {
            return Err(FrameError::Garbage(format!("a payload of {length} bytes")));
        }
        let kind = Kind::from_byte(kind).ok_or_else(|| FrameError::Garbage(format!("kind {kind}")))?;
        Ok(Self { length, id: u32::from_le_bytes([i0, i1, i2, i3]), kind })
    }
}

impl Frame {
    /// A frame.
    pub fn new(id: u32, kind: Kind, payload: impl Into<Vec<u8>>) -> Self {
        Self { id, kind, payload: payload.into() }
    }

    /// The frame as bytes, header first. A payload beyond [`LIMIT`] is cut there; senders keep below it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.payload.len().min(LIMIT);
        let mut bytes = Vec::with_capacity(HEADER + length);
        bytes.extend(u32::try_from(length).unwrap_or(0).to_le_bytes());
        bytes.extend(self.id.to_le_bytes());
        bytes.push(self.kind as u8);
        bytes.extend(&self.payload[..length]);
        bytes
    }

    /// Reads the next frame; `None` at the end.
    ///
    /// # Errors
    /// When the reader ends within a frame, or what it gives is none.
    pub fn read(reader: &mut impl Read) -> Result<Option<Self>, FrameError> {
        let mut header = [0; HEADER];
        let first = loop {
            match reader.read(&mut header) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        reader.read_exact(&mut header[first..])?;
        let Header { length, id, kind } = Header::parse(&header)?;
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload)?;
        Ok(Some(Self { id, kind, payload }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_back(id: u32, payload: Vec<u8>) {
            let frame = Frame::new(id, Kind::Response, payload);
            let bytes = frame.to_bytes();
            let mut reader = bytes.as_slice();
            prop_assert_eq!(Frame::read(&mut reader).unwrap(), Some(frame));
            prop_assert_eq!(Frame::read(&mut reader).unwrap(), None);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut reader = bytes.as_slice();
            while let Ok(Some(_)) = Frame::read(&mut reader) {}
        }
    }

    #[test]
    fn a_huge_length_is_refused_before_memory_is_taken() {
        let mut bytes = vec![0xff; 4];
        bytes.extend([0, 0, 0, 0, Kind::Response as u8]);
        assert!(matches!(Frame::read(&mut bytes.as_slice()), Err(FrameError::Garbage(_))));
    }
}
