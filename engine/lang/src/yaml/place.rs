//! From a position in a text value back to the characters it was written with.

use super::Node;
use crate::Span;

impl Node {
    /// Where the bytes `from..to` of this text's value were written. Quotes, escapes, folded lines and the
    /// indentation of block scalars are followed; where that is not exact, the line still is.
    pub fn span_at(&self, from: usize, to: usize) -> Span {
        let Some(value) = self.as_str() else { return self.span.clone() };
        let written = self.span.text();
        if written == value {
            return self.span.part(from.min(value.len()), to.min(value.len()));
        }
        let mut start = locate(written, value, from);
        if written.get(start..).is_some_and(|rest| rest.starts_with("\\\n") || rest.starts_with("\\\r")) {
            // A line continued in double quotes: what comes next begins on the next one.
            start += 1 + blank_length(&written[start + 1..]);
        }
        let end = locate(written, value, to).max(start);
        self.span.part(start, end)
    }
}

/// The offset in `written` that belongs to the offset `target` in `value`.
fn locate(written: &str, value: &str, target: usize) -> usize {
    let quote = quote(written, value);
    let mut walk = Walk { written, value, at: usize::from(quote.is_some()), done: 0 };
    while walk.done < target && walk.at < written.len() {
        walk.step(quote, target);
    }
    walk.at.min(written.len())
}

/// The quote the scalar was written with: not every text that begins with one is quoted, a block scalar may too.
fn quote(written: &str, value: &str) -> Option<char> {
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let escaped = if quote == '"' { "\"\\\"" } else { "'''" };
    (!value.starts_with(quote) || written.starts_with(escaped)).then_some(quote)
}

/// How many bytes of blanks and line breaks a text begins with.
fn blank_length(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace()).len()
}

struct Walk<'text> {
    written: &'text str,
    value: &'text str,
    /// How far in `written`.
    at: usize,
    /// How far in `value`.
    done: usize,
}

impl Walk<'_> {
    fn step(&mut self, quote: Option<char>, target: usize) {
        let written = self.written.get(self.at..).unwrap_or_default();
        let Some(next) = written.chars().next() else { return };
        match (quote, next) {
            (Some('"'), '\\') => self.escape(written),
            (Some('\''), '\'') => self.advance(2, 1),
            _ if next.is_ascii_whitespace() => self.blanks(written, quote.is_some(), target),
            _ => self.advance(next.len_utf8(), next.len_utf8()),
        }
    }

    fn advance(&mut self, written: usize, value: usize) {
        self.at += written;
        self.done += value;
    }

    /// A backslash and what follows stand for one character, or for nothing at the end of a line.
    fn escape(&mut self, written: &str) {
        let length = match written.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            Some(b'\n' | b'\r') => {
                return self.advance(1 + blank_length(&written[1..]), 0);
            }
            _ => 2,
        };
        let stands_for = self.value.get(self.done..).and_then(|rest| rest.chars().next());
        self.advance(length, stands_for.map_or(1, char::len_utf8));
    }

    /// A run of blanks; with line breaks in it, it is more on the page than in the value.
    fn blanks(&mut self, written: &str, quoted: bool, target: usize) {
        let run = &written[..blank_length(written)];
        let value = self.value.get(self.done..).unwrap_or_default();
        let breaks = run.matches('\n').count();
        let in_value = match (breaks, quoted) {
            (0, _) => run.len(),
            // Quoted lines are folded: one break is a space, each further one a line break.
            (1, true) => 1,
            (_, true) => breaks - 1,
            (_, false) => blank_length(value),
        };
        if self.done + in_value <= target {
            return self.advance(run.len(), in_value);
        }
        // Inside the run: the same number of line breaks further, and the rest of the way from there.
        let wanted = value.get(..target - self.done).unwrap_or_default();
        let line = wanted.matches('\n').count();
        let (start, column) = match line {
            0 => (0, wanted.len()),
            _ => {
                let start = run.match_indices('\n').nth(line - 1).map_or(run.len(), |(at, _)| at + 1);
                (start, wanted.len() - wanted.rfind('\n').map_or(0, |at| at + 1))
            }
        };
        self.at += (start + column).min(run.len());
        self.done = target;
    }
}
