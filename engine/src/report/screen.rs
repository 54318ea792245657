//! Where lines are shown: with or without colours, above the lines that show what is going on.

use std::io::Write;

use clouder_lang::{Diagnostic, Severity};
use serde_json::{Map, Value};

use super::progress::Progress;
use super::{Style, difference};

/// What a line is about.
#[derive(Clone, Copy)]
pub(super) enum Color {
    Good,
    Changed,
    Bad,
    Quiet,
    Warning,
    Plain,
}

/// A terminal, or plain lines.
pub(super) struct Screen<W> {
    out: W,
    color: bool,
    /// The lines at the bottom.
    pub(super) progress: Option<Progress>,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, style: Style) -> Self {
        Self { out, color: style.color, progress: style.progress.then(Progress::new) }
    }

    /// Shows a line.
    pub(super) fn line(&mut self, color: Color, text: &str) {
        let code = match color {
            Color::Good => "32",
            Color::Changed => "33",
            Color::Bad => "31",
            Color::Quiet => "36",
            Color::Warning => "35",
            Color::Plain => "",
        };
        let out = &mut self.out;
        let painted = self.color && !code.is_empty();
        let mut print = || {
            // A reader that went away (`| head`) is no reason to stop the run.
            let _ =
                if painted { writeln!(out, "\x1b[{code}m{text}\x1b[0m") } else { writeln!(out, "{text}") };
            let _ = out.flush();
        };
        match &self.progress {
            Some(progress) => progress.suspend(print),
            None => print(),
        }
    }

    /// Shows what a result changed.
    pub(super) fn difference(&mut self, result: &Map<String, Value>) {
        for line in difference::lines(result) {
            let color = match line.chars().next() {
                Some('+') => Color::Good,
                Some('-') => Color::Bad,
                Some('@') => Color::Quiet,
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
