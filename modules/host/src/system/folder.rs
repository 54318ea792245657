//! Making folders.

use std::fs;
use std::path::Path;

use super::attributes::FileAttributes;
use crate::module::Doing as _;
use crate::{Context, ModuleError};

/// Makes a folder and those above it that are missing, all with the attributes asked for.
///
/// # Errors
/// When one cannot be made.
pub fn make(path: &Path, attributes: &FileAttributes, context: &Context) -> Result<(), ModuleError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match fs::create_dir(folder) {
            Ok(()) => {}
            // Another task made it meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) => return Err(error).doing(|| format!("cannot make the folder {}", folder.display())),
        }
        attributes.apply(folder, true, context)?;
    }
    Ok(())
}
