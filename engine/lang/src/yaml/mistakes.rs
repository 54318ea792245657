//! What people get wrong in YAML, said so that they see it.

use std::sync::Arc;

use super::Node;
use super::scanner::{DEPTH, Problem, ProblemKind};
use crate::{Diagnostic, Source, Span};

/// Refuses texts that hold what no YAML text may: they are binary files.
pub(super) fn check_characters(source: &Arc<Source>) -> Result<(), Diagnostic> {
    let forbidden = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' | ' '..='~' => false,
        _ => c < '\u{a0}' || matches!(c, '\u{fffe}' | '\u{ffff}'),
    };
    let Some((at, character)) = source.text().char_indices().find(|(_, c)| forbidden(*c)) else {
        return Ok(());
    };
    let span = Span::new(Arc::clone(source), at, at + character.len_utf8());
    let code = u32::from(character);
    Err(Diagnostic::error(format!("the control character U+{code:04X} is not allowed in YAML"), &span)
        .hint("this may be a binary file; inside double quotes, write the character as \\xNN"))
}

/// A mistake without what it quotes, if its text is secret.
pub(super) fn veiled(mistake: Diagnostic) -> Diagnostic {
    if !mistake.span.as_ref().is_some_and(|span| span.source().is_secret()) {
        return mistake;
    }
    let parts = mistake.message.split('`').enumerate();
    let parts: Vec<&str> = parts.map(|(index, part)| if index % 2 == 1 { "…" } else { part }).collect();
    Diagnostic { message: parts.join("`"), hint: None, ..mistake }.hint("`clouder vault edit` shows the line")
}

pub(super) fn second_document(span: &Span) -> Diagnostic {
    Diagnostic::error("a second document begins here, but only one is allowed in a file", span)
        .hint("put it into a file of its own, or remove the `---`")
}

pub(super) fn too_deep(span: &Span, limit: usize) -> Diagnostic {
    Diagnostic::error(format!("lists and mappings are nested more than {limit} deep"), span)
}

pub(super) fn too_many_copies(span: &Span) -> Diagnostic {
    Diagnostic::error("aliases and merges make this text too large", span)
        .hint("aliases that stand for aliases multiply; a million values is the limit")
}

pub(super) fn duplicate_key(name: &str, again: &Span, first: &Span) -> Diagnostic {
    Diagnostic::warning(format!("the key `{name}` is given twice; the last one counts"), again)
        .via("first given at", first)
}

pub(super) fn cannot_merge(culprit: &Node) -> Diagnostic {
    Diagnostic::error(
        format!("`<<` merges a mapping or a list of mappings, not {}", culprit.kind()),
        &culprit.span,
    )
}

pub(super) fn unknown_tag(name: &str, span: &Span) -> Diagnostic {
    Diagnostic::error(format!("unknown tag `{name}`"), span)
        .hint("known are !vault and !unsafe; quote a text that begins with `!`")
}

/// An alias without a value; `around`: the value it means is the one that contains it.
pub(super) fn unknown_anchor(span: &Span, around: bool) -> Diagnostic {
    if around {
        return Diagnostic::error(format!("`{}` stands for a value that contains it", span.text()), span);
    }
    Diagnostic::error("there is no anchor of this name", span).hint("quote a text that begins with `*`")
}

/// A list or mapping where a key belongs; `{{ x }}` without quotes is a mapping whose key is one.
pub(super) fn container_as_key(node: &Node) -> Diagnostic {
    let before = node.span.source().text().get(..node.span.start()).unwrap_or_default();
    if node.as_mapping().is_some() && before.ends_with('{') {
        let line = node.span.position().line;
        let column = node.span.start() - 1;
        return unquoted_template(node.span.source(), line, column);
    }
    Diagnostic::error(format!("{} cannot be a key", node.kind()), &node.span)
}

/// A template at the byte `start` of a text, without quotes around its value.
fn unquoted_template(source: &Arc<Source>, line: usize, start: usize) -> Diagnostic {
    let column = source.position(start).column;
    let value: String = source.line(line).chars().skip(column - 1).collect();
    let value = value.trim_end();
    let quoted = if value.contains('"') { quoted(value) } else { format!("\"{value}\"") };
    let span = Span::new(Arc::clone(source), start, start + value.len());
    Diagnostic::error("a value that begins with a template must be quoted", &span)
        .hint(format!("write {quoted}"))
}

