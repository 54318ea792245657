//! Where lines are shown: with or without colours, above the lines that show what is going on.

use std::io::Write;

use clouder_lang::{Diagnostic, Severity};
use serde_json::{Map, Value};

use super::colors::Color;
use super::progress::Progress;
use super::{Style, difference};

/// A terminal, or plain lines.
pub(super) struct Screen<W> {
    out: W,
    style: Style,
    /// The lines at the bottom.
    pub(super) progress: Option<Progress>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, style: Style) -> Self {
        Self { out, style, progress: style.progress.then(Progress::new) }
    }

    /// Shows a line.
    pub(super) fn line(&mut self, color: Color, text: &str) {
        let code = self.style.colors.map_or("", |colors| colors.code(color));
        let out = &mut self.out;
        let mut print = || {
            // A reader that went away (`| head`) is no reason to stop the run.
            let _ = if code.is_empty() {
                writeln!(out, "{text}")
            } else {
                writeln!(out, "\x1b[{code}m{text}\x1b[0m")
            };
            let _ = out.flush();
        };
        match &self.progress {
            Some(progress) => progress.suspend(print),
            None => print(),
        }
    }

    /// Shows what a result changed.
    pub(super) fn difference(&mut self, result: &Map<String, Value>) {
        for line in difference::lines(result, self.style.context) {
            let color = match line.chars().next() {
                Some('+') => Color::Added,
                Some('-') => Color::Removed,
                Some('@') => Color::Place,
                _ => Color::Plain,
            };
            self.line(color, &line);
        }
    }

    /// Shows a warning.
    pub(super) fn warning(&mut self, diagnostic: &Diagnostic) {
        let color = if diagnostic.severity == Severity::Error { Color::Bad } else { Color::Warning };
        let text = diagnostic.to_string();
        let text =
            text.strip_prefix("warning: ").map_or_else(|| text.clone(), |rest| format!("[WARNING]: {rest}"));
        self.line(color, &text);
    }
}
