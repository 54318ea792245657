//! Text → tokens, by the rules of YAML 1.1 as libyaml applies them, which reads Ansible's files.
//!
//! What makes YAML hard to take apart is that a key is known to be one only when its colon is found. So tokens wait in a
//! queue as long as one of them may turn out to begin a key; then the tokens that say so are put in front of it. Keys are
//! on one line and at most [`Scanner::KEY_LENGTH`] characters long, so that the queue stays short.

mod block;
mod properties;
mod scalar;
mod token;

use std::collections::VecDeque;

pub(super) use token::{Kind, Problem, ProblemKind, Style, Token};

type Result<T> = std::result::Result<T, Problem>;

/// How deep lists and mappings may be nested; later steps may recurse.
pub(super) const DEPTH: usize = 200;

pub(super) struct Scanner<'text> {
    text: &'text str,
    /// The byte looked at.
    at: usize,
    line: usize,
    line_start: usize,
    /// Tokens that are complete but not taken, and how many were taken.
    queue: VecDeque<Token<'text>>,
    taken: usize,
    ended: bool,
    /// The column of the innermost list or mapping in block style; -1 outside of all.
    indent: isize,
    indents: Vec<isize>,
    /// How many brackets are open.
    flow: usize,
    /// Whether a key may begin here.
    key_allowed: bool,
    /// What may be a key, one for each open bracket and one outside.
    keys: Vec<Option<PossibleKey>>,
}

/// A token that may turn out to begin a key.
#[derive(Clone, Copy)]
struct PossibleKey {
    /// Its number among all tokens.
    token: usize,
    /// It stands where only a key can stand.
    required: bool,
    at: usize,
    line: usize,
    column: isize,
}

impl<'text> Scanner<'text> {
    const KEY_LENGTH: usize = 1024;

    pub(super) fn new(text: &'text str) -> Self {
        Self {
            text,
            at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 },
            line: 0,
            line_start: 0,
            queue: VecDeque::new(),
            taken: 0,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow: 0,
            key_allowed: true,
            keys: vec![None],
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token<'text>> {
        while !self.ended && self.needs_more()? {
            self.fetch()?;
        }
        // After the end there is the end again.
        if self.queue.is_empty() {
            self.queue.push_back(Token { kind: Kind::StreamEnd, start: self.at, end: self.at });
        }
        Ok(&self.queue[0])
    }

