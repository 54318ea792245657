//! What is wrong, where, and what to do about it.

use std::fmt;

use crate::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// The run must not start, or must end.
    Error,
}

/// One finding about a text, for a person to act on.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line, without a full stop.
    pub message: String,
    /// Where it is wrong.
    pub span: Option<Span>,
    /// What led there, innermost first: "included from", "role `x` used".
    pub trail: Vec<(String, Span)>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(message: impl Into<String>, span: &Span) -> Self {
        Self::new(Severity::Error, message, Some(span.clone()))
    }

    /// A warning at a place.
    pub fn warning(message: impl Into<String>, span: &Span) -> Self {
        Self::new(Severity::Warning, message, Some(span.clone()))
    }

    /// An error that has no place in any text.
    pub fn without_place(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message, None)
    }

    fn new(severity: Severity, message: impl Into<String>, span: Option<Span>) -> Self {
        Self { severity, message: message.into(), span, trail: Vec::new(), hint: None }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding with one more step of what led there.
    #[must_use]
    pub fn via(mut self, step: impl Into<String>, span: &Span) -> Self {
        self.trail.push((step.into(), span.clone()));
        self
    }

    /// Whether it forbids the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::error::Error for Diagnostic {}

/// How many steps of what led to a finding are shown, besides the first one taken.
const STEPS: usize = 10;

/// Plain text, several lines, no colour; ends without a line break.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(formatter, "{label}: {}", self.message)?;
        if let Some(span) = &self.span {
            write!(formatter, "\n  --> {span}")?;
            excerpt(span, formatter)?;
        }
        for (number, (step, span)) in self.trail.iter().enumerate() {
            let rest = self.trail.len() - number;
            if number < STEPS || rest == 1 {
                write!(formatter, "\n  {step} {span}")?;
            } else if number == STEPS {
                write!(formatter, "\n  … {} more steps …", rest - 1)?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The line of a place with carets under it; very long lines are cut around the place.
fn excerpt(span: &Span, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    const WIDTH: usize = 120;
    if span.source().is_secret() {
        return write!(formatter, "\n   (the line is not shown: its file is encrypted)");
    }
    let position = span.position();
    let line = span.source().line(position.line);
    if line.is_empty() {
        return Ok(());
    }
    let at = position.column - 1;
    let from = at.saturating_sub(WIDTH / 2);
    // Control characters would do something to the terminal.
    let visible = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let shown: String = line.chars().skip(from).take(WIDTH).map(visible).collect();
    let length = span.text().lines().next().map_or(1, |text| text.trim_end().chars().count());
    let carets = "^".repeat(length.clamp(1, WIDTH.saturating_sub(at - from).max(1)));
    let number = position.line.to_string();
    let margin = " ".repeat(number.len());
    write!(
        formatter,
        "\n {margin} |\n {number} | {}\n {margin} | {}{carets}",
        shown.trim_end(),
        " ".repeat(at - from)
    )
}
