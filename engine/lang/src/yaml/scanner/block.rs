//! Block scalars: `|` keeps lines, `>` folds them.

use std::borrow::Cow;

use super::{Kind, ProblemKind, Result, Scanner, Style, Token};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    /// One stays.
    Clip,
    /// None stays.
    Strip,
    /// All stay.
    Keep,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self) -> Result<()> {
        let literal = self.byte(0) == b'|';
        self.at += 1;
        let (chomp, increment) = self.block_header()?;
        let mut indent = match increment {
            0 => 0,
            increment => self.indent.max(0) + increment,
        };
        let mut text = String::new();
        let mut after_line = "";
        let mut breaks = String::new();
        self.block_breaks(&mut indent, &mut breaks)?;
        let start = self.at;
        let mut end = start;
        let mut began_blank = false;
        while self.spaces() == indent && !self.is_end() {
            let begins_blank = self.is_blank(0);
            if !literal && after_line == "\n" && !began_blank && !begins_blank {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(after_line);
            }
            text.push_str(&breaks);
            breaks.clear();
            began_blank = begins_blank;
            let from = self.at;
            while !self.is_end() && !self.is_break(0) {
                self.at += 1;
            }
            text.push_str(&self.text[from..self.at]);
            end = self.at;
            after_line = if self.is_end() { "" } else { self.line_break() };
            self.block_breaks(&mut indent, &mut breaks)?;
        }
        if chomp != Chomp::Strip {
            text.push_str(after_line);
        }
        if chomp == Chomp::Keep {
            text.push_str(&breaks);
        }
        self.queue.push_back(Token { kind: Kind::Scalar(Cow::Owned(text), Style::Block), start, end });
        Ok(())
    }

    /// What follows `|` or `>`, up to the next line.
    fn block_header(&mut self) -> Result<(Chomp, isize)> {
        let mut chomp = Chomp::Clip;
        let mut increment = 0;
        for _ in 0..2 {
            match self.byte(0) {
                b'+' if chomp == Chomp::Clip => chomp = Chomp::Keep,
                b'-' if chomp == Chomp::Clip => chomp = Chomp::Strip,
                digit @ b'1'..=b'9' if increment == 0 => increment = isize::from(digit - b'0'),
                _ => break,
            }
            self.at += 1;
        }
        while self.is_blank(0) {
            self.at += 1;
        }
        if self.byte(0) == b'#' {
            while !self.is_end() && !self.is_break(0) {
                self.at += 1;
            }
        }
        if self.is_break(0) {
            self.line_break();
        } else if !self.is_end() {
            return self.problem(ProblemKind::BlockHeader);
        }
        Ok((chomp, increment))
    }

    /// Goes beyond indentation and empty lines. Where the indentation is not known yet, the first line with something on it
    /// says it.
    fn block_breaks(&mut self, indent: &mut isize, breaks: &mut String) -> Result<()> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.spaces() < *indent) && self.byte(0) == b' ' {
                self.at += 1;
            }
            deepest = deepest.max(self.spaces());
            if (*indent == 0 || self.spaces() < *indent) && self.byte(0) == b'\t' {
                return self.problem(ProblemKind::Tab);
            }
            if !self.is_break(0) {
                break;
            }
            let meaning = self.line_break();
            breaks.push_str(meaning);
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }
}
