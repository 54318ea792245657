//! The controller's side of a running module, over frames.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::store::{Store, Stored};
use crate::module::Doing as _;
use crate::protocol::{CHUNK, Compressor, Frame, FrameError, Kind, Packer, decompress};
use crate::system::checksum::hex;
use crate::{Exchange, ModuleError};

/// Where frames go to the controller, one at a time.
pub(super) struct Outbox(Mutex<Writer>);

struct Writer {
    writer: Box<dyn Write + Send>,
    packer: Packer,
}

impl Outbox {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Writer { writer, packer: Packer::default() }))
    }

    pub(super) fn send(&self, mut frame: Frame) -> io::Result<()> {
        let mut writer = self.lock();
        if frame.kind.is_packed() {
            frame.payload = writer.packer.pack(&frame.payload);
        }
        writer.bytes(&frame.to_bytes())
    }

    pub(super) fn json(&self, id: u32, kind: Kind, value: &impl Serialize) -> Result<(), FrameError> {
        let payload = serde_json::to_vec(value).map_err(|error| FrameError::Garbage(error.to_string()))?;
        Ok(self.send(Frame::new(id, kind, payload))?)
    }

    pub(super) fn line(&self, line: &str) -> io::Result<()> {
        self.lock().bytes(format!("{line}\n").as_bytes())
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.writer.flush()
    }
}

/// The exchange of one request.
pub(super) struct FrameExchange {
    id: u32,
    live: bool,
    outbox: Arc<Outbox>,
    store: Arc<Store>,
    incoming: Receiver<Frame>,
    /// Contents that the request was given: they stay as long as it runs.
    held: HashMap<String, Arc<Stored>>,
    /// Why no more contents can come.
    broken: Option<String>,
}

/// How many contents are asked for at once.
const TOGETHER: usize = 1000;

impl FrameExchange {
    pub(super) fn new(
        id: u32,
        live: bool,
        outbox: Arc<Outbox>,
        store: Arc<Store>,
        incoming: Receiver<Frame>,
    ) -> Self {
        Self { id, live, outbox, store, incoming, held: HashMap::new(), broken: None }
    }

    /// Asks for contents and takes them as they come, in order.
    fn ask(&mut self, sha256s: &[&str]) -> Result<(), ModuleError> {
        self.outbox
            .send(Frame::new(self.id, Kind::Need, sha256s.join("\n")))
            .doing(|| "cannot ask the controller".to_owned())?;
        for sha256 in sha256s {
            let stored = Arc::new(self.receive(sha256)?);
            self.store.keep(&stored);
            self.held.insert((*sha256).to_owned(), stored);
        }
        Ok(())
    }

    /// Takes the pieces of a content into a file. Half of one is removed with what stands for it.
    fn receive(&self, sha256: &str) -> Result<Stored, ModuleError> {
        let name = format!("{}-{sha256}", self.id);
        let path = self.store.folder()?.join(&name);
        let failed = |path: &Path| format!("cannot keep {}", path.display());
        let mut file = private_file(&path).doing(|| failed(&path))?;
        let mut stored = Stored { sha256: sha256.to_owned(), path, size: 0 };
        let mut digest = Sha256::new();
        loop {
            let frame = self.incoming.recv().map_err(|_| ModuleError::new("the controller is gone"))?;
            match frame.kind {
                Kind::Chunk => {
                    let piece = decompress(&frame.payload).doing(|| failed(&stored.path))?;
                    let mut written = file.write_all(&piece);
                    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::StorageFull)
                        && let Some(folder) = self.store.roomier()
                    {
                        let path = folder.join(&name);
                        (file, stored) = moved(&stored, &path).doing(|| failed(&path))?;
                        written = file.write_all(&piece);
                    }
                    written.doing(|| failed(&stored.path))?;
                    digest.update(&piece);
                    stored.size += piece.len() as u64;
                }
                Kind::Missing => {
                    return Err(ModuleError::new(format!(
                        "the controller has no such content: {}",
                        String::from_utf8_lossy(&frame.payload)
                    )));
                }
                _ if hex(&digest.finalize()) == sha256 => return Ok(stored),
                _ => {
                    return Err(ModuleError::new("the content changed on the controller while it was sent"));
                }
            }
        }
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// What is there of a content, in another place.
fn moved(stored: &Stored, path: &Path) -> io::Result<(File, Stored)> {
    let mut file = private_file(path)?;
    let moved = Stored { sha256: stored.sha256.clone(), path: path.to_owned(), size: stored.size };
    io::copy(&mut File::open(&stored.path)?.take(stored.size), &mut file)?;
    Ok((file, moved))
}

impl Exchange for FrameExchange {
    fn blob(&mut self, sha256: &str) -> Result<PathBuf, ModuleError> {
        self.blobs(&[sha256])?.pop().ok_or_else(|| ModuleError::new("a content is missing"))
    }

    fn blobs(&mut self, sha256s: &[&str]) -> Result<Vec<PathBuf>, ModuleError> {
        let (mut missing, mut seen) = (Vec::new(), HashSet::new());
        for sha256 in sha256s {
            if self.held.contains_key(*sha256) || !seen.insert(*sha256) {
                continue;
            }
            match self.store.find(sha256) {
                Some(stored) => drop(self.held.insert((*sha256).to_owned(), stored)),
                None => missing.push(*sha256),
            }
        }
        for together in missing.chunks(TOGETHER) {
            if let Some(error) = &self.broken {
                return Err(ModuleError::new(error.clone()));
            }
            if let Err(error) = self.ask(together) {
                // What is still on its way belongs to this question: there can be no other.
                self.broken = Some(error.to_string());
                return Err(error);
            }
        }
        let path = |sha256: &&str| self.held.get(*sha256).map(|stored| stored.path.clone());
        Ok(sha256s.iter().filter_map(path).collect())
    }

    fn give(&mut self, path: &Path) -> Result<(), ModuleError> {
        let failed = || format!("cannot read {}", path.display());
        let mut file = File::open(path).doing(failed)?;
        let mut piece = Vec::with_capacity(CHUNK);
        let mut compressor = Compressor::default();
        loop {
            piece.clear();
            let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
            if (&mut file).take(limit).read_to_end(&mut piece).doing(failed)? == 0 {
                return Ok(());
            }
            let frame = Frame::new(self.id, Kind::Give, compressor.piece(&piece));
            self.outbox.send(frame).doing(|| "cannot send to the controller".to_owned())?;
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        if self.live {
            // The result will hold all of it again.
            let _ = self.outbox.send(Frame::new(self.id, Kind::Output, bytes));
        }
    }
}
