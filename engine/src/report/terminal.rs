//! The run as a person watches it: plays, tasks, what came of each host, a recap.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::colors::{Color, Colors};
use super::screen::Screen;
use super::{Event, HostSummary, ItemLabel, Report, Status, TaskInfo};

/// How the report looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// The colours, if there are any.
    pub colors: Option<Colors>,
    /// With lines at the bottom that show what is going on.
    pub progress: bool,
    /// How much is shown: the number of `-v`.
    pub verbosity: u8,
    /// How wide headings are, in characters.
    pub width: usize,
    /// How many lines a difference shows around each change.
    pub context: usize,
    /// With results that changed nothing.
    pub ok: bool,
    /// With tasks that are skipped.
    pub skipped: bool,
    /// With what `set_stats` kept, at the end.
    pub stats: bool,
}

/// Shows a run on a terminal, or as plain lines.
pub struct Terminal<W> {
    screen: Screen<W>,
    style: Style,
    /// The task whose heading is the last one shown.
    heading: Option<u64>,
}

impl<W: Write + Send> Terminal<W> {
    /// A report for a writer, usually standard output.
    pub fn new(out: W, style: Style) -> Self {
        Self { screen: Screen::new(out, style), style, heading: None }
    }

    fn heading(&mut self, text: &str) {
        let stars = self.style.width.saturating_sub(text.chars().count() + 1).max(3);
        self.screen.line(Color::Plain, &format!("\n{text} {}", "*".repeat(stars)));
    }

    fn task_heading(&mut self, task: &TaskInfo) {
        if self.heading == Some(task.id) {
            return;
        }
        self.heading = Some(task.id);
        let kind = if task.handler { "RUNNING HANDLER" } else { "TASK" };
        let role = task.role.as_ref().map_or_else(String::new, |role| format!("{role} : "));
        self.heading(&format!("{kind} [{role}{}]", task.name));
        if self.style.verbosity >= 2 {
            self.screen.line(Color::Quiet, &format!("task path: {}", task.place));
        }
    }

    fn result(
        &mut self,
        task: &TaskInfo,
        host: &str,
        item: Option<&ItemLabel>,
        status: Status,
        result: &Map<String, Value>,
    ) {
        self.screen.difference(result);
        let (color, word) = match status {
            Status::Ok => (Color::Good, "ok"),
            Status::Changed => (Color::Changed, "changed"),
            Status::Skipped => (Color::Quiet, "skipping"),
            Status::Failed | Status::Ignored if item.is_some() => (Color::Bad, "failed"),
            Status::Failed | Status::Ignored => (Color::Bad, "fatal"),
            Status::Unreachable => (Color::Unreachable, "fatal"),
        };
        let item_text = item.map_or_else(String::new, |label| format!(" => (item={})", label.0));
        let failure = match status {
            Status::Failed | Status::Ignored if item.is_none() => ": FAILED!",
            Status::Unreachable => ": UNREACHABLE!",
            _ => "",
        };
        let details = self.details(task, status, result, item.is_none());
        self.screen.line(color, &format!("{word}: [{host}]{failure}{item_text}{details}"));
        if status == Status::Ignored && item.is_none() {
            self.screen.line(Color::Quiet, "...ignoring");
        }
    }

    /// Whether results of this status are shown.
    fn shows(&self, status: Status) -> bool {
        match status {
            Status::Ok => self.style.ok,
            Status::Skipped => self.style.skipped,
            _ => true,
        }
    }

    /// What is shown of a result after its status.
    fn details(&self, task: &TaskInfo, status: Status, result: &Map<String, Value>, whole: bool) -> String {
        let bad = matches!(status, Status::Failed | Status::Ignored | Status::Unreachable);
        let talks = matches!(task.module.as_ref(), "debug") && status != Status::Skipped;
        if bad {
            return failure(result, whole);
        }
        if !talks && self.style.verbosity == 0 {
            return String::new();
        }
        let mut shown = result.clone();
        shown.remove("diff");
        if talks {
            shown.retain(|name, _| !matches!(name.as_str(), "changed" | "failed" | "results"));
        }
        if shown.is_empty() {
            return String::new();
        }
        format!(" => {}", serde_json::to_string_pretty(&shown).unwrap_or_default())
    }

    /// What `set_stats` kept: that of hosts, then that of the run.
    fn stats(&mut self, stats: &BTreeMap<Arc<str>, Map<String, Value>>) {
        self.heading("CUSTOM STATS:");
        let (run, hosts): (Vec<_>, Vec<_>) = stats.iter().partition(|(host, _)| host.as_ref() == "_run");
        for (host, kept) in hosts {
            self.screen.line(Color::Plain, &format!("\t{host}: {}\n", Value::Object(kept.clone())));
        }
        for (_, kept) in run {
            self.screen.line(Color::Plain, &format!("\tRUN: {}\n", Value::Object(kept.clone())));
        }
    }

