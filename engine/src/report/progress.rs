//! Lines at the bottom of a terminal that show what is going on right now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How many hosts are shown one by one.
const LINES: usize = 12;

/// One line per host at work, with the time it has taken so far.
pub(super) struct Progress {
    lines: MultiProgress,
    hosts: HashMap<Arc<str>, ProgressBar>,
    /// Hosts at work beyond those that have a line.
    more: usize,
    summary: Option<ProgressBar>,
}

impl Progress {
    /// Lines on standard error.
    pub(super) fn new() -> Self {
        Self { lines: MultiProgress::new(), hosts: HashMap::new(), more: 0, summary: None }
    }

    /// A task began on a host.
    pub(super) fn start(&mut self, host: &Arc<str>, task: &str) {
        if self.hosts.len() >= LINES {
            self.more += 1;
            self.show_more();
            return;
        }
        let style = ProgressStyle::with_template("  {spinner} {prefix} {wide_msg} {elapsed:>5}");
        let line = self.lines.add(ProgressBar::new_spinner());
        line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        line.set_prefix(host.to_string());
        line.set_message(task.to_owned());
        line.enable_steady_tick(Duration::from_millis(120));
        self.hosts.insert(Arc::clone(host), line);
    }

    /// A host said something.
    pub(super) fn output(&self, host: &str, text: &str) {
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        if let (Some(line), Some(last)) = (self.hosts.get(host), last) {
            line.set_message(last.chars().filter(|character| !character.is_control()).collect::<String>());
        }
    }

    /// A task is done on a host.
    pub(super) fn done(&mut self, host: &str) {
        match self.hosts.remove(host) {
            Some(line) => line.finish_and_clear(),
            None => {
                self.more = self.more.saturating_sub(1);
                self.show_more();
            }
        }
    }

    fn show_more(&mut self) {
        if self.more == 0 {
            if let Some(line) = self.summary.take() {
                line.finish_and_clear();
            }
            return;
        }
        let line = self.summary.get_or_insert_with(|| self.lines.add(ProgressBar::new_spinner()));
        line.set_message(format!("and {} more", self.more));
    }

    /// Does some printing with the lines out of the way.
    pub(super) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.lines.suspend(print)
    }
}
