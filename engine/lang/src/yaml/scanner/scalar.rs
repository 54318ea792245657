//! Plain and quoted scalars.

use std::borrow::Cow;

use super::{Kind, ProblemKind, Result, Scanner, Style, Token};

/// Blanks and line breaks between two words of a scalar: they count only when a word follows.
#[derive(Default)]
struct Gap {
    /// Blanks before any line break.
    blanks: String,
    /// The first line break, unless a backslash took its meaning.
    first: &'static str,
    /// Further ones.
    more: String,
    broken: bool,
}

impl Gap {
    fn line_break(&mut self, meaning: &'static str) {
        if self.broken {
            self.more.push_str(meaning);
        } else {
            self.blanks.clear();
            self.first = meaning;
            self.broken = true;
        }
    }

    /// Writes what the gap means: one line break is a blank, each further one a line break.
    fn write(&mut self, text: &mut String) {
        if !self.broken {
            text.push_str(&self.blanks);
        } else if self.first == "\n" && self.more.is_empty() {
            text.push(' ');
        } else {
            if self.first != "\n" {
                text.push_str(self.first);
            }
            text.push_str(&self.more);
        }
        *self = Self::default();
    }
}

impl<'text> Scanner<'text> {
    /// Whether a plain scalar can begin here.
    pub(super) fn begins_plain(&self) -> bool {
        match self.byte(0) {
            b'-' => !self.is_gap(1),
            b'?' | b':' => self.flow == 0 && !self.is_gap(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => false,
            _ => !self.is_gap(0),
        }
    }

    pub(super) fn plain(&mut self) -> Result<()> {
        let start = self.at;
        let mut end = start;
        let mut gap = Gap::default();
        // Filled only when the scalar is not one piece of the text.
        let mut text = String::new();
        let mut piece = start;
        while !self.is_document_mark() && self.byte(0) != b'#' {
            let from = self.at;
            while !self.is_gap(0) {
                let byte = self.byte(0);
                if self.flow > 0
                    && byte == b':'
                    && matches!(self.byte(1), b',' | b'?' | b'[' | b']' | b'{' | b'}')
                {
                    return self.problem(ProblemKind::NoContent);
                }
                if byte == b':' && self.is_gap(1)
                    || self.flow > 0 && matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
                {
                    break;
                }
                self.skip_character();
            }
            if self.at > from {
                if gap.broken {
                    text.push_str(&self.text[piece..end]);
                    gap.write(&mut text);
                    piece = from;
                }
                gap = Gap::default();
                end = self.at;
            }
            if !self.is_blank(0) && !self.is_break(0) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    let meaning = self.line_break();
                    gap.line_break(meaning);
                } else if gap.broken && self.byte(0) == b'\t' && self.spaces() <= self.indent {
                    return self.problem(ProblemKind::Tab);
                } else {
                    self.at += 1;
                }
            }
            // On the same line it can only be further to the right.
            if self.flow == 0 && gap.broken && self.spaces() <= self.indent {
                break;
            }
        }
        if gap.broken {
            self.key_allowed = true;
        }
        let value = if text.is_empty() {
            Cow::Borrowed(&self.text[start..end])
        } else {
            Cow::Owned(text + &self.text[piece..end])
        };
        self.queue.push_back(Token { kind: Kind::Scalar(value, Style::Plain), start, end });
        Ok(())
    }

    pub(super) fn quoted(&mut self) -> Result<()> {
        let start = self.at;
        let quote = self.byte(0);
        self.at += 1;
        let mut text = String::new();
        let mut gap = Gap::default();
        loop {
            if self.is_document_mark() || self.is_end() {
                self.at = start;
                return self.problem(ProblemKind::OpenQuote);
            }
            while !self.is_gap(0) && self.byte(0) != quote {
                if quote == b'"' && self.byte(0) == b'\\' {
                    if self.is_break(1) {
                        self.at += 1;
                        self.line_break();
                        // The line break means nothing, and the blanks that begin the next line neither.
                        gap.broken = true;
                        break;
                    }
                    self.escape(&mut text)?;
                } else {
                    let from = self.at;
                    self.skip_character();
                    text.push_str(&self.text[from..self.at]);
                }
            }
            if self.byte(0) == quote {
                if quote == b'\'' && self.byte(1) == quote {
                    text.push('\'');
                    self.at += 2;
                    continue;
                }
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_break(0) {
                    let meaning = self.line_break();
                    gap.line_break(meaning);
                } else {
                    if !gap.broken {
                        gap.blanks.push(char::from(self.byte(0)));
                    }
                    self.at += 1;
                }
            }
            gap.write(&mut text);
        }
        self.at += 1;
        self.push(Kind::Scalar(Cow::Owned(text), Style::Quoted), start);
        Ok(())
    }

    /// A backslash and what it stands for.
    fn escape(&mut self, text: &mut String) -> Result<()> {
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let meaning = match other {
                    b'0' => "\0",
                    b'a' => "\u{7}",
                    b'b' => "\u{8}",
                    b't' | b'\t' => "\t",
                    b'n' => "\n",
                    b'v' => "\u{b}",
                    b'f' => "\u{c}",
                    b'r' => "\r",
                    b'e' => "\u{1b}",
                    b' ' => " ",
                    b'"' => "\"",
                    b'\'' => "'",
                    b'/' => "/",
                    b'\\' => "\\",
                    b'N' => "\u{85}",
                    b'_' => "\u{a0}",
                    b'L' => "\u{2028}",
                    b'P' => "\u{2029}",
                    _ => return self.problem(ProblemKind::Escape),
                };
                text.push_str(meaning);
                self.at += 2;
                return Ok(());
            }
        };
        let code = self.text.get(self.at + 2..self.at + 2 + digits);
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let character = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        match character {
            Some(character) => {
                text.push(character);
                self.at += 2 + digits;
                Ok(())
            }
            None => self.problem(ProblemKind::Escape),
        }
    }
}
