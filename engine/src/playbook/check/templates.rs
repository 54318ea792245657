//! The templates and expressions of keywords and arguments.

use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};

use super::{Checker, entries};
use crate::playbook::{Keywords, Layer, Task};

impl Checker<'_> {
    /// All texts of a value.
    pub(super) fn text(&mut self, node: &Node, layer: &Layer) {
        if node.is_template() {
            let findings = self.syntax.text(node);
            self.take(findings, layer);
        }
        for item in node.as_sequence().unwrap_or_default() {
            self.text(item, layer);
        }
        for (_, entry) in node.as_mapping().into_iter().flat_map(Mapping::iter) {
            self.text(&entry.value, layer);
        }
    }

    /// A condition: an expression, or a text with templates as people sometimes write it.
    fn condition(&mut self, node: &Node, layer: &Layer) {
        if node.is_template() {
            self.text(node, layer);
        } else if node.as_str().is_some_and(|text| !text.trim().is_empty()) {
            let findings = self.syntax.expression(node);
            self.take(findings, layer);
        }
    }

    fn conditions<'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node>, layer: &Layer) {
        for node in nodes {
            match node.as_sequence() {
                Some(nodes) => self.conditions(nodes, layer),
                None => self.condition(node, layer),
            }
        }
    }

    pub(super) fn keywords(&mut self, keywords: &Keywords, layer: &Arc<Layer>) {
        self.notifies(keywords, layer);
        self.conditions(&keywords.when, layer);
        let values = [
            &keywords.vars,
            &keywords.become_,
            &keywords.become_user,
            &keywords.become_method,
            &keywords.become_flags,
            &keywords.become_exe,
            &keywords.environment,
            &keywords.check_mode,
            &keywords.diff,
            &keywords.no_log,
            &keywords.ignore_errors,
            &keywords.ignore_unreachable,
            &keywords.delegate_to,
            &keywords.delegate_facts,
            &keywords.run_once,
            &keywords.throttle,
            &keywords.timeout,
            &keywords.connection,
            &keywords.remote_user,
            &keywords.port,
            &keywords.any_errors_fatal,
        ];
        let notify = keywords.notify.iter().flatten();
        let lists = keywords.tags.iter().chain(&keywords.module_defaults).chain(notify);
        for node in values.into_iter().flatten().chain(lists) {
            self.text(node, layer);
        }
    }

    pub(super) fn templates_of(&mut self, task: &Task) {
        let layer = &task.layer;
        let invocation = &task.invocation;
        for node in
            [&task.name, &invocation.free_form, &task.retries, &task.delay, &task.async_seconds, &task.poll]
                .into_iter()
                .flatten()
        {
            self.text(node, layer);
        }
        self.text(&invocation.written, layer);
        self.conditions(task.until.iter().chain(&task.changed_when).chain(&task.failed_when), layer);
        for node in &task.listen {
            self.text(node, layer);
        }
        if let Some(loop_) = &task.loop_ {
            let control = &loop_.control;
            self.text(&loop_.items, layer);
            self.conditions(&control.break_when, layer);
            for node in [&control.label, &control.pause, &control.extended].into_iter().flatten() {
                self.text(node, layer);
            }
        }
        if let Some(apply) = &task.apply {
            self.keywords(apply, layer);
        }
        match &*invocation.name {
            "assert" => self.expressions(task, "that"),
            "debug" => self.expressions(task, "var"),
            _ if invocation.arguments.as_mapping().is_some() => {
                for (_, value, _) in entries(task).filter(|(name, ..)| *name != "apply") {
                    self.text(value, layer);
                }
            }
            _ => self.text(&invocation.arguments, layer),
        }
    }

    /// Arguments of which one holds bare expressions.
    fn expressions(&mut self, task: &Task, argument: &str) {
        for (name, value, _) in entries(task) {
            if name == argument {
                self.conditions([value], &task.layer);
            } else {
                self.text(value, &task.layer);
            }
        }
    }
}
