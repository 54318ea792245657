//! What only one program of this machine may do at a time.

use std::fs::File;

use crate::command::FleetError;

/// Waits until no other program does what goes by this name; none begins before the returned value is dropped.
///
/// # Errors
/// When the file that stands for it cannot be locked.
pub(crate) fn alone(what: &str) -> Result<File, FleetError> {
    let path = std::env::temp_dir().join(format!("clouder-{what}.lock"));
    let lock = File::create(&path).map_err(|error| FleetError::io("write", &path, error))?;
    lock.lock().map_err(|error| FleetError::io("lock", &path, error))?;
    Ok(lock)
}
