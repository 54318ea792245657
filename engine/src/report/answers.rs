//! What came of a single task on each host, and nothing else: for `clouder adhoc`.

use std::io::Write;

use serde_json::{Map, Value};

use super::colors::Color;
use super::screen::Screen;
use super::{Event, Report, Status, Style, TaskInfo};

/// Modules whose answer is the text that a program wrote.
const TEXTS: [&str; 4] = ["command", "shell", "raw", "script"];

/// Shows each host's answer as it comes, in the form that `ansible` has.
pub struct Answers<W> {
    screen: Screen<W>,
    one_line: bool,
}

impl<W: Write> Answers<W> {
    /// A report for a writer, usually standard output; each answer on one line, if asked for.
    pub fn new(out: W, style: Style, one_line: bool) -> Self {
        Self { screen: Screen::new(out, style), one_line }
    }

    fn answer(&mut self, task: &TaskInfo, host: &str, status: Status, result: &Map<String, Value>) {
        self.screen.difference(result);
        let (color, word) = match status {
            Status::Ok => (Color::Good, "SUCCESS"),
            Status::Changed => (Color::Changed, "CHANGED"),
            Status::Skipped => (Color::Quiet, "SKIPPED"),
            Status::Failed | Status::Ignored => (Color::Bad, "FAILED"),
            Status::Unreachable => (Color::Bad, "UNREACHABLE!"),
        };
        let name = task.module.rsplit('.').next().unwrap_or_default();
        let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
        let shown = match result.get("rc").filter(|_| TEXTS.contains(&name)) {
            Some(code) if self.one_line => {
                let flat = |key: &str| text(key).trim_end().replace('\n', "\\n");
                let stderr = Some(flat("stderr")).filter(|text| !text.is_empty());
                let stderr = stderr.map_or_else(String::new, |text| format!(" (stderr) {text}"));
                format!("{host} | {word} | rc={code} | (stdout) {}{stderr}", flat("stdout"))
            }
            Some(code) => {
                let parts =
                    [text("stdout"), text("stderr"), if status == Status::Failed { text("msg") } else { "" }];
                let lines: Vec<&str> =
                    parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect();
                format!("{host} | {word} | rc={code} >>\n{}", lines.join("\n"))
            }
            None if status == Status::Skipped => format!("{host} | {word}"),
            None => {
                let mut shown = result.clone();
                let is_debug = name == "debug" && status == Status::Ok && !self.one_line;
                shown.retain(|key, _| {
                    let hidden = ["diff", "failed", "unreachable", "invocation"].contains(&key.as_str());
                    !hidden && (key != "changed" || !is_debug)
                });
                shown.sort_keys();
                shown.values_mut().for_each(Value::sort_all_objects);
                let mark = if status == Status::Failed { "!" } else { "" };
                let json = indented(&shown);
                let json = if self.one_line { json.replace('\n', "") } else { json };
                format!("{host} | {word}{mark} => {json}")
            }
        };
        self.screen.line(color, &shown);
    }
}

/// As JSON, with Ansible's margins.
fn indented(result: &Map<String, Value>) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Values of JSON can always be written to memory.
    let _ = serde::Serialize::serialize(result, &mut serializer);
    String::from_utf8_lossy(&out).into_owned()
}

impl<W: Write + Send> Report for Answers<W> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Result { task, host, status, result, .. } => {
                if let Some(progress) = &mut self.screen.progress {
                    progress.done(host);
                }
                self.answer(task, host, *status, result);
            }
            Event::HostStart { task, host } => {
                if let Some(progress) = &mut self.screen.progress {
                    progress.start(host, &task.name);
                }
            }
            Event::Output { host, text } => {
                if let Some(progress) = &self.screen.progress {
                    progress.output(host, text);
                }
            }
            Event::Warning { diagnostic } => self.screen.warning(diagnostic),
            Event::Summary { interrupted: true, .. } => self.screen.line(Color::Bad, "interrupted"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(module: &str, status: Status, result: &Value) -> String {
        let style = Style { width: 79, context: 3, ok: true, skipped: true, ..Style::default() };
        let mut out = Vec::new();
        let mut answers = Answers::new(&mut out, style, false);
        let task = TaskInfo {
            id: 1,
            name: module.into(),
            role: None,
            module: module.into(),
            place: String::new(),
            handler: false,
        };
        answers.answer(&task, "web", status, result.as_object().unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_command_answers_with_its_text() {
        let result = json!({"rc": 0, "stdout": "a\nb\n", "stderr": "", "changed": true});
        assert_eq!(
            shown("ansible.builtin.command", Status::Changed, &result),
            "web | CHANGED | rc=0 >>\na\nb\n"
        );
        let result =
            json!({"rc": 2, "stdout": "", "stderr": "no\n", "msg": "non-zero return code", "failed": true});
        assert_eq!(
            shown("shell", Status::Failed, &result),
            "web | FAILED | rc=2 >>\nno\nnon-zero return code\n"
        );
    }

    #[test]
    fn everything_else_answers_with_its_result() {
        let result = json!({"changed": false, "ping": "pong", "failed": false});
        assert_eq!(
            shown("ping", Status::Ok, &result),
            "web | SUCCESS => {\n    \"changed\": false,\n    \"ping\": \"pong\"\n}\n"
        );
        assert_eq!(shown("ping", Status::Skipped, &json!({})), "web | SKIPPED\n");
        let result = json!({"msg": "cannot connect", "unreachable": true});
        assert_eq!(
            shown("ping", Status::Unreachable, &result),
            "web | UNREACHABLE! => {\n    \"msg\": \"cannot connect\"\n}\n"
        );
    }
}
