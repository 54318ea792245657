//! What a template puts out.

use minijinja::Value;

use crate::template::text::to_output;

/// Parts of the output. One part alone keeps its type; several become one text.
#[derive(Debug, Default)]
pub(super) struct Output {
    only: Option<Value>,
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
            None => self.only = Some(value),
            Some(first) if first.is_none() => self.only = Some(value),
            Some(first) => {
                self.text = spoken(&first) + &spoken(&value);
                self.is_text = true;
            }
        }
    }

    /// Everything that was put out; none is `None`.
    pub(super) fn take(&mut self) -> Value {
        let Self { only, text, is_text } = std::mem::take(self);
        if is_text { Value::from(text) } else { only.unwrap_or_else(|| Value::from(())) }
    }
}

/// A value within a text: none is nothing there.
fn spoken(value: &Value) -> String {
    if value.is_none() || crate::template::is_omit(value) { String::new() } else { to_output(value) }
}
