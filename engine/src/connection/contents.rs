//! Contents that hosts ask for, cut into frames.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read};
use std::sync::Arc;

use clouder_modules::protocol::{CHUNK, Compressor, Frame, Kind};

/// Contents that a host may ask for, by SHA-256.
pub trait Contents: Send + Sync {
    /// The content of a hash.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    fn open(&self, sha256: &str) -> std::io::Result<Box<dyn Read + Send>>;
}

/// The contents that one request asked for, as frames.
pub(super) struct Supply {
    /// The request.
    pub(super) id: u32,
    hashes: VecDeque<String>,
    contents: Option<Arc<dyn Contents>>,
    current: Option<Box<dyn Read + Send>>,
    compressor: Compressor,
    /// What was read last.
    piece: Vec<u8>,
}

impl Supply {
    pub(super) fn new(id: u32, hashes: VecDeque<String>, contents: Option<Arc<dyn Contents>>) -> Self {
        Self { id, hashes, contents, current: None, compressor: Compressor::default(), piece: Vec::new() }
    }

    /// The next frames: a large piece of one content, or many small contents. After one that cannot be read there are no
    /// more.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let mut frames = Vec::new();
        let mut left = CHUNK;
        let mut add = |kind, payload| frames.extend(Frame::new(self.id, kind, payload).to_bytes());
        while left > 0 {
            let mut reader = match self.current.take() {
                Some(reader) => reader,
                None => {
                    let Some(hash) = self.hashes.pop_front() else { break };
                    self.compressor = Compressor::default();
                    match open(self.contents.as_deref(), &hash) {
                        Ok(reader) => reader,
                        Err(error) => {
                            add(Kind::Missing, error.to_string().into_bytes());
                            self.hashes.clear();
                            break;
                        }
                    }
                }
            };
            self.piece.clear();
            match (&mut reader).take(left as u64).read_to_end(&mut self.piece) {
                Ok(read) => {
                    if read > 0 {
                        add(Kind::Chunk, self.compressor.piece(&self.piece));
                    }
                    if read < left {
                        add(Kind::ChunkEnd, Vec::new());
                    } else {
                        self.current = Some(reader);
                    }
                    left -= read;
                }
                Err(error) => {
                    add(Kind::Missing, error.to_string().into_bytes());
                    self.hashes.clear();
                    break;
                }
            }
        }
        (!frames.is_empty()).then_some(frames)
    }
}

fn open(contents: Option<&dyn Contents>, hash: &str) -> std::io::Result<Box<dyn Read + Send>> {
    match contents {
        Some(contents) => contents.open(hash),
        None => Err(Error::new(ErrorKind::NotFound, "the task has no contents")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use clouder_modules::protocol::decompress;

    use super::*;

    /// Contents by made-up hashes.
    struct Given(Vec<(&'static str, Vec<u8>)>);

    impl Contents for Given {
        fn open(&self, sha256: &str) -> std::io::Result<Box<dyn Read + Send>> {
            let found = self.0.iter().find(|(name, _)| *name == sha256);
            let (_, content) = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such content"))?;
            Ok(Box::new(Cursor::new(content.clone())))
        }
    }

    /// What a host makes of the frames: the contents, what is missing, and how many batches there were.
    fn taken(given: Given, hashes: &[&str]) -> (Vec<Vec<u8>>, Option<String>, usize) {
        let hashes = hashes.iter().map(|hash| (*hash).to_owned()).collect();
        let mut supply = Supply::new(7, hashes, Some(Arc::new(given)));
        let (mut contents, mut missing, mut batches) = (Vec::new(), None, 0);
        let mut current = Vec::new();
        while let Some(batch) = supply.next() {
            batches += 1;
            let mut reader = batch.as_slice();
            while let Some(frame) = Frame::read(&mut reader).unwrap() {
                assert_eq!(frame.id, 7);
                match frame.kind {
                    Kind::Chunk => current.extend(decompress(&frame.payload).unwrap()),
                    Kind::ChunkEnd => contents.push(std::mem::take(&mut current)),
                    Kind::Missing => missing = Some(String::from_utf8(frame.payload).unwrap()),
                    other => panic!("{other:?}"),
                }
            }
        }
        (contents, missing, batches)
    }

    #[test]
    fn small_contents_go_together_and_large_ones_in_pieces() {
        let large: Vec<u8> = (0..CHUNK * 2 + 10).map(|at| (at % 251) as u8).collect();
        let exact = vec![1; CHUNK];
        let given = Given(vec![
            ("a", b"one".to_vec()),
            ("e", Vec::new()),
            ("l", large.clone()),
            ("x", exact.clone()),
        ]);
        assert_eq!(taken(given, &["a", "e"]), (vec![b"one".to_vec(), Vec::new()], None, 1));
        let given = Given(vec![("a", b"one".to_vec()), ("l", large.clone()), ("x", exact.clone())]);
        let (contents, missing, batches) = taken(given, &["l", "x", "a"]);
        assert_eq!((contents, missing), (vec![large, exact, b"one".to_vec()], None));
        assert_eq!(batches, 4);
    }

    #[test]
    fn nothing_follows_what_is_missing() {
        let given = Given(vec![("a", b"one".to_vec())]);
        let (contents, missing, _) = taken(given, &["a", "gone", "a"]);
        assert_eq!((contents, missing.as_deref()), (vec![b"one".to_vec()], Some("no such content")));
    }
}
