//! Where words end.

use std::borrow::Cow;

/// A word with the blanks that follow it, all but one blank that separates it from the next.
pub(super) struct Word<'text> {
    /// Where it starts in the whole text.
    pub(super) start: usize,
    pub(super) text: Cow<'text, str>,
    /// Where its first `=` is that stands in no quotes and no template.
    equals: Option<usize>,
}

/// A quote or template that is never closed.
pub(super) struct Open {
    pub(super) at: usize,
    pub(super) sign: &'static str,
}

impl Word<'_> {
    /// The name and value of `name=value`.
    pub(super) fn argument(&self) -> Option<(&str, &str)> {
        let equals = self.equals.filter(|equals| *equals > 0)?;
        Some((&self.text[..equals], &self.text[equals + 1..]))
    }
}

/// Splits a text into words.
pub(super) fn split(text: &str) -> Result<Vec<Word<'_>>, Open> {
    let mut scanner = Scanner { text, at: 0 };
    let mut words: Vec<Word<'_>> = Vec::new();
    scanner.blanks();
    if scanner.at > 1 {
        // What stands before the first word is kept, too.
        words.push(Word { start: 0, text: without_separator(&text[..scanner.at]).into(), equals: None });
    }
    while scanner.at < text.len() {
        let start = scanner.at;
        let equals = scanner.word()?;
        let end = scanner.at;
        if &text[start..end] == "\\" {
            // A line that goes on: neither the backslash nor the line break is part of anything.
            if text[end..].starts_with('\n') {
                scanner.at += 1;
            }
            let from = scanner.at;
            scanner.blanks();
            if let Some(before) = words.last_mut() {
                before.text.to_mut().push_str(without_separator(&text[from..scanner.at]));
            }
            continue;
        }
        scanner.blanks();
        let last = scanner.at == text.len();
        let whole = &text[start..scanner.at];
        let kept = if last { whole } else { without_separator(whole) };
        words.push(Word { start, text: kept.into(), equals });
    }
    Ok(words)
}

/// The text without the one blank at its end that separates words.
fn without_separator(text: &str) -> &str {
    text.strip_suffix(' ').unwrap_or(text)
}

struct Scanner<'text> {
    text: &'text str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\n']).len();
    }

    /// Goes to the end of a word; returns where its `=` is.
    fn word(&mut self) -> Result<Option<usize>, Open> {
        let start = self.at;
        let mut equals = None;
        while let Some(next) = self.rest().chars().next() {
            match next {
                ' ' | '\n' => break,
                '\\' => self.escaped(),
                '"' => self.quoted("\"")?,
                '\'' => self.quoted("'")?,
                '{' => self.template()?,
                '=' if equals.is_none() => {
                    equals = Some(self.at - start);
                    self.at += 1;
                }
                other => self.at += other.len_utf8(),
            }
        }
        Ok(equals)
    }

    /// A backslash and the character it takes the meaning from; a line break keeps its own.
    fn escaped(&mut self) {
        self.at += 1;
        if let Some(next) = self.rest().chars().next().filter(|c| !matches!(c, ' ' | '\n')) {
            self.at += next.len_utf8();
        }
    }

    fn quoted(&mut self, quote: &'static str) -> Result<(), Open> {
        let open = Open { at: self.at, sign: quote };
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            match next {
                '\\' => {
                    self.at += 1;
                    self.at += self.rest().chars().next().map_or(0, char::len_utf8);
                }
                '{' => self.template()?,
                _ if self.rest().starts_with(quote) => {
                    self.at += 1;
                    return Ok(());
                }
                other => self.at += other.len_utf8(),
            }
        }
        Err(open)
    }

    /// A template, with its own quotes and braces; or just a brace.
    fn template(&mut self) -> Result<(), Open> {
        let (sign, end) = match self.rest().as_bytes() {
            [b'{', b'{', ..] => ("{{", "}}"),
            [b'{', b'%', ..] => ("{%", "%}"),
            [b'{', b'#', ..] => ("{#", "#}"),
            _ => {
                self.at += 1;
                return Ok(());
            }
        };
        let open = Open { at: self.at, sign };
        self.at += 2;
        let mut braces = 0_usize;
        while let Some(next) = self.rest().chars().next() {
            match next {
                _ if braces == 0 && self.rest().starts_with(end) => {
                    self.at += 2;
                    return Ok(());
                }
                _ if sign == "{#" => self.at += next.len_utf8(),
                '"' | '\'' => self.string(next)?,
                '{' => {
                    braces += 1;
                    self.at += 1;
                }
                '}' => {
                    braces = braces.saturating_sub(1);
                    self.at += 1;
                }
                other => self.at += other.len_utf8(),
            }
        }
        Err(open)
    }

    /// A text inside a template.
    fn string(&mut self, quote: char) -> Result<(), Open> {
        let open = Open { at: self.at, sign: if quote == '"' { "\"" } else { "'" } };
        self.at += 1;
        while let Some(next) = self.rest().chars().next() {
            self.at += next.len_utf8();
            if next == '\\' {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            } else if next == quote {
                return Ok(());
            }
        }
        Err(open)
    }
}
