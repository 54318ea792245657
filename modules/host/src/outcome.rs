//! What came of a task on a host.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The result of a module. Serialised flat, as playbooks read it from a registered variable.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether anything was changed, or in check mode would be.
    #[serde(default)]
    pub changed: bool,
    /// Whether the task failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether there was nothing to do for a reason of its own (`creates`, check mode of a command).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// What happened, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<String>,
    /// What changed inside, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<Diff>,
    /// What a person should know though the task succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Facts about the host, kept for later tasks, by the names that plays read them by.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub ansible_facts: Map<String, Value>,
    /// The module's own fields.
    #[serde(flatten)]
    pub result: Map<String, Value>,
}

/// One difference: a file's text before and after, or a ready-made unified diff.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Diff {
    /// What `before` is called; usually the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_header: Option<String>,
    /// What `after` is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_header: Option<String>,
    /// The old state: text, or a mapping of attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<DiffSide>,
    /// The new state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DiffSide>,
    /// A difference already in words, instead of two states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<String>,
}

/// One side of a difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DiffSide {
    /// A text, compared line by line.
    Text(String),
    /// Attributes such as mode and owner, shown as indented JSON.
    Attributes(Map<String, Value>),
}

impl Diff {
    /// A text before and after, under a name.
    pub fn text(header: impl Into<String>, before: impl Into<String>, after: impl Into<String>) -> Self {
        let header = header.into();
        Self {
            before_header: Some(header.clone()),
            after_header: Some(header),
            before: Some(DiffSide::Text(before.into())),
            after: Some(DiffSide::Text(after.into())),
            prepared: None,
        }
    }

    /// Words instead of a difference; a line of their own.
    pub fn note(note: impl Into<String>) -> Self {
        Self { prepared: Some(note.into() + "\n"), ..Self::default() }
    }

    /// Attributes before and after.
    pub fn attributes(before: Map<String, Value>, after: Map<String, Value>) -> Self {
        Self {
            before: Some(DiffSide::Attributes(before)),
            after: Some(DiffSide::Attributes(after)),
            ..Self::default()
        }
    }
}

impl Outcome {
    /// A success that changed something, or did not.
    pub fn new(changed: bool) -> Self {
        Self { changed, ..Self::default() }
    }

    /// A failure said in one line.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { failed: true, msg: Some(message.into()), ..Self::default() }
    }

    /// The same outcome with one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// The same outcome with a message.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.msg = Some(message.into());
        self
    }
}
