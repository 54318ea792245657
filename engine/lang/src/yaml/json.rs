//! Nodes from and to JSON values.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::{Mapping, Node, Yaml};
use crate::Span;

/// The key that says in JSON that the text below is ciphertext.
pub const VAULT_KEY: &str = "__ansible_vault";

/// The value without places. Ciphertext becomes a mapping as Ansible writes it; `.inf` and `.nan`, which JSON
/// does not know, become text.
pub fn to_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(*value),
        Yaml::Int(number) => {
            Number::from_i128(*number).map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        Yaml::Float(number) => {
            let text = || Value::String(number.to_string().to_lowercase());
            Number::from_f64(*number).map_or_else(text, Value::Number)
        }
        Yaml::String(text) | Yaml::Raw(text) => Value::from(&**text),
        Yaml::Vault(text) => {
            Value::Object(std::iter::once((VAULT_KEY.to_owned(), Value::from(&**text))).collect())
        }
        Yaml::Sequence(items) => Value::Array(items.iter().map(to_json).collect()),
        Yaml::Mapping(mapping) => Value::Object(
            mapping.iter().map(|(key, entry)| ((**key).to_owned(), to_json(&entry.value))).collect(),
        ),
    }
}

/// The same as it may be shown: without ciphertext, as Ansible does it.
pub fn to_shown_json(node: &Node) -> Value {
    fn shown(value: Value) -> Value {
        match value {
            Value::Object(map) if map.len() == 1 && map.contains_key(VAULT_KEY) => Value::from("<redacted>"),
            Value::Object(map) => map.into_iter().map(|(name, value)| (name, shown(value))).collect(),
            Value::Array(items) => items.into_iter().map(shown).collect(),
            other => other,
        }
    }
    shown(to_json(node))
}

impl Node {
    /// A JSON value as if written at a place; its texts may hold templates.
    pub fn from_json(value: &Value, span: &Span) -> Self {
        let value = match value {
            Value::Null => Yaml::Null,
            Value::Bool(value) => Yaml::Bool(*value),
            Value::Number(number) => number_from_json(number),
            Value::String(text) => Yaml::String(text.as_str().into()),
            Value::Array(items) => {
                Yaml::Sequence(Arc::new(items.iter().map(|item| Self::from_json(item, span)).collect()))
            }
            Value::Object(entries) => mapping_from_json(entries, span),
        };
        Self::new(value, span.clone())
    }

    /// The same value with none of its texts a template.
    #[must_use]
    pub fn into_raw(self) -> Self {
        let value = match self.value {
            Yaml::String(text) => Yaml::Raw(text),
            Yaml::Sequence(items) => {
                Yaml::Sequence(Arc::new(items.iter().cloned().map(Self::into_raw).collect()))
            }
            Yaml::Mapping(mapping) => Yaml::Mapping(Arc::new(
                mapping
                    .iter()
                    .map(|(_, entry)| (entry.key.clone(), entry.value.clone().into_raw()))
                    .collect(),
            )),
            other => other,
        };
        Self::new(value, self.span)
    }
}

/// The value with what Ansible says in JSON of texts: that they are ciphertext, or no templates.
pub(super) fn marked(node: Node) -> Node {
    let value = match node.value {
        Yaml::Sequence(items) => Yaml::Sequence(Arc::new(items.iter().cloned().map(marked).collect())),
        Yaml::Mapping(mapping) => mark(&mapping).unwrap_or_else(|| {
            let entries = mapping.iter().map(|(_, entry)| (entry.key.clone(), marked(entry.value.clone())));
            Yaml::Mapping(Arc::new(entries.collect()))
        }),
        other => other,
    };
    Node::new(value, node.span)
}

/// The text of a mapping of one key that says what it is.
fn mark(mapping: &Mapping) -> Option<Yaml> {
    let (key, entry) = mapping.iter().next().filter(|_| mapping.len() == 1)?;
    match (&**key, &entry.value.value) {
        (VAULT_KEY, Yaml::String(text)) => Some(Yaml::Vault(Arc::clone(text))),
        ("__ansible_unsafe", Yaml::String(text)) => Some(Yaml::Raw(Arc::clone(text))),
        _ => None,
    }
}

fn number_from_json(number: &Number) -> Yaml {
    match number.as_i128() {
        Some(whole) => Yaml::Int(whole),
        None => Yaml::Float(number.as_f64().unwrap_or(f64::INFINITY)),
    }
}

fn mapping_from_json(entries: &Map<String, Value>, span: &Span) -> Yaml {
    let mapping: Mapping = entries
        .iter()
        .map(|(key, value)| (Node::text(key.as_str(), span.clone()), Node::from_json(value, span)))
        .collect();
    Yaml::Mapping(Arc::new(mapping))
}
