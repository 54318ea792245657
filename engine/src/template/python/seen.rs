//! Which values were there before.

use std::collections::HashSet;

use minijinja::Value;

use super::equal;

/// Values that were there before, by Python's equality.
#[derive(Default)]
pub(in crate::template) struct Seen {
    texts: HashSet<String>,
    others: Vec<Value>,
}

impl Seen {
    /// Notes a value; whether it is new.
    pub(in crate::template) fn insert(&mut self, value: Value) -> bool {
        match value.as_str() {
            Some(text) => self.texts.insert(text.to_owned()),
            None if self.has(&value) => false,
            None => {
                self.others.push(value);
                true
            }
        }
    }

    /// Whether a value was there.
    pub(in crate::template) fn has(&self, value: &Value) -> bool {
        match value.as_str() {
            Some(text) => self.texts.contains(text),
            None => self.others.iter().any(|other| equal(other, value)),
        }
    }
}

impl FromIterator<Value> for Seen {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        let mut seen = Self::default();
        for value in values {
            seen.insert(value);
        }
        seen
    }
}
