//! Where the value of a variable is from, and what it hides.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use clouder_inventory::Level as InventoryLevel;
use clouder_lang::Span;
use clouder_lang::yaml::{Node, to_shown_json};
use serde_json::Value as Json;

use super::task::{Found, Level};
use super::{TaskVariables, magic};
use crate::template::{Scope, TemplateError, Value, to_json};

/// One place that says a variable.
#[derive(Debug)]
pub struct Definition {
    /// What it is, in words: `group_vars of web`.
    pub what: String,
    /// Where it is written, if it is.
    pub span: Option<Span>,
    /// What is written there, without ciphertext; the value, where that is not written.
    pub written: Json,
}

/// What is known of a variable.
#[derive(Debug)]
pub struct Explanation {
    /// Its value; `None` when nothing says it.
    pub value: Option<Result<Value, TemplateError>>,
    /// All that says it, the strongest first. Empty for what a run sets itself.
    pub definitions: Vec<Definition>,
}

impl TaskVariables {
    /// Where a variable's value is from, and what it hides.
    pub fn explain(&self, name: &str) -> Explanation {
        let is_magic = magic::variable(self, name).is_some();
        let mut definitions: Vec<Definition> = Vec::new();
        if !is_magic {
            definitions
                .extend(self.definitions(name).flat_map(|(level, found)| self.described(name, level, found)));
        }
        // A folder may be that of the inventory and that of the playbook.
        let mut places = HashSet::new();
        definitions.retain(|definition| {
            definition.span.as_ref().is_none_or(|span| {
                let file = span.source().name();
                places.insert((std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()), span.start()))
            })
        });
        let scope: Arc<dyn Scope> = Arc::new(self.clone());
        let text = format!("{{{{ {name} }}}}");
        let node = Node::text(text.as_str(), Span::of_text("the variable", &text));
        let is_set = is_magic || !definitions.is_empty();
        let value = is_set.then(|| self.shared.templates.evaluate(&node, &scope));
        Explanation { value, definitions }
    }

    fn described(&self, name: &str, level: Level, found: Found) -> Vec<Definition> {
        let node = match found {
            Found::Value(value) => {
                return vec![Definition { what: level.to_string(), span: None, written: to_json(&value) }];
            }
            Found::Node(node) => node,
        };
        if level != Level::Inventory {
            let written = to_shown_json(&node);
            return vec![Definition { what: level.to_string(), span: Some(node.span), written }];
        }
        // The host has one value for all of it.
        let levels = self.shared.inventory_says(&self.host.name, name);
        let definition = |(level, node): (InventoryLevel, Node)| Definition {
            what: in_words(&level),
            written: to_shown_json(&node),
            span: Some(node.span),
        };
        levels.into_iter().rev().map(definition).collect()
    }
}

fn in_words(level: &InventoryLevel) -> String {
    match level {
        InventoryLevel::Group(group) => format!("inventory, group {group}"),
        InventoryLevel::GroupFile(group) => format!("group_vars of {group}"),
        InventoryLevel::Host => "inventory, host".to_owned(),
        InventoryLevel::HostFile => "host_vars".to_owned(),
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Local => "the loop",
            Self::Extra => "extra variables (-e)",
            Self::Parameters => "parameters of a role or an include",
            Self::Set => "set_fact or register",
            Self::Included => "include_vars",
            Self::Task => "vars of the task",
            Self::Block => "vars of a block or a role",
            Self::RoleVars => "vars of a role",
            Self::VarsFile => "vars_files of the play",
            Self::Prompt => "vars_prompt of the play",
            Self::Play => "vars of the play",
            Self::Fact => "gathered facts",
            Self::Inventory => "inventory",
            Self::RoleDefaults => "defaults of a role",
        })
    }
}
