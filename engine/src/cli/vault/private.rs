//! A private folder for plain text that an editor has to see.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::file::wipe;

/// Where files are in memory.
const MEMORY: &str = "/dev/shm";

/// A folder that nobody else may look into, with one file. What is in it, copies and swap files of the editor too, is
/// overwritten and removed at the end.
pub(super) struct Private {
    folder: TempDir,
    /// The file.
    pub(super) path: PathBuf,
}

impl Private {
    /// Writes a file of this name; in memory, if there is a place for that.
    pub(super) fn new(name: &Path, bytes: &[u8]) -> io::Result<Self> {
        let mine = fs::Permissions::from_mode(0o700);
        let make = |base: &Path| {
            tempfile::Builder::new().prefix("clouder-vault-").permissions(mine.clone()).tempdir_in(base)
        };
        let folder = make(Path::new(MEMORY)).or_else(|_| make(&std::env::temp_dir()))?;
        let path = folder.path().join(name.file_name().unwrap_or("secret".as_ref()));
        let private = Self { folder, path };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&private.path)?;
        file.write_all(bytes)?;
        Ok(private)
    }

    /// What is in the file now.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.path)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // There is no one left to tell; the folder itself is removed after this.
        let _ = wipe_all(self.folder.path());
    }
}

fn wipe_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            wipe_all(&entry.path())?;
        } else if kind.is_file() {
            let file = File::options().write(true).open(entry.path())?;
            wipe(&file, entry.metadata()?.len())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{File, Path, Private, fs};

    #[test]
    fn nobody_else_may_look_and_nothing_is_left() {
        let private = Private::new(Path::new("/some/where/secrets.yml"), b"hunter2").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = private.path.parent().unwrap().to_owned();
        assert_eq!((mode(&folder), mode(&private.path)), (0o700, 0o600));
        assert_eq!(private.path.file_name().unwrap(), "secrets.yml");
        assert_eq!(private.read().unwrap(), b"hunter2");
        let open = File::open(&private.path).unwrap();
        fs::create_dir(folder.join("swap")).unwrap();
        fs::write(folder.join("swap/copy"), "hunter2").unwrap();
        drop(private);
        assert!(!folder.exists());
        assert_eq!(std::io::read_to_string(open).unwrap(), "\0".repeat(7), "it was overwritten");
    }
}
