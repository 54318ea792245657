//! The options of a source that is a plugin's.

use std::sync::Arc;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Node};

/// The texts of a list, or of one text with commas.
pub(crate) fn texts(node: &Node) -> Vec<Arc<str>> {
    match node.as_sequence() {
        Some(items) => items.iter().map(Node::to_text).collect(),
        None if node.is_null() => Vec::new(),
        None => node.to_text().split(',').map(|part| Arc::from(part.trim())).collect(),
    }
}

/// A boolean option.
pub(crate) fn flag(options: &Mapping, name: &str, default: bool) -> Result<bool, Diagnostic> {
    match options.get(name) {
        None => Ok(default),
        Some(node) => node.as_bool().ok_or_else(|| {
            Diagnostic::error(format!("{name} is yes or no, not {}", node.kind()), &node.span)
        }),
    }
}

/// The elements of an option that is a list; nothing is an empty one.
pub(crate) fn list<'a>(options: &'a Mapping, name: &str) -> Result<Option<&'a [Node]>, Diagnostic> {
    match options.get(name) {
        None => Ok(None),
        Some(node) if node.is_null() => Ok(Some(&[])),
        Some(node) => node.as_sequence().map(Some).ok_or_else(|| {
            Diagnostic::error(format!("{name} is a list, not {}", node.kind()), &node.span)
                .hint("begin each line with a dash")
        }),
    }
}

/// Names and values of an option that is a mapping; those without a value are left out.
pub(crate) fn mapping(options: &Mapping, name: &str) -> Result<Vec<(Arc<str>, Node)>, Diagnostic> {
    let Some(node) = options.get(name).filter(|node| !node.is_null()) else { return Ok(Vec::new()) };
    let Some(mapping) = node.as_mapping() else {
        return Err(Diagnostic::error(format!("{name} is a mapping, not {}", node.kind()), &node.span)
            .hint("write `name: expression` lines"));
    };
    let entries = mapping.iter().filter(|(_, entry)| !entry.value.is_null());
    Ok(entries.map(|(name, entry)| (Arc::clone(name), entry.value.clone())).collect())
}

/// Refuses options that are not known.
pub(crate) fn refuse_unknown(options: &Mapping, known: &[&str], of: &str) -> Result<(), Diagnostic> {
    let Some((name, entry)) = options.iter().find(|(name, _)| !known.contains(&&***name)) else {
        return Ok(());
    };
    let hint = match clouder_lang::nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("it knows {}", known.join(", ")),
    };
    Err(Diagnostic::error(format!("{of} has no option `{name}`"), &entry.key.span).hint(hint))
}