    fn recap(&mut self, host: &str, width: usize, summary: &HostSummary) {
        let HostSummary { ok, changed, unreachable, failed, skipped, rescued, ignored } = summary;
        let color = match summary {
            summary if summary.failed + summary.unreachable > 0 => Color::Bad,
            summary if summary.changed > 0 => Color::Changed,
            _ => Color::Good,
        };
        let counts = format!(
            "ok={ok:<4} changed={changed:<4} unreachable={unreachable:<4} failed={failed:<4} skipped={skipped:<4} rescued={rescued:<4} ignored={ignored:<4}"
        );
        self.screen.line(color, &format!("{host:<width$} : {counts}"));
    }
}

/// A failure, whole: its message, then each text it left on lines of its own.
fn failure(result: &Map<String, Value>, whole: bool) -> String {
    let text = |name: &str| {
        result.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let mut shown =
        text("msg").or_else(|| text("censored")).map_or_else(String::new, |message| format!(" => {message}"));
    if !whole || !result.contains_key("results") {
        for name in ["assertion", "cmd", "rc", "status", "stdout", "stderr", "module_stdout", "module_stderr"]
        {
            let Some(value) = text(name).filter(|value| !value.trim().is_empty()) else { continue };
            if value.contains('\n') {
                shown.push_str(&format!("\n  {name}:"));
                value.trim_end().lines().for_each(|line| shown.push_str(&format!("\n    {line}")));
            } else {
                shown.push_str(&format!("\n  {name}: {value}"));
            }
        }
    }
    shown
}

impl<W: Write + Send> Report for Terminal<W> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::PlaybookStart { check: true, path } => {
                self.screen
                    .line(Color::Quiet, &format!("{path}: nothing is changed, this run only predicts"));
            }
            Event::PlaybookStart { .. } => {}
            // The first batch stands below the heading of the play.
            Event::BatchStart { first: true, .. } => {}
            Event::PlayStart { name, .. } | Event::BatchStart { play: name, .. } => {
                self.heading(&format!("PLAY [{name}]"));
            }
            Event::NoHosts { play } => {
                self.heading(&format!("PLAY [{play}]"));
                self.screen.line(Color::Quiet, "skipping: no hosts matched");
            }
            // Where some results are not shown, the heading waits for one that is.
            Event::TaskStart { task } => {
                if self.style.ok && self.style.skipped {
                    self.task_heading(task);
                }
            }
            Event::HostStart { task, host } => {
                if let Some(progress) = &mut self.screen.progress {
                    progress.start(host, &task.name);
                }
            }
            Event::Item { task, host, label, status, result, .. } => {
                if self.shows(*status) {
                    self.task_heading(task);
                    self.result(task, host, Some(label), *status, result);
                }
            }
            Event::Retry { task, host, left, .. } => {
                self.screen.line(
                    Color::Plain,
                    &format!("FAILED - RETRYING: [{host}]: {} ({left} retries left).", task.name),
                );
            }
            Event::Output { host, text } => {
                if let Some(progress) = &self.screen.progress {
                    progress.output(host, text);
                }
            }
            Event::Result { task, host, delegated_to, status, result, .. } => {
                if let Some(progress) = &mut self.screen.progress {
                    progress.done(host);
                }
                if !self.shows(*status) {
                    return;
                }
                self.task_heading(task);
                let is_loop = result.contains_key("results")
                    && !matches!(
                        status,
                        Status::Failed | Status::Ignored | Status::Unreachable | Status::Skipped
                    );
                let host = match delegated_to {
                    Some(other) if other != host => format!("{host} -> {other}"),
                    _ => host.to_string(),
                };
                if !is_loop {
                    self.result(task, &host, None, *status, result);
                }
            }
            Event::Included { name, item, hosts } => {
                let hosts = hosts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
                let item = item.as_ref().map_or_else(String::new, |item| format!(" => (item={item})"));
                self.screen.line(Color::Quiet, &format!("included: {name} for {hosts}{item}"));
            }
            Event::Notified { handler, host } => {
                if self.style.verbosity >= 2 {
                    self.screen.line(Color::Quiet, &format!("NOTIFIED HANDLER {handler} for {host}"));
                }
            }
            Event::Warning { diagnostic } => self.screen.warning(diagnostic),
            Event::Summary { hosts, stats, interrupted } => {
                if *interrupted {
                    self.screen.line(Color::Bad, "\ninterrupted: run it again to go on");
                }
                self.heading("PLAY RECAP");
                let width = hosts.keys().map(|host| host.len()).max().unwrap_or(0).max(26);
                for (host, summary) in hosts {
                    self.recap(host, width, summary);
                }
                self.screen.line(Color::Plain, "");
                if self.style.stats && !stats.is_empty() {
                    self.stats(stats);
                }
            }
        }
    }
}
