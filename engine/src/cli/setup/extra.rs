//! Variables of the command line.

use std::path::Path;
use std::sync::Arc;

use clouder_inventory::{Variables, combine};
use clouder_lang::yaml::{self, Mapping, Node};
use clouder_lang::{Diagnostic, Source, Span};

use super::super::Failure;
use crate::playbook::Files;

/// `-e`: `@file`, a YAML or JSON mapping, or `key=value` pairs; mappings of one name are merged if they are to be.
pub(in crate::cli) fn extra_variables(
    given: &[String],
    files: &Files,
    merge: bool,
) -> Result<Variables, Failure> {
    let mut variables = Variables::new();
    for text in given {
        let mapping = if let Some(path) = text.strip_prefix('@') {
            let told = |error: Diagnostic| match error.hint {
                Some(_) => error,
                None => error.hint("-e @FILE reads variables from a file"),
            };
            document(&files.source(Path::new(path)).map_err(told)?)?
        } else if text.trim_start().starts_with(['{', '[']) {
            document(&Source::new("-e", text.as_str()))?
        } else {
            pairs(text)?
        };
        let given = mapping.iter().map(|(name, entry)| (Arc::clone(name), entry.value.clone()));
        combine(&mut variables, given, merge);
    }
    Ok(variables)
}

fn document(source: &Arc<Source>) -> Result<Mapping, Failure> {
    let Some(node) = yaml::load_file(source)?.document else { return Ok(Mapping::default()) };
    let wrong =
        || Diagnostic::error(format!("extra variables must be a mapping, not {}", node.kind()), &node.span);
    Ok(node.as_mapping().ok_or_else(wrong)?.clone())
}

fn pairs(text: &str) -> Result<Mapping, Failure> {
    let node = Node::text(text, Span::of_text("-e", text));
    let parsed = clouder_lang::arguments::parse(&node, clouder_lang::arguments::Named::All)?;
    match parsed.rest {
        Some(rest) => {
            Err(Diagnostic::error("extra variables are key=value pairs, YAML, or @file", &rest.span).into())
        }
        None => Ok(parsed.arguments),
    }
}
