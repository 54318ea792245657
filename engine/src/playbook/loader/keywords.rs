//! The keywords that plays, roles, blocks and tasks share.

use std::sync::Arc;

use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Mapping, Node, Yaml};

use super::session::{Session, described};
use crate::playbook::Keywords;
use crate::playbook::words::{is_reserved, is_variable_name};

impl Session<'_> {
    /// Reads the shared keywords of a mapping; others are passed over.
    pub(super) fn keywords(&mut self, mapping: &Mapping) -> Keywords {
        let mut keywords = Keywords::default();
        for (name, entry) in mapping.iter().filter(|(_, entry)| !entry.value.is_null()) {
            let value = &entry.value;
            let field = match &**name {
                "vars" => {
                    self.check_variables(value);
                    &mut keywords.vars
                }
                "become" => &mut keywords.become_,
                "become_user" => &mut keywords.become_user,
                "become_method" => &mut keywords.become_method,
                "become_flags" => &mut keywords.become_flags,
                "become_exe" => &mut keywords.become_exe,
                "environment" => &mut keywords.environment,
                "check_mode" => &mut keywords.check_mode,
                "diff" => &mut keywords.diff,
                "no_log" => &mut keywords.no_log,
                "ignore_errors" => &mut keywords.ignore_errors,
                "ignore_unreachable" => &mut keywords.ignore_unreachable,
                "delegate_to" => &mut keywords.delegate_to,
                "delegate_facts" => &mut keywords.delegate_facts,
                "run_once" => &mut keywords.run_once,
                "throttle" => &mut keywords.throttle,
                "timeout" => &mut keywords.timeout,
                "connection" => &mut keywords.connection,
                "remote_user" | "user" => &mut keywords.remote_user,
                "port" => &mut keywords.port,
                "any_errors_fatal" => &mut keywords.any_errors_fatal,
                "collections" => &mut keywords.collections,
                "debugger" => &mut keywords.debugger,
                "when" => {
                    keywords.when = list(value);
                    continue;
                }
                "tags" => {
                    keywords.tags = tags(value);
                    continue;
                }
                "module_defaults" => {
                    keywords.module_defaults = list(value);
                    continue;
                }
                "notify" => {
                    keywords.notify = Some(list(value));
                    continue;
                }
                _ => continue,
            };
            *field = Some(value.clone());
        }
        keywords
    }

    /// Checks the names of a mapping of variables.
    pub(super) fn check_variables(&mut self, node: &Node) {
        for (name, entry) in node.as_mapping().into_iter().flat_map(Mapping::iter) {
            self.check_variable(name, &entry.key);
        }
    }

    /// Checks that a name can be that of a variable.
    pub(super) fn check_variable(&mut self, name: &str, key: &Node) {
        let text = matches!(key.value, Yaml::String(_) | Yaml::Raw(_));
        let constant = matches!(name, "True" | "False" | "None");
        if text && is_variable_name(name) && !constant {
            if is_reserved(name) {
                let message = format!("`{name}` has a meaning of its own in expressions");
                let finding = Diagnostic::warning(message, &key.span);
                self.find(finding.hint(format!("as a variable it can only be reached as vars['{name}']")));
            }
            return;
        }
        let finding =
            Diagnostic::error(format!("{} cannot be the name of a variable", named(key)), &key.span);
        self.find(if constant || !text {
            finding.hint("YAML or expressions take it for a value")
        } else {
            finding.hint("names begin with a letter or `_` and hold letters, digits and `_` only")
        });
    }

    /// A name that a task gives to a variable: `register`, `loop_var`.
    pub(super) fn variable(&mut self, mapping: &Mapping, keyword: &str) -> Option<Arc<str>> {
        let node = mapping.get(keyword).filter(|node| !node.is_null())?;
        match node.as_str() {
            Some(name) if !node.is_template() => {
                self.check_variable(name, node);
                Some(Arc::from(name))
            }
            _ => {
                let message = format!("`{keyword}` must be the name of a variable, not {}", described(node));
                self.error(message, &node.span);
                None
            }
        }
    }
}

fn named(key: &Node) -> String {
    match key.value {
        Yaml::String(_) | Yaml::Raw(_) => format!("`{}`", key.to_text()),
        _ => format!("`{}` ({})", key.span.text(), key.kind()),
    }
}

/// A list, or a single value as a list of one; nothing for nothing.
pub(super) fn list(node: &Node) -> Vec<Node> {
    match node.as_sequence() {
        Some(items) => items.to_vec(),
        None if node.is_null() => Vec::new(),
        None => vec![node.clone()],
    }
}

/// A value that may be a list, of a key that may be absent.
pub(super) fn list_of(mapping: &Mapping, name: &str) -> Vec<Node> {
    mapping.get(name).map(list).unwrap_or_default()
}

/// Tags, those with commas taken apart; templates stay whole.
fn tags(node: &Node) -> Vec<Node> {
    list(node).iter().flat_map(split_at_commas).collect()
}

fn split_at_commas(node: &Node) -> Vec<Node> {
    let Some(text) = node.as_str().filter(|text| text.contains(',') && !node.is_template()) else {
        return vec![node.clone()];
    };
    let mut at = 0;
    let mut parts = Vec::new();
    for part in text.split(',') {
        let start = at + part.len() - part.trim_start().len();
        let trimmed = part.trim();
        if !trimmed.is_empty() {
            parts.push(Node::text(trimmed, node.span_at(start, start + trimmed.len())));
        }
        at += part.len() + 1;
    }
    parts
}
