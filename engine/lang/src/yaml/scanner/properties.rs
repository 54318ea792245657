//! Anchors, tags and directives.

use std::borrow::Cow;

use super::{Kind, ProblemKind, Result, Scanner};

impl<'text> Scanner<'text> {
    /// `&name` and `*name`.
    pub(super) fn anchor(&mut self) -> Result<()> {
        let start = self.at;
        let alias = self.byte(0) == b'*';
        self.at += 1;
        let name = self.word(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let ends =
            self.is_gap(0) || matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            self.at = start;
            return self.problem(ProblemKind::AnchorName);
        }
        self.push(if alias { Kind::Alias(name) } else { Kind::Anchor(name) }, start);
        Ok(())
    }

    /// The characters from here that fit.
    fn word(&mut self, fits: impl Fn(u8) -> bool) -> &'text str {
        let start = self.at;
        while fits(self.byte(0)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// `!suffix`, `!!suffix`, `!handle!suffix`, `!<verbatim>`.
    pub(super) fn tag(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        let (handle, suffix) = if self.byte(0) == b'<' {
            self.at += 1;
            let suffix = self.suffix(true);
            if suffix.is_empty() || self.byte(0) != b'>' {
                return self.problem(ProblemKind::TagForm);
            }
            self.at += 1;
            ("", suffix)
        } else {
            self.word(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if self.byte(0) == b'!' {
                self.at += 1;
            } else {
                self.at = start + 1;
            }
            let handle = &self.text[start..self.at];
            let suffix = self.suffix(false);
            if suffix.is_empty() && handle != "!" {
                return self.problem(ProblemKind::TagForm);
            }
            (handle, suffix)
        };
        let ends = self.is_gap(0) || self.flow > 0 && self.byte(0) == b',';
        if !ends {
            return self.problem(ProblemKind::TagForm);
        }
        self.push(Kind::Tag(handle, Cow::Borrowed(suffix)), start);
        Ok(())
    }

    fn suffix(&mut self, verbatim: bool) -> &'text str {
        self.word(|byte| match byte {
            b',' | b'[' | b']' => verbatim,
            b'-' | b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b'.' | b'!' | b'~'
            | b'*' | b'\'' | b'(' | b')' | b'_' | b'%' => true,
            other => other.is_ascii_alphanumeric(),
        })
    }

    /// `%YAML 1.1` and `%TAG !handle! prefix`.
    pub(super) fn directive(&mut self) -> Result<()> {
        let start = self.at;
        let line_end = self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |length| start + length);
        let line = self.text[start + 1..line_end].split(" #").next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let meaning = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("YAML"), Some(version), None, None) if is_version_one(version) => None,
            (Some("TAG"), Some(handle), Some(prefix), None) if is_handle(handle) => Some((handle, prefix)),
            _ => return self.problem(ProblemKind::Directive),
        };
        self.at = line_end;
        self.push(Kind::Directive(meaning), start);
        Ok(())
    }
}

fn is_version_one(version: &str) -> bool {
    version.strip_prefix("1.").is_some_and(|minor| matches!(minor, "1" | "2"))
}

fn is_handle(handle: &str) -> bool {
    let inner = handle.strip_prefix('!').map(|rest| rest.strip_suffix('!').unwrap_or(rest));
    inner.is_some_and(|name| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}
