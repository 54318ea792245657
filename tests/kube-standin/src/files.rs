//! Files that are there whole or not at all.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::failure::{Context as _, Result};

/// Reads a text.
///
/// # Errors
/// When it cannot be read, naming the file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).doing(format_args!("open {}", path.display()))
}

/// Writes a file with this mode, and the folders above it.
///
/// # Errors
/// When it cannot be written, naming the file.
pub fn write(path: &Path, content: &(impl AsRef<[u8]> + ?Sized), mode: u32) -> Result<()> {
    let what = format!("failed to write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).doing(&what)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&beside);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside).doing(&what)?;
    file.write_all(content.as_ref()).doing(&what)?;
    fs::rename(&beside, path).doing(&what)
}

/// Makes a folder that only its owner may look into, unless it is there.
///
/// # Errors
/// When it cannot be made, naming it.
pub fn private_folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.doing(format_args!("failed to make {}", path.display()))
}
