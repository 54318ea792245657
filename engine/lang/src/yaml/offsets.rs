//! From the character counts of the parser to the byte offsets of spans.

/// Where characters of a text are in its bytes.
pub(super) struct Offsets<'text> {
    text: &'text str,
    /// Byte offsets of every [`Offsets::STEP`]th character; empty when each character is one byte.
    steps: Vec<usize>,
}

impl<'text> Offsets<'text> {
    const STEP: usize = 64;

    pub(super) fn new(text: &'text str) -> Self {
        let steps = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(Self::STEP).map(|(at, _)| at).collect()
        };
        Self { text, steps }
    }

    /// The byte offset of a character; that of the end when there are fewer.
    pub(super) fn byte(&self, character: usize) -> usize {
        if self.steps.is_empty() {
            return character.min(self.text.len());
        }
        let Some(step) = self.steps.get(character / Self::STEP) else { return self.text.len() };
        let rest = self.text.get(*step..).unwrap_or_default();
        rest.char_indices().nth(character % Self::STEP).map_or(self.text.len(), |(at, _)| step + at)
    }
}
