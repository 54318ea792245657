//! Source texts and places in them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Diagnostic;

/// A text that values were read from: a file, or an argument of the command line.
pub struct Source {
    name: PathBuf,
    text: String,
    line_starts: Vec<usize>,
    secret: bool,
}

impl Source {
    /// Wraps a text; `name` is what messages call it, usually the file's path.
    pub fn new(name: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self::wrap(name.into(), text.into(), false))
    }

    fn wrap(name: PathBuf, text: String, secret: bool) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text, line_starts, secret }
    }

    /// Wraps the contents of a file, a byte order mark left out.
    ///
    /// # Errors
    /// The first line that is not UTF-8 text.
    pub fn from_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        Self::exactly(name, unmarked(bytes), false)
    }

    /// Wraps what was in an encrypted file, a byte order mark left out: messages do not show its lines.
    ///
    /// # Errors
    /// The first line that is not UTF-8 text.
    pub fn secret(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostic> {
        Self::exactly(name, unmarked(bytes), true)
    }

    /// Wraps the contents of a file, byte for byte.
    ///
    /// # Errors
    /// The first line that is not UTF-8 text.
    pub fn exactly(name: impl Into<PathBuf>, bytes: Vec<u8>, secret: bool) -> Result<Arc<Self>, Diagnostic> {
        let name = name.into();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(Self::wrap(name, text, secret))),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let byte = bytes.get(at).copied().unwrap_or_default();
                let source = Arc::new(Self::wrap(name, String::from_utf8_lossy(&bytes).into_owned(), secret));
                let span = Span::new(source, at, at + '\u{fffd}'.len_utf8());
                Err(Diagnostic::error(
                    format!("this is not UTF-8 text: it holds the byte 0x{byte:02X}"),
                    &span,
                )
                .hint("save the file as UTF-8; binary files cannot be read here"))
            }
        }
    }

    /// What messages call this text.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether its lines must not be shown.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line of a 1-based number, without its line break; empty beyond the end.
    pub fn line(&self, number: usize) -> &str {
        let Some(start) = number.checked_sub(1).and_then(|index| self.line_starts.get(index)) else {
            return "";
        };
        let end = self.line_starts.get(number).copied().unwrap_or(self.text.len());
        self.text.get(*start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// The byte at which the line of a 1-based number begins; that of the end for lines beyond it.
    pub fn line_start(&self, number: usize) -> usize {
        let start = number.checked_sub(1).and_then(|index| self.line_starts.get(index));
        start.copied().unwrap_or(self.text.len())
    }

    /// The line and column of a byte offset.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }
}

/// Bytes without a byte order mark.
fn unmarked(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..'\u{feff}'.len_utf8());
    }
    bytes
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Source({})", self.name.display())
    }
}

/// A 1-based line and column; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// 1 for the first line.
    pub line: usize,
    /// 1 for the first character.
    pub column: usize,
}

/// A place in a source text: bytes `start..end`. Cheap to clone.
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    start: u32,
    end: u32,
}

impl Span {
    /// The bytes `start..end` of `source`; offsets beyond 4 GiB are clamped.
    pub fn new(source: Arc<Source>, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { source, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The whole of a text that is not a file: `-e a=b`, a built-in default.
    pub fn of_text(name: &str, text: &str) -> Self {
        let source = Source::new(name, text);
        let end = source.text().len();
        Self::new(source, 0, end)
    }

    /// The text this place is in.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// First byte.
    pub fn start(&self) -> usize {
        self.start as usize
    }

    /// One past the last byte.
    pub fn end(&self) -> usize {
        self.end as usize
    }

    /// Where it starts.
    pub fn position(&self) -> Position {
        self.source.position(self.start())
    }

    /// The characters themselves.
    pub fn text(&self) -> &str {
        self.source.text().get(self.start()..self.end()).unwrap_or_default()
    }

    /// A part of this place: bytes `from..to` counted from its start.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        Self::new(
            Arc::clone(&self.source),
            self.start() + from,
            (self.start() + to).min(self.source.text().len()),
        )
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position();
        write!(formatter, "{}:{line}:{column}", self.source.name.display())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
