//! What a template puts out.

use minijinja::Value;

use crate::template::python::{Dict, List};
use crate::template::text::to_output;

/// Parts of the output. One part alone keeps its type; several become one text.
#[derive(Debug, Default)]
pub(super) struct Output {
    only: Option<Value>,
    /// What that was as text when it was put out, if it may change later.
    then: Option<String>,
    text: String,
    is_text: bool,
}

impl Output {
    /// Adds a part.
    pub(super) fn push(&mut self, value: Value) {
        if self.is_text {
            self.text.push_str(&spoken(&value));
            return;
        }
        match self.only.take() {
            // None is nothing beside other parts.
            Some(first) if value.is_none() => self.only = Some(first),
            Some(first) if !first.is_none() => {
                self.text = self.then.take().unwrap_or_else(|| spoken(&first)) + &spoken(&value);
                self.is_text = true;
            }
            _ => {
                let changes = value.downcast_object_ref::<List>().is_some()
                    || value.downcast_object_ref::<Dict>().is_some();
                self.then = changes.then(|| spoken(&value));
                self.only = Some(value);
            }
        }
    }

    /// Everything that was put out; none is `None`.
    pub(super) fn take(&mut self) -> Value {
        let Self { only, text, is_text, .. } = std::mem::take(self);
        if is_text { Value::from(text) } else { only.unwrap_or_else(|| Value::from(())) }
    }
}

/// A value within a text: none is nothing there.
fn spoken(value: &Value) -> String {
    if value.is_none() || crate::template::is_omit(value) { String::new() } else { to_output(value) }
}
