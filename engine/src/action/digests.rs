//! Digests of files of the controller, each worked out once: many hosts are sent the same ones.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use clouder_modules::system::checksum::Algorithm;

/// How long ago a file has to have changed before its digest is remembered. Until then it may change again without another time.
const SETTLED: Duration = Duration::from_secs(2);

/// What a file is told by: another content has another time, or is another file.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The digests that were worked out. Who asks for one that is being worked out waits for it.
#[derive(Debug, Default)]
pub struct Digests(Mutex<HashMap<Identity, Arc<Mutex<Option<String>>>>>);

impl Digests {
    /// The SHA-256 of a file, and its size in bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(&self, path: &Path) -> io::Result<(String, u64)> {
        let metadata = std::fs::metadata(path)?;
        if !is_settled(&metadata) {
            return Ok((Algorithm::Sha256.of_file(path)?, metadata.len()));
        }
        let identity = Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let known =
            Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(identity).or_default());
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = match &*known {
            Some(digest) => digest.clone(),
            None => known.insert(Algorithm::Sha256.of_file(path)?).clone(),
        };
        Ok((digest, metadata.len()))
    }
}

/// Whether a file has changed long enough ago.
fn is_settled(metadata: &Metadata) -> bool {
    let changed = Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or(u64::MAX));
    let settled = SystemTime::UNIX_EPOCH.checked_add(changed).and_then(|time| time.checked_add(SETTLED));
    settled.is_some_and(|settled| settled < SystemTime::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let digests = Digests::default();
        for text in ["one", "two"] {
            std::fs::write(&path, text).unwrap();
            let found = digests.of(&path).unwrap();
            assert_eq!(found, (Algorithm::Sha256.of_bytes(text.as_bytes()), 3));
        }
        assert!(digests.0.lock().unwrap().is_empty(), "it may change again");
        std::thread::sleep(SETTLED + Duration::from_secs(1));
        let settled = digests.of(&path).unwrap();
        assert_eq!(digests.of(&path).unwrap(), settled);
        assert_eq!(digests.0.lock().unwrap().len(), 1);
        std::fs::write(&path, "six").unwrap();
        assert_eq!(digests.of(&path).unwrap().0, Algorithm::Sha256.of_bytes(b"six"));
        assert!(digests.of(&folder.path().join("none")).is_err());
    }
}
