//! Groups and hosts as a tree of lines: `--graph`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::View;
use super::data::sorted;
use crate::template::{from_json, to_text};

impl View<'_> {
    /// The tree below a group; with variables, if asked for.
    pub(super) fn graph(&self, group: &str, with_variables: bool) -> String {
        let mut text = String::new();
        self.lines(group, 0, with_variables, &mut text);
        text
    }

    fn lines(&self, group: &str, depth: usize, with_variables: bool, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}@{group}:", margin(depth));
        for child in self.children(group) {
            self.lines(&child, depth + 1, with_variables, text);
        }
        for host in self.members(group) {
            let _ = writeln!(text, "{}{host}", margin(depth + 1));
            if with_variables {
                variables(self.host_variables(&host), depth + 2, text);
            }
        }
        if with_variables {
            variables(self.group_variables(group), depth + 1, text);
        }
    }
}

fn margin(depth: usize) -> String {
    if depth == 0 { String::new() } else { format!("  {}|--", "|  ".repeat(depth - 1)) }
}

fn variables(variables: Map<String, Value>, depth: usize, text: &mut String) {
    for (name, value) in sorted(variables) {
        let _ = writeln!(text, "{}{{{name} = {}}}", margin(depth), to_text(&from_json(value)));
    }
}
