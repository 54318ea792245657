//! YAML text → [`Node`]s, by the rules of YAML 1.1 as PyYAML and Ansible apply them.

mod compose;
mod json;
mod mistakes;
mod node;
mod parser;
mod place;
mod scalar;
mod scanner;
mod tag;
#[cfg(test)]
mod tests;
mod timestamp;

use std::sync::Arc;

use crate::{Diagnostic, Source};
use compose::Composer;

pub use json::{VAULT_KEY, to_json, to_shown_json};
pub use node::{Entry, Mapping, Node, Yaml};

/// What was read from a text of one document.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The document; `None` when the text holds nothing but blanks and comments.
    pub document: Option<Node>,
    /// What a person should know although the text could be read: duplicate keys.
    pub warnings: Vec<Diagnostic>,
}

/// What was read from a text of any number of documents.
#[derive(Clone, Debug)]
pub struct LoadedAll {
    /// The documents.
    pub documents: Vec<Node>,
    /// What a person should know although the text could be read: duplicate keys.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a text that holds one document, YAML or JSON.
///
/// # Errors
/// What is wrong with the text and where; a second document is wrong too.
pub fn load(source: &Arc<Source>) -> Result<Loaded, Diagnostic> {
    let loaded = Composer::new(source).read(1).map_err(mistakes::veiled)?;
    Ok(Loaded { document: loaded.documents.into_iter().next(), warnings: loaded.warnings })
}

/// The same for a file. If that is JSON, `{"__ansible_vault": …}` in it is ciphertext, and `{"__ansible_unsafe": …}` no
/// template.
///
/// # Errors
/// What is wrong with the text and where; a second document is wrong too.
pub fn load_file(source: &Arc<Source>) -> Result<Loaded, Diagnostic> {
    let loaded = load(source)?;
    let text = source.text();
    let is_json = text.contains("__ansible_") && serde_json::from_str::<serde_json::Value>(text).is_ok();
    Ok(if is_json { Loaded { document: loaded.document.map(json::marked), ..loaded } } else { loaded })
}

/// Reads all documents of a text.
///
/// # Errors
/// What is wrong with the text and where.
pub fn load_all(source: &Arc<Source>) -> Result<LoadedAll, Diagnostic> {
    Composer::new(source).read(usize::MAX).map_err(mistakes::veiled)
}
