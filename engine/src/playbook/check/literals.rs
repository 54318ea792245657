//! Literal words of which only some are known.

use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, nearest};

use super::Checker;
use crate::playbook::{Layer, Play, Task, short_name};

const STRATEGIES: &[&str] = &["linear", "free", "host_pinned", "debug"];
const ORDERS: &[&str] = &["inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle"];
const DEBUGGERS: &[&str] = &["always", "never", "on_failed", "on_unreachable", "on_skipped"];
const META: &[&str] = &[
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
];

impl Checker<'_> {
    pub(super) fn play_words(&mut self, play: &Play) {
        self.word(play.strategy.as_ref(), STRATEGIES, "strategy", &play.layer);
        self.word(play.order.as_ref(), ORDERS, "order", &play.layer);
        self.word(play.layer.keywords.debugger.as_ref(), DEBUGGERS, "debugger", &play.layer);
    }

    pub(super) fn task_words(&mut self, task: &Task) {
        self.word(task.keywords.debugger.as_ref(), DEBUGGERS, "debugger", &task.layer);
        if &*task.invocation.name == "meta" {
            match &task.invocation.free_form {
                Some(word) => self.word(Some(word), META, "meta", &task.layer),
                None => {
                    let message = "`meta` needs to be told what to do";
                    let hint = format!("known are: {}", META.join(", "));
                    let finding = Diagnostic::error(message, &task.invocation.written.span).hint(hint);
                    self.find(finding, &task.layer);
                }
            }
        }
    }

    fn word(&mut self, node: Option<&Node>, known: &[&'static str], keyword: &str, layer: &Layer) {
        let Some(node) = node.filter(|node| !node.is_template()) else { return };
        let Some(word) = node.as_str().filter(|word| !known.contains(&short_name(word))) else { return };
        let finding = Diagnostic::error(format!("`{keyword}` knows no `{word}`"), &node.span);
        let hint = match nearest(word, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known are: {}", known.join(", ")),
        };
        self.find(finding.hint(hint), layer);
    }
}
