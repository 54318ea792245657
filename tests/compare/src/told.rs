//! What both programs must tell alike, as a text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::program::Ran;

/// What came of a run: the exit code, the plays, and what each host went through in order.
pub fn told(ran: &Ran) -> String {
    let mut story = Story { code: ran.code, ..Story::default() };
    for line in ran.stdout.lines() {
        // What is no event is for a person.
        if let Ok(event) = serde_json::from_str::<Value>(line) {
            story.event(&event);
        }
    }
    // A run that breaks off has no recap, and Ansible another code for it than clouder.
    let code = if ran.code == 4 && !story.has_recap { 1 } else { ran.code };
    let mut text = match code {
        1 if story.plays.is_empty() => "refused\n".to_owned(),
        code => format!("exit code {code}\n"),
    };
    for play in &story.plays {
        text += &format!("play {play}\n");
    }
    for (host, lines) in &story.hosts {
        text += &format!("\n{host}:\n");
        for line in lines {
            text += &format!("  {line}\n");
        }
    }
    text
}

#[derive(Default)]
struct Story {
    code: i32,
    has_recap: bool,
    plays: Vec<String>,
    hosts: BTreeMap<String, Vec<String>>,
    /// How many plays a host has seen something of.
    seen: BTreeMap<String, usize>,
    /// The names and modules of tasks, where results name them by number only.
    tasks: BTreeMap<u64, (String, String)>,
}

impl Story {
    fn event(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str().unwrap_or_default() {
            "play_start" => self.plays.push(text("name")),
            // Each batch of a play is one for Ansible.
            "batch_start" if event["first"] == false => self.plays.push(text("play")),
            "no_hosts" => {
                self.plays.extend(event["play"].as_str().map(str::to_owned));
                self.plays.push("  no hosts".to_owned());
            }
            "task_start" => {
                let (name, module) = task(&event["task"]);
                self.tasks.insert(event["task"]["id"].as_u64().unwrap_or_default(), (name, module));
            }
            // Where `meta` does nothing for a host, only Ansible tells.
            "result" if self.task_of(event).1 == "meta" => {}
            "item" => {
                let (_, module) = self.task_of(event);
                // Whether it is ignored is a matter of the whole task for Ansible.
                let status = if event["status"] == "ignored" { "failed".to_owned() } else { text("status") };
                let said = said(&module, &event["result"], &status);
                self.add(&text("host"), format!("  ({}) {status}{said}", text("label")));
            }
            "result" => {
                let (name, module) = self.task_of(event);
                let said = said(&module, &event["result"], &text("status"));
                self.add(&text("host"), format!("[{name}] {}{said}", text("status")));
            }
            // How often the background must be asked is a matter of time.
            "retry" if self.task_of(event).1 == "async_status" => {}
            "retry" => self.add(&text("host"), "  retry".to_owned()),
            "included" => {
                let item = event["item"].as_str().map(|item| format!(" ({item})")).unwrap_or_default();
                for host in event["hosts"].as_array().into_iter().flatten() {
                    let line = format!("included {}{item}", text("name"));
                    self.add(host.as_str().unwrap_or_default(), line);
                }
            }
            // Ansible has no recap when the playbook itself is wrong.
            "summary" if self.code == 1 => {}
            "summary" => {
                self.has_recap = true;
                for (host, counts) in event["hosts"].as_object().into_iter().flatten() {
                    let words = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored"];
                    let counts = words.map(|word| format!("{word}={}", counts[word]));
                    self.hosts.entry(host.clone()).or_default().push(counts.join(" "));
                }
            }
            _ => {}
        }
    }

    /// Adds a line to what a host went through, the play's name in front of the first one.
    fn add(&mut self, host: &str, line: String) {
        let lines = self.hosts.entry(host.to_owned()).or_default();
        let seen = self.seen.insert(host.to_owned(), self.plays.len());
        if seen != Some(self.plays.len()) {
            lines.push(format!("play {}", self.plays.last().map_or("", String::as_str)));
        }
        lines.push(line);
    }

    fn task_of(&self, event: &Value) -> (String, String) {
        match event["task_id"].as_u64() {
            Some(id) => self.tasks.get(&id).cloned().unwrap_or_default(),
            None => task(&event["task"]),
        }
    }
}

/// The name of a task, its role in front, and its module without a collection.
fn task(task: &Value) -> (String, String) {
    let name = task["name"].as_str().unwrap_or_default();
    let name = task["role"].as_str().map_or_else(|| name.to_owned(), |role| format!("{role} : {name}"));
    let module = task["module"].as_str().unwrap_or_default();
    (name, module.rsplit('.').next().unwrap_or_default().to_owned())
}

/// What of a result must agree.
fn said(module: &str, result: &Value, status: &str) -> String {
    let Some(result) = result.as_object() else { return String::new() };
    // The variables of the turn are in the results of both, but clouder's events have them in the label only.
    let of_turn =
        ["ansible_loop_var", "ansible_index_var"].map(|name| result.get(name).and_then(Value::as_str));
    let failed = matches!(status, "failed" | "ignored" | "unreachable");
    let mut kept: Map<String, Value> = Map::new();
    for (name, value) in result {
        let keep = match name.as_str() {
            "results" | "changed" | "failed" | "skipped" | "warnings" | "deprecations" | "exception" => false,
            "ansible_loop_var" | "ansible_index_var" | "ansible_loop" => false,
            name if of_turn.contains(&Some(name)) => false,
            "skip_reason" | "false_condition" | "skipped_reason" => true,
            "attempts" => module != "async_status",
            // A text tells why it could not be judged, in other words.
            "failed_when_result" => value.is_boolean(),
            _ if result.contains_key("results") => name == "msg",
            _ if name.starts_with("_ansible") => false,
            // A failure has other words, unless the playbook says them.
            "msg" => match module {
                "fail" => true,
                "assert" => !failed || result.contains_key("assertion"),
                _ => module == "debug" && !failed,
            },
            _ => match module {
                "debug" => !failed,
                "assert" => matches!(name.as_str(), "assertion" | "evaluated_to"),
                "set_fact" => name == "ansible_facts",
                "command" | "shell" => matches!(name.as_str(), "rc" | "stdout") && result.contains_key("rc"),
                _ => false,
            },
        };
        if keep {
            kept.insert(name.clone(), value.clone());
        }
    }
    // Names have no order.
    kept.sort_keys();
    kept.values_mut().for_each(Value::sort_all_objects);
    if kept.is_empty() { String::new() } else { format!(" {}", Value::Object(kept)) }
}
