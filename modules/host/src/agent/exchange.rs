//! The controller's side of a running module, over frames.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::module::Doing as _;
use crate::protocol::{CHUNK, Frame, FrameError, Kind, compress, decompress};
use crate::system::checksum::Algorithm;
use crate::{Exchange, ModuleError};

/// Where frames go to the controller, one at a time.
pub(super) struct Outbox(Mutex<Box<dyn Write + Send>>);

impl Outbox {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(writer))
    }

    pub(super) fn send(&self, frame: &Frame) -> io::Result<()> {
        self.bytes(&frame.to_bytes())
    }

    pub(super) fn json(&self, id: u32, kind: Kind, value: &impl Serialize) -> Result<(), FrameError> {
        let payload = serde_json::to_vec(value).map_err(|error| FrameError::Garbage(error.to_string()))?;
        Ok(self.send(&Frame::new(id, kind, payload))?)
    }

    pub(super) fn line(&self, line: &str) -> io::Result<()> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(bytes)?;
        writer.flush()
    }
}

/// The agent's private folder: contents by hash, temporary files of modules. Made when first needed, removed at the
/// end.
#[derive(Default)]
pub(super) struct Store {
    folder: Mutex<Option<tempfile::TempDir>>,
    contents: Mutex<HashMap<String, PathBuf>>,
}

impl Store {
    /// The folder: in the first place that lets us.
    pub(super) fn folder(&self) -> Result<PathBuf, ModuleError> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*folder {
            return Ok(folder.path().to_owned());
        }
        let temporary = std::env::temp_dir();
        let places = [
            temporary.as_path(),
            Path::new("/tmp"),
            Path::new("/var/tmp"),
            Path::new("/dev/shm"),
            Path::new("/run"),
            Path::new("/"),
        ];
        let mut refused = Vec::new();
        for place in places {
            match tempfile::Builder::new()
                .prefix(".clouder-")
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(place)
            {
                Ok(made) => {
                    let path = made.path().to_owned();
                    *folder = Some(made);
                    return Ok(path);
                }
                Err(error) => refused.push(format!("{}: {error}", place.display())),
            }
        }
        Err(ModuleError::new(format!("no place for temporary files ({})", refused.join("; "))))
    }

    /// Removes all.
    pub(super) fn remove(&self) {
        drop(self.folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The exchange of one request.
pub(super) struct FrameExchange {
    pub(super) id: u32,
    pub(super) live: bool,
    pub(super) outbox: Arc<Outbox>,
    pub(super) store: Arc<Store>,
    pub(super) incoming: Receiver<Frame>,
}

impl FrameExchange {
    /// Takes the pieces of a content into a file.
    fn receive(&self, path: &Path) -> Result<(), ModuleError> {
        let failed = || format!("cannot keep {}", path.display());
        let mut file = File::create(path).doing(failed)?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).doing(failed)?;
        loop {
            let frame = self.incoming.recv().map_err(|_| ModuleError::new("the controller is gone"))?;
            match frame.kind {
                Kind::Chunk => file.write_all(&decompress(&frame.payload).doing(failed)?).doing(failed)?,
                Kind::Missing => {
                    return Err(ModuleError::new(format!(
                        "the controller has no such content: {}",
                        String::from_utf8_lossy(&frame.payload)
                    )));
                }
                _ => return Ok(()),
            }
        }
    }
}

impl Exchange for FrameExchange {
    fn blob(&mut self, sha256: &str) -> Result<PathBuf, ModuleError> {
        let known = self.store.contents.lock().unwrap_or_else(PoisonError::into_inner).get(sha256).cloned();
        if let Some(path) = known.filter(|path| path.exists()) {
            return Ok(path);
        }
        let path = self.store.folder()?.join(format!("{}-{}", self.id, &sha256[..sha256.len().min(16)]));
        self.outbox
            .send(&Frame::new(self.id, Kind::Need, sha256))
            .doing(|| "cannot ask the controller".to_owned())?;
        if let Err(error) = self.receive(&path) {
            // Half a content must not be taken for one.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        let arrived = Algorithm::Sha256.of_file(&path).doing(|| format!("cannot read {}", path.display()))?;
        if arrived != sha256 {
            let _ = fs::remove_file(&path);
            return Err(ModuleError::new("the content changed on the controller while it was sent"));
        }
        self.store
            .contents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sha256.to_owned(), path.clone());
        Ok(path)
    }

    fn give(&mut self, path: &Path) -> Result<(), ModuleError> {
        let failed = || format!("cannot read {}", path.display());
        let mut file = File::open(path).doing(failed)?;
        let mut piece = Vec::with_capacity(CHUNK);
        loop {
            piece.clear();
            let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
            if (&mut file).take(limit).read_to_end(&mut piece).doing(failed)? == 0 {
                return Ok(());
            }
            let frame = Frame::new(self.id, Kind::Give, compress(&piece));
            self.outbox.send(&frame).doing(|| "cannot send to the controller".to_owned())?;
        }
    }

    fn output(&mut self, bytes: &[u8]) {
        if self.live {
            // The result will hold all of it again.
            let _ = self.outbox.send(&Frame::new(self.id, Kind::Output, bytes));
        }
    }
}
