//! Protocol Buffers on the wire: as much of them as the container runtime interface needs.

use std::collections::BTreeMap;

use crate::failure::{Failure, Result};

/// A message that is being written. What has its default is left out.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn text(self, field: u32, text: &str) -> Self {
        if text.is_empty() { self } else { self.piece(field, text.as_bytes()) }
    }

    pub(super) fn texts(self, field: u32, texts: &[String]) -> Self {
        texts.iter().fold(self, |writer, text| writer.piece(field, text.as_bytes()))
    }

    pub(super) fn number(mut self, field: u32, number: u64) -> Self {
        if number != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(number);
        }
        self
    }

    pub(super) fn message(self, field: u32, message: &Self) -> Self {
        self.piece(field, &message.0)
    }

    pub(super) fn map(self, field: u32, map: &BTreeMap<String, String>) -> Self {
        let entry = |(key, value): (&String, &String)| Self::default().text(1, key).text(2, value);
        map.iter().map(entry).fold(self, |writer, entry| writer.message(field, &entry))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }

    fn piece(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }
}

/// A message that was read.
#[derive(Default)]
pub(super) struct Reader<'a>(Vec<(u32, Value<'a>)>);

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut fields = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            let value = match tag & 7 {
                0 => Some(Value::Number(varint(&mut rest)?)),
                1 => taken(&mut rest, 8).map(|_| Value::Number(0)),
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).unwrap_or(usize::MAX);
                    taken(&mut rest, length).map(Value::Bytes)
                }
                5 => taken(&mut rest, 4).map(|_| Value::Number(0)),
                _ => None,
            };
            let field = u32::try_from(tag >> 3).map_err(|_| broken())?;
            fields.push((field, value.ok_or_else(broken)?));
        }
        Ok(Self(fields))
    }

    pub(super) fn text(&self, field: u32) -> String {
        let bytes = self.pieces(field).last().unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    }

    pub(super) fn number(&self, field: u32) -> u64 {
        let mut numbers = self.0.iter().filter_map(|(found, value)| match value {
            Value::Number(number) if *found == field => Some(*number),
            _ => None,
        });
        numbers.next_back().unwrap_or_default()
    }

    /// The message of a field; one without any field where there is none.
    pub(super) fn message(&self, field: u32) -> Result<Self> {
        self.pieces(field).last().map_or_else(|| Ok(Self::default()), Self::new)
    }

    pub(super) fn messages(&self, field: u32) -> Result<Vec<Self>> {
        self.pieces(field).map(Self::new).collect()
    }

    pub(super) fn has(&self, field: u32) -> bool {
        self.pieces(field).next().is_some()
    }

    fn pieces(&self, field: u32) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.0.iter().filter_map(move |(found, value)| match value {
            Value::Bytes(bytes) if *found == field => Some(*bytes),
            _ => None,
        })
    }
}

fn broken() -> Failure {
    Failure::new("rpc error: code = Internal desc = cannot decode the answer")
}

fn taken<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, after) = rest.split_first().ok_or_else(broken)?;
        *rest = after;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(broken())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let inner = Writer::default().text(1, "ü").number(2, 300);
        let bytes = Writer::default()
            .message(16, &inner)
            .map(3, &labels)
            .texts(4, &["x".to_owned(), String::new()])
            .text(5, "")
            .bytes();
        let read = Reader::new(&bytes).unwrap();
        let inner = read.message(16).unwrap();
        assert_eq!((inner.text(1).as_str(), inner.number(2)), ("ü", 300));
        assert_eq!(read.messages(3).unwrap()[0].text(2), "b");
        assert_eq!((read.pieces(4).count(), read.has(5), read.number(6)), (2, false, 0));
    }

    #[test]
    fn what_is_broken_is_refused() {
        for bytes in [&[0x80][..], &[0x0a, 5, 1], &[0x0b], &[0xff; 11]] {
            assert!(Reader::new(bytes).is_err(), "{bytes:?}");
        }
    }
}