    /// The next token.
    pub(super) fn take(&mut self) -> Result<Token<'text>> {
        self.peek()?;
        self.taken += 1;
        let end = Token { kind: Kind::StreamEnd, start: self.at, end: self.at };
        Ok(self.queue.pop_front().unwrap_or(end))
    }

    fn needs_more(&mut self) -> Result<bool> {
        if self.queue.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.keys.iter().flatten().any(|key| key.token == self.taken))
    }

    // Characters.

    /// The byte so many further; 0 at the end, as no text holds one.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// How long the line break so many bytes further is; 0 when there is none.
    fn break_length(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\r' if self.byte(ahead + 1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xc2 if self.byte(ahead + 1) == 0x85 => 2,
            0xe2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    fn is_break(&self, ahead: usize) -> bool {
        self.break_length(ahead) > 0
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether a blank, a line break or the end is so many bytes further.
    fn is_gap(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break(ahead) || self.at + ahead >= self.text.len()
    }

    /// Goes beyond a line break; returns what it stands for in a text.
    fn line_break(&mut self) -> &'static str {
        let meaning = match (self.byte(0), self.byte(2)) {
            (0xe2, 0xa8) => "\u{2028}",
            (0xe2, 0xa9) => "\u{2029}",
            _ => "\n",
        };
        self.at += self.break_length(0);
        self.line += 1;
        self.line_start = self.at;
        meaning
    }

    /// Goes beyond one character that is no line break; returns its length.
    fn skip_character(&mut self) -> usize {
        let length = match self.byte(0) {
            0..=0x7f => 1,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        self.at += length;
        length
    }

    /// How many characters are before the place looked at on its line.
    fn column(&self) -> isize {
        let before = self.text.as_bytes().get(self.line_start..self.at).unwrap_or_default();
        // Bytes that continue a character do not count.
        before.iter().filter(|byte| **byte & 0xc0 != 0x80).count().cast_signed()
    }

    /// How far a line is indented, up to here.
    fn spaces(&self) -> isize {
        (self.at - self.line_start).cast_signed()
    }

    fn problem<T>(&self, kind: ProblemKind) -> Result<T> {
        Err(Problem { kind, at: self.at })
    }

    /// Whether `---` or `...` is here as a line of its own.
    fn is_document_mark(&self) -> bool {
        self.at == self.line_start
            && matches!(self.text.as_bytes().get(self.at..self.at + 3), Some(b"---" | b"..."))
            && self.is_gap(3)
    }

    // What may be a key.

    fn drop_stale_keys(&mut self) -> Result<()> {
        let (line, at) = (self.line, self.at);
        for key in &mut self.keys {
            let stale = |key: &PossibleKey| key.line < line || at - key.at > Self::KEY_LENGTH;
            if let Some(found) = key.filter(stale) {
                if found.required {
                    return Err(Problem { kind: ProblemKind::NoColon, at: found.at });
                }
                *key = None;
            }
        }
        Ok(())
    }

    /// The next token may begin a key.
    fn save_key(&mut self) -> Result<()> {
        if !self.key_allowed {
            return Ok(());
        }
        // Columns matter outside of brackets only, where lines are not long.
        let column = if self.flow == 0 { self.column() } else { 0 };
        let required = self.flow == 0 && self.indent == column;
        self.drop_key()?;
        let key = PossibleKey {
            token: self.taken + self.queue.len(),
            required,
            at: self.at,
            line: self.line,
            column,
        };
        if let Some(place) = self.keys.last_mut() {
            *place = Some(key);
        }
        Ok(())
    }

    fn drop_key(&mut self) -> Result<()> {
        match self.keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(Problem { kind: ProblemKind::NoColon, at: key.at }),
            _ => Ok(()),
        }
    }

    // Indentation.

    /// Begins a list or mapping when a line is indented more; `number` is the token it begins with, if that is waiting.
    fn indent_to(&mut self, column: isize, number: Option<usize>, kind: Kind<'text>, at: usize) {
        if self.flow > 0 || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        let token = Token { kind, start: at, end: at };
        match number.and_then(|number| number.checked_sub(self.taken)) {
            Some(place) if place <= self.queue.len() => self.queue.insert(place, token),
            _ => self.queue.push_back(token),
        }
    }

    /// Ends the lists and mappings that are indented more.
    fn unindent_to(&mut self, column: isize) {
        while self.flow == 0 && self.indent > column {
            self.push(Kind::BlockEnd, self.at);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    // Tokens.

    fn push(&mut self, kind: Kind<'text>, start: usize) {
        self.queue.push_back(Token { kind, start, end: self.at });
    }

    fn fetch(&mut self) -> Result<()> {
        self.skip_gaps();
        self.drop_stale_keys()?;
        if self.flow == 0 {
            let column = self.column();
            self.unindent_to(column);
        }
        if self.is_end() {
            return self.end();
        }
        if self.at == self.line_start && self.byte(0) == b'%' {
            self.unindent_to(-1);
            self.drop_key()?;
            self.key_allowed = false;
            return self.directive();
        }
        if self.is_document_mark() {
            return self.document_mark();
        }
        match self.byte(0) {
            b'[' => self.open(Kind::FlowSequenceStart),
            b'{' => self.open(Kind::FlowMappingStart),
            b']' => self.close(Kind::FlowSequenceEnd),
            b'}' => self.close(Kind::FlowMappingEnd),
            b',' => {
                self.drop_key()?;
                self.key_allowed = true;
                self.sign(Kind::FlowEntry)
            }
            b'-' if self.is_gap(1) => self.entry(),
            b'?' if self.flow > 0 || self.is_gap(1) => self.key(),
            b':' if self.flow > 0 || self.is_gap(1) => self.value(),
            b'*' | b'&' => {
                self.save_key()?;
                self.key_allowed = false;
                self.anchor()
            }
            b'!' => {
                self.save_key()?;
                self.key_allowed = false;
                self.tag()
            }
            b'|' | b'>' if self.flow == 0 => {
                self.drop_key()?;
                self.key_allowed = true;
                self.block_scalar()
            }
            b'\'' | b'"' => {
                self.save_key()?;
                self.key_allowed = false;
                self.quoted()
            }
            b'\t' => self.problem(ProblemKind::Tab),
            _ if self.begins_plain() => {
                self.save_key()?;
                self.key_allowed = false;
                self.plain()
            }
            _ => self.problem(ProblemKind::Character),
        }
    }

    /// Goes beyond blanks, comments and line breaks.
    fn skip_gaps(&mut self) {
        loop {
            // Where a key may begin, tabs would make columns ambiguous.
            while self.byte(0) == b' ' || self.byte(0) == b'\t' && (self.flow > 0 || !self.key_allowed) {
                self.at += 1;
            }
            if self.byte(0) == b'#' {
                while !self.is_end() && !self.is_break(0) {
                    self.at += 1;
                }
            }
            if !self.is_break(0) {
                return;
            }
            self.line_break();
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        self.ended = true;
        self.unindent_to(-1);
        self.drop_key()?;
        self.key_allowed = false;
        self.push(Kind::StreamEnd, self.at);
        Ok(())
    }

    fn document_mark(&mut self) -> Result<()> {
        self.unindent_to(-1);
        self.drop_key()?;
        self.key_allowed = false;
        let start = self.at;
        let kind = if self.byte(0) == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd };
        self.at += 3;
        self.push(kind, start);
        Ok(())
    }

    /// A token of one sign.
    fn sign(&mut self, kind: Kind<'text>) -> Result<()> {
        let start = self.at;
        self.at += 1;
        self.push(kind, start);
        Ok(())
    }

    fn open(&mut self, kind: Kind<'text>) -> Result<()> {
        self.save_key()?;
        if self.flow >= DEPTH {
            return self.problem(ProblemKind::TooDeep);
        }
        self.flow += 1;
        self.keys.push(None);
        self.key_allowed = true;
        self.sign(kind)
    }

    fn close(&mut self, kind: Kind<'text>) -> Result<()> {
        self.drop_key()?;
        if self.flow > 0 {
            self.flow -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.sign(kind)
    }

    /// `-`.
    fn entry(&mut self) -> Result<()> {
        if self.flow == 0 {
            if !self.key_allowed {
                return self.problem(ProblemKind::ListHere);
            }
            self.indent_to(self.column(), None, Kind::BlockSequenceStart, self.at);
        }
        self.drop_key()?;
        self.key_allowed = true;
        self.sign(Kind::BlockEntry)
    }

    /// `?`.
    fn key(&mut self) -> Result<()> {
        if self.flow == 0 {
            if !self.key_allowed {
                return self.problem(ProblemKind::MappingHere);
            }
            self.indent_to(self.column(), None, Kind::BlockMappingStart, self.at);
        }
        self.drop_key()?;
        self.key_allowed = self.flow == 0;
        self.sign(Kind::Key)
    }

    /// `:`.
    fn value(&mut self) -> Result<()> {
        if let Some(key) = self.keys.last_mut().and_then(Option::take) {
            let place = key.token.saturating_sub(self.taken).min(self.queue.len());
            self.queue.insert(place, Token { kind: Kind::Key, start: key.at, end: key.at });
            self.indent_to(key.column, Some(key.token), Kind::BlockMappingStart, key.at);
            self.key_allowed = false;
        } else {
            if self.flow == 0 {
                if !self.key_allowed {
                    return self.problem(ProblemKind::MappingHere);
                }
                self.indent_to(self.column(), None, Kind::BlockMappingStart, self.at);
            }
            self.key_allowed = self.flow == 0;
        }
        self.sign(Kind::Value)
    }
}
