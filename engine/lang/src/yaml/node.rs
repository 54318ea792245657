//! A YAML value that knows where it was written.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::Span;

/// A value and its place. Cheap to clone: text and containers are shared.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written.
    pub span: Span,
    /// What was written.
    pub value: Yaml,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on` …
    Bool(bool),
    /// A whole number, in any of YAML 1.1's notations.
    Int(i128),
    /// A number with a point, an exponent, `.inf` or `.nan`.
    Float(f64),
    /// Text that may hold templates.
    String(Arc<str>),
    /// Text that is never a template: `!unsafe`, or a value that came from a host.
    Raw(Arc<str>),
    /// `!vault` ciphertext, not yet decrypted.
    Vault(Arc<str>),
    /// A list.
    Sequence(Arc<Vec<Node>>),
    /// A mapping, in the order it was written.
    Mapping(Arc<Mapping>),
}

/// A mapping in the order it was written. Keys are compared by their text (`1` and `"1"` are one key).
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    entries: IndexMap<Arc<str>, Entry>,
}

/// One line of a mapping.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key with its place and type.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Mapping {
    /// Adds or replaces; returns what stood under the same key before.
    pub fn insert(&mut self, key: Node, value: Node) -> Option<Entry> {
        self.entries.insert(key.to_text(), Entry { key, value })
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The key node and value under a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Key texts and entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<(Node, Node)> for Mapping {
    fn from_iter<I: IntoIterator<Item = (Node, Node)>>(entries: I) -> Self {
        let mut mapping = Self::default();
        for (key, value) in entries {
            mapping.insert(key, value);
        }
        mapping
    }
}

impl Node {
    /// A node at a place.
    pub fn new(value: Yaml, span: Span) -> Self {
        Self { span, value }
    }

    /// Text at a place, possibly holding templates.
    pub fn text(text: impl Into<Arc<str>>, span: Span) -> Self {
        Self::new(Yaml::String(text.into()), span)
    }

    /// The text of a string, raw or not.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Yaml::String(text) | Yaml::Raw(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is text with a template in it: what it says is not known before a run.
    pub fn is_template(&self) -> bool {
        matches!(&self.value, Yaml::String(text) if ["{{", "{%", "{#"].iter().any(|sign| text.contains(sign)))
    }

    /// The elements of a list.
    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.value {
            Yaml::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The mapping.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.value {
            Yaml::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The same with what a weaker value of its name has more, if both are mappings (`hash_behaviour = merge`); lists are not
    /// joined.
    #[must_use]
    pub fn merged_over(&self, weaker: &Self) -> Self {
        let (Some(weak), Some(strong)) = (weaker.as_mapping(), self.as_mapping()) else {
            return self.clone();
        };
        let mut all = weak.clone();
        for (name, entry) in strong.iter() {
            let value =
                weak.get(name).map_or_else(|| entry.value.clone(), |old| entry.value.merged_over(old));
            all.insert(entry.key.clone(), value);
        }
        Self::new(Yaml::Mapping(Arc::new(all)), self.span.clone())
    }

    /// The boolean, also from the texts and numbers Ansible takes for one.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Yaml::Bool(value) => Some(*value),
            Yaml::Int(0) => Some(false),
            Yaml::Int(1) => Some(true),
            Yaml::String(text) | Yaml::Raw(text) => match text.to_lowercase().as_str() {
                "yes" | "on" | "true" | "y" | "t" | "1" => Some(true),
                "no" | "off" | "false" | "n" | "f" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it is `null` or nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Yaml::Null)
    }

    /// What it is, in a word for messages: "a list", "a mapping" …
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Yaml::Null => "nothing",
            Yaml::Bool(_) => "a boolean",
            Yaml::Int(_) | Yaml::Float(_) => "a number",
            Yaml::String(_) | Yaml::Raw(_) => "text",
            Yaml::Vault(_) => "an encrypted text",
            Yaml::Sequence(_) => "a list",
            Yaml::Mapping(_) => "a mapping",
        }
    }

    /// A scalar as the text Python would print; containers give their kind.
    pub fn to_text(&self) -> Arc<str> {
        match &self.value {
            Yaml::Null => Arc::from("None"),
            Yaml::Bool(true) => Arc::from("True"),
            Yaml::Bool(false) => Arc::from("False"),
            Yaml::Int(number) => number.to_string().into(),
            Yaml::Float(number) => format!("{number:?}").into(),
            Yaml::String(text) | Yaml::Raw(text) | Yaml::Vault(text) => Arc::clone(text),
            Yaml::Sequence(_) | Yaml::Mapping(_) => Arc::from(self.kind()),
        }
    }
}
