//! What a module knows about the run it is part of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ModuleError;

/// The surroundings of one module run.
pub struct Context {
    /// Only predict; change nothing.
    pub check: bool,
    /// Fill [`Outcome::diff`](crate::Outcome::diff).
    pub diff: bool,
    /// Variables for every command the module starts, from the task's `environment`.
    pub environment: BTreeMap<String, String>,
    /// A private folder for temporary files that need not be beside their target; requests share it.
    pub scratch: PathBuf,
    /// Set when the controller gave up on this request.
    pub cancelled: Arc<AtomicBool>,
    /// What the controller can send or take during the run.
    pub exchange: Box<dyn Exchange>,
}

/// The controller's side of a running module: files by content hash, and live output.
pub trait Exchange: Send {
    /// The path of a file, readable by this process, that holds the content with this SHA-256 (hex). Asks the
    /// controller for it only if this host does not have it yet.
    ///
    /// # Errors
    /// When the controller does not have that content, or the connection ends.
    fn blob(&mut self, sha256: &str) -> Result<PathBuf, ModuleError>;

    /// As [`Self::blob`], of many contents: all that are missing here are asked for together.
    ///
    /// # Errors
    /// As [`Self::blob`].
    fn blobs(&mut self, sha256s: &[&str]) -> Result<Vec<PathBuf>, ModuleError> {
        sha256s.iter().map(|sha256| self.blob(sha256)).collect()
    }

    /// Sends a file's content to the controller, which stores it for the task (the `fetch` module).
    ///
    /// # Errors
    /// When the file cannot be read or the connection ends.
    fn give(&mut self, path: &std::path::Path) -> Result<(), ModuleError>;

    /// Shows a piece of output of a long command while it runs.
    fn output(&mut self, bytes: &[u8]);
}

impl Context {
    /// Whether the controller gave up; long waits end when it did.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// For modules that run without a controller: tests, and one-off uses in this process.
pub struct NoExchange;

impl Exchange for NoExchange {
    fn blob(&mut self, sha256: &str) -> Result<PathBuf, ModuleError> {
        Err(ModuleError::new(format!("no controller to ask for content {sha256}")))
    }

    fn give(&mut self, path: &std::path::Path) -> Result<(), ModuleError> {
        Err(ModuleError::new(format!("no controller to give {} to", path.display())))
    }

    fn output(&mut self, _bytes: &[u8]) {}
}