/// A text in the quotes that need the least change to it.
fn quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// What the parser met, in terms of what the person wrote.
pub(super) fn explain(source: &Arc<Source>, problem: &Problem, open: Option<&Span>) -> Diagnostic {
    let here = Place::new(source, problem.at);
    let closing = here.closing_quote_line();
    if let Some(diagnostic) =
        here.tab().or_else(|| here.template()).or(closing).or_else(|| here.value_start())
    {
        return diagnostic;
    }
    let span = here.span();
    let ended = problem.at >= source.text().trim_end().len();
    if let Some(open) =
        open.filter(|_| ended || matches!(problem.kind, ProblemKind::NoComma | ProblemKind::NoContent))
    {
        return Diagnostic::error(format!("this `{}` is never closed", open.text()), open)
            .via("noticed at", &span);
    }
    let (message, hint) = match problem.kind {
        ProblemKind::MappingHere => return here.colon(),
        ProblemKind::TooDeep => return too_deep(&span, DEPTH),
        ProblemKind::NoColon => return here.no_colon(),
        ProblemKind::NoKey | ProblemKind::NoEntry => {
            return Diagnostic::error("the indentation of this line fits nothing above it", &here.content())
                .hint("entries of one list or mapping begin in the same column");
        }
        ProblemKind::Tab => ("a tab is used for indentation", "indent with spaces"),
        ProblemKind::Character => ("no value can begin with this character", "quote the value"),
        ProblemKind::ListHere => (
            "a list cannot begin here",
            "put it on a line of its own, or quote a text that is or begins with `- `",
        ),
        ProblemKind::NoComma | ProblemKind::NoContent => {
            ("something else belongs here", "check commas and brackets")
        }
        ProblemKind::OpenQuote => {
            ("this quote is never closed", "close it, or double a ' inside single quotes")
        }
        ProblemKind::Escape => (
            "unknown escape after a backslash in double quotes",
            "double the backslash, or use single quotes, in which it has no meaning",
        ),
        ProblemKind::BlockHeader => (
            "only `+`, `-` and a digit may follow `|` or `>`",
            "begin the text on the next line, or quote a value that begins with `|` or `>`",
        ),
        ProblemKind::AnchorName => (
            "the name of an anchor holds letters, digits, `_` and `-` only",
            "quote a text that begins with `*` or `&`",
        ),
        ProblemKind::TagForm | ProblemKind::TagHandle => {
            ("this is no tag", "known are !vault and !unsafe; quote a text that begins with `!`")
        }
        ProblemKind::Directive => {
            ("unknown directive", "only %YAML 1.1 and %TAG may begin a line with `%`; quote other texts")
        }
        ProblemKind::AfterDocument => ("the document has ended before this", "remove the `...`, or the rest"),
    };
    Diagnostic::error(message, &span).hint(hint)
}

/// Where the parser stopped.
struct Place<'text> {
    source: &'text Arc<Source>,
    at: usize,
    line: usize,
}

impl<'text> Place<'text> {
    fn new(source: &'text Arc<Source>, at: usize) -> Self {
        // At the very end there is nothing to see: the last line that says something is what is wrong.
        let at = at.min(source.text().trim_end().len());
        Self { source, at, line: source.position(at).line }
    }

    fn span(&self) -> Span {
        self.on_line(self.line, self.column_offset(), self.column_offset() + 1)
    }

    /// This line without its indentation.
    fn content(&self) -> Span {
        let line = self.source.line(self.line);
        self.on_line(self.line, line.len() - line.trim_start().len(), line.trim_end().len())
    }

    fn column_offset(&self) -> usize {
        self.at - self.source.line_start(self.line)
    }

    /// Bytes `from..to` of a line.
    fn on_line(&self, line: usize, from: usize, to: usize) -> Span {
        let start = self.source.line_start(line);
        Span::new(Arc::clone(self.source), start + from, start + to)
    }

    /// This line and the one above it that is not empty: where a mistake may have been made.
    fn lines(&self) -> impl Iterator<Item = (usize, &'text str)> {
        let source: &'text Source = self.source;
        let above = (1..self.line).rev().find(|line| !source.line(*line).trim().is_empty());
        std::iter::once(self.line).chain(above).map(move |line| (line, source.line(line)))
    }

