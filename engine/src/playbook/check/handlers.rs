//! Notifications that no handler hears.

use std::collections::HashMap;
use std::sync::Arc;

use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Severity, Span, nearest};

use super::{Checker, trail};
use crate::playbook::{Item, Keywords, Layer, Task};

/// How many names are compared to tell what was meant: that takes time, and nobody reads thousands of hints.
const COMPARED: usize = 100_000;

/// The handlers of a play and who notifies them.
#[derive(Default)]
pub(super) struct Handlers {
    /// Names and topics.
    names: HashMap<String, Span>,
    /// There are handlers whose names are known only while running.
    pub(super) unknown: bool,
    notified: Vec<(Node, Arc<Layer>)>,
}

impl Checker<'_> {
    /// Notes the handlers of a list.
    pub(super) fn add_handlers(&mut self, items: &[Item]) {
        self.same_names(items);
        for item in items {
            match item {
                Item::Task(task) => self.add_handler(task),
                Item::Block(block) => {
                    for items in [&block.items, &block.rescue, &block.always] {
                        self.add_handlers(items);
                    }
                }
            }
        }
    }

    /// Of handlers with one name in one list, only the last one can be notified.
    fn same_names(&mut self, items: &[Item]) {
        let mut names: HashMap<String, &Node> = HashMap::new();
        for item in items {
            let Item::Task(task) = item else { continue };
            let Some(name) = task.name.as_ref().filter(|name| !name.is_template()) else { continue };
            if let Some(before) = names.insert(name.to_text().to_string(), name) {
                let message = format!("two handlers are called `{}`; the last one counts", name.to_text());
                let finding = Diagnostic::warning(message, &name.span).via("the first one", &before.span);
                self.find(finding, &task.layer);
            }
        }
    }

    fn add_handler(&mut self, task: &Task) {
        let names = task.name.iter().chain(&task.listen);
        for node in names.flat_map(|node| node.as_sequence().unwrap_or_else(|| std::slice::from_ref(node))) {
            if node.is_template() {
                self.handlers.unknown = true;
                continue;
            }
            let name = node.to_text().to_string();
            let role = task.layer.role().map(|role| format!("{} : {name}", role.name));
            for name in role.into_iter().chain([name]) {
                self.handlers.names.entry(name).or_insert_with(|| node.span.clone());
            }
        }
    }

    /// Notes what keywords notify.
    pub(super) fn notifies(&mut self, keywords: &Keywords, layer: &Arc<Layer>) {
        let notified = keywords.notify.iter().flatten();
        for node in notified.filter(|node| node.as_str().is_some() && !node.is_template()) {
            self.handlers.notified.push((node.clone(), Arc::clone(layer)));
        }
    }

    /// Tells of notifications that no handler of the play hears.
    pub(super) fn unheard(&mut self) {
        let Handlers { names, unknown, mut notified } = std::mem::take(&mut self.handlers);
        notified.retain(|(node, _)| !names.contains_key(&*node.to_text()));
        for (number, (node, layer)) in notified.into_iter().enumerate() {
            let name = node.to_text();
            let message = format!("no handler is called `{name}` or listens to it");
            let severity = if unknown { Severity::Warning } else { self.missing };
            let mut finding = Diagnostic { severity, ..Diagnostic::error(message, &node.span) };
            if number * names.len() < COMPARED
                && let Some(nearest) = nearest(&name, names.keys().map(String::as_str))
            {
                finding = finding.hint(format!("did you mean `{nearest}`?"));
            }
            self.findings.push(trail(finding, &layer));
        }
    }
}
