//! Answers as files: what came of a single task, in a file for each host.

use std::fs;
use std::path::PathBuf;

use super::{Event, Report};

/// Writes each host's result into a file of its name.
pub struct Tree {
    folder: PathBuf,
}

impl Tree {
    /// Files in a folder that is there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl Report for Tree {
    fn event(&mut self, event: &Event) {
        if let Event::Result { host, result, .. } = event {
            let name = host.replace('/', "_");
            let text = serde_json::to_string(result).unwrap_or_default();
            // The run goes on without; what is missing is seen in the folder.
            let _ = fs::write(self.folder.join(name), text);
        }
    }
}