    /// A tab where YAML wants blanks.
    fn tab(&self) -> Option<Diagnostic> {
        let below = (self.line + 1, self.source.line(self.line + 1));
        let (line, column) = self.lines().chain([below]).find_map(|(number, line)| {
            let indentation = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
            indentation.find('\t').map(|column| (number, column))
        })?;
        Some(
            Diagnostic::error("a tab is used for indentation", &self.on_line(line, column, column + 1))
                .hint("indent with spaces"),
        )
    }

    /// `key: {{ x }}`.
    fn template(&self) -> Option<Diagnostic> {
        self.lines().find_map(|(number, line)| {
            let value = value_start(line)?;
            let start = self.source.line_start(number) + value;
            line[value..].starts_with("{{").then(|| unquoted_template(self.source, number, start))
        })
    }

    /// `key: "a" b`.
    fn closing_quote_line(&self) -> Option<Diagnostic> {
        let line = self.source.line(self.line);
        let value = value_start(line)?;
        let quote = line[value..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let close = value + 1 + line[value + 1..].find(quote)?;
        let rest = line[close + 1..].trim();
        if rest.is_empty() || rest.starts_with([',', ']', '}', ':', '#']) || self.column_offset() <= close {
            return None;
        }
        let advice = format!("quote the whole value: {}", quoted(line[value..].trim_end()));
        let span = self.on_line(self.line, close + 1, line.trim_end().len());
        Some(Diagnostic::error("text follows the closing quote", &span).hint(advice))
    }

    /// A value whose first character means something else.
    fn value_start(&self) -> Option<Diagnostic> {
        let line = self.source.line(self.line);
        let value = value_start(line)?;
        let first = line[value..].chars().next().filter(|c| matches!(c, '@' | '`' | '%'))?;
        if self.column_offset() != value {
            return None;
        }
        let whole = line[value..].trim_end();
        let span = self.on_line(self.line, value, value + whole.len());
        Some(
            Diagnostic::error(format!("a value cannot begin with `{first}` unless it is quoted"), &span)
                .hint(format!("write {}", quoted(whole))),
        )
    }

    /// A line that stands where a key belongs and has no colon.
    fn no_colon(&self) -> Diagnostic {
        let line = self.source.line(self.line);
        let bare = line.trim_start_matches([' ', '-']);
        let from = line.len() - bare.len();
        if let Some(colon) = bare.find(':').filter(|colon| colon + 1 < bare.trim_end().len()) {
            let at = from + colon;
            return Diagnostic::error(
                "a blank is missing after this colon",
                &self.on_line(self.line, at, at + 1),
            );
        }
        Diagnostic::error("this line belongs to a mapping, but is no `key: value`", &self.content())
            .hint("indent it if it goes on with the value above")
    }

    /// A colon that makes a mapping where none can be.
    fn colon(&self) -> Diagnostic {
        let line = self.source.line(self.line);
        if let Some(value) = value_start(line).filter(|value| self.column_offset() > *value) {
            return Diagnostic::error("a colon and a blank inside a value that is not quoted", &self.span())
                .hint(format!("quote the value: {}", quoted(line[value..].trim_end())));
        }
        if let Some((number, above)) = self.lines().nth(1) {
            let bare = above.trim_start_matches([' ', '-']);
            let from = above.len() - bare.len();
            if let (Some(colon), None) = (bare.find(':'), value_start(above)) {
                let at = from + colon;
                if bare[..colon].chars().all(|c| c.is_alphanumeric() || c == '_')
                    && at + 1 < above.trim_end().len()
                {
                    return Diagnostic::error(
                        "a blank is missing after this colon",
                        &self.on_line(number, at, at + 1),
                    );
                }
            }
            return Diagnostic::error(
                "a key cannot begin here: the line above is not a mapping that could go on",
                &self.content(),
            )
            .hint("check the indentation of this line and the one above");
        }
        Diagnostic::error("a key cannot begin here", &self.span())
    }
}

/// Where the value of a `key: value` or `- value` line begins, if it has one.
fn value_start(line: &str) -> Option<usize> {
    let mut rest = line.trim_start_matches(' ');
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start_matches(' ');
    }
    let start = line.len() - rest.len();
    let after_key = match rest.chars().next()? {
        // The first of a list of quoted texts or templates, not a key.
        '"' | '\'' | '{' | '[' | '#' => None,
        _ => rest.find(": ").map(|colon| {
            let value = rest[colon + 1..].trim_start_matches(' ');
            line.len() - value.len()
        }),
    };
    let item = line.trim_start_matches(' ').starts_with("- ").then_some(start);
    after_key.or(item).filter(|value| *value < line.len())
}
