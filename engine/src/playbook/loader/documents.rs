//! One file → one document.

use std::path::Path;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{self, Loaded, Node};

use super::session::Session;
use crate::playbook::Files;

/// Reads a file of YAML.
///
/// # Errors
/// When it cannot be read, or is no YAML.
pub(in crate::playbook) fn load_document(files: &Files, path: &Path) -> Result<Loaded, Diagnostic> {
    yaml::load_file(&files.source(path)?)
}

impl Session<'_> {
    /// A file's document; what is wrong with it is noted. `None` when it is empty or unreadable.
    pub(super) fn document(&mut self, path: &Path) -> Option<Node> {
        match load_document(&self.loader.files, path) {
            Ok(loaded) => {
                for warning in loaded.warnings {
                    self.find(warning);
                }
                loaded.document.filter(|node| !node.is_null())
            }
            Err(error) => {
                self.find(error);
                None
            }
        }
    }
}
