//! Handlers: who owes which, and running them.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use clouder_lang::Diagnostic;

use super::host::{PlayHost, drop_lost};
use super::play::PlayRun;
use super::walk::Around;
use crate::playbook::{Item, Task};
use crate::report::Event;
use crate::template::{Scope, to_texts};

impl PlayRun<'_> {
    /// Adds handlers to those of the play.
    pub(super) fn add_handlers(&self, items: &[Item]) {
        let mut handlers = self.handlers.write().unwrap_or_else(PoisonError::into_inner);
        collect(items, &mut |task| {
            if !handlers.iter().any(|known| Arc::ptr_eq(known, task)) {
                handlers.push(Arc::clone(task));
            }
        });
    }

    fn all_handlers(&self) -> Vec<Arc<Task>> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Owes the handlers that a changed task notifies. Returns whether all are there; if not, the run ends.
    pub(super) fn notify(&self, task: &Task, host: &Arc<PlayHost>) -> bool {
        let scope: Arc<dyn Scope> = Arc::new(self.variables(task, host));
        for node in task.notified() {
            let topics = match self.run.templates.evaluate(node, &scope) {
                Ok(value) => to_texts(&value),
                Err(error) => {
                    self.run.warn(*error.diagnostic);
                    continue;
                }
            };
            for topic in topics {
                if !self.notify_topic(&topic, host) {
                    let message = format!("the handler `{topic}` was notified but is not there");
                    self.run.break_off(
                        Diagnostic::error(message, &node.span)
                            .hint("handlers are found by name, `role : name`, or `listen`"),
                    );
                    return false;
                }
            }
        }
        true
    }

    /// Owes the handlers of a topic: all that listen to it, of those with one name the last, and the last one of that name.
    fn notify_topic(&self, topic: &str, host: &Arc<PlayHost>) -> bool {
        let handlers = self.all_handlers();
        let mut found = false;
        let mut owe = |index: usize, name: String| {
            found = true;
            if host.notify(index) {
                self.run.events.send(Event::Notified { handler: name, host: Arc::clone(host.name()) });
            }
        };
        let named =
            handlers.iter().enumerate().rev().find(|(_, handler)| self.answers_to(handler, topic, host));
        if let Some((index, handler)) = named {
            owe(index, self.task_name(handler, &self.handler_scope(handler, host)));
        }
        let mut seen = BTreeSet::new();
        for (index, handler) in handlers.iter().enumerate().rev() {
            // Topics are no templates.
            let listens = handler.listen.iter().any(|node| *node.to_text() == *topic);
            let name =
                handler.name.as_ref().map(|_| self.task_name(handler, &self.handler_scope(handler, host)));
            if listens && name.is_none_or(|name| seen.insert(name)) {
                owe(index, topic.to_owned());
            }
        }
        found
    }

    fn handler_scope(&self, handler: &Task, host: &PlayHost) -> Arc<dyn Scope> {
        Arc::new(self.variables(handler, host))
    }

    /// Whether a handler has this name, alone or with its role in front.
    fn answers_to(&self, handler: &Task, topic: &str, host: &PlayHost) -> bool {
        let Some(name) = &handler.name else { return false };
        let name = match name.as_str() {
            Some(text) if crate::template::is_template(text) => {
                self.task_name(handler, &self.handler_scope(handler, host))
            }
            _ => name.to_text().to_string(),
        };
        topic == name || handler.layer.role().is_some_and(|role| topic == format!("{} : {name}", role.name))
    }

    /// Runs the handlers that are owed, in the order they were written; returns the hosts that go on. One that a handler
    /// behind it notifies waits for the next time.
    pub(super) async fn flush(&self, hosts: Vec<Arc<PlayHost>>, around: Around) -> Vec<Arc<PlayHost>> {
        let mut hosts = hosts;
        for index in 0.. {
            let Some(handler) = self.all_handlers().get(index).cloned() else { break };
            if self.run.is_interrupted() {
                break;
            }
            let owing: Vec<_> =
                hosts.iter().filter(|host| host.is_present() && host.owes(index)).cloned().collect();
            let Some(first) = owing.first() else { continue };
            for host in &owing {
                host.settle(index);
            }
            let survivors = match handler.invocation.name.as_ref() {
                "include_tasks" | "include_role" => {
                    Box::pin(self.include(&handler, owing.clone(), around)).await
                }
                "meta" => Box::pin(self.meta(&handler, owing.clone(), around)).await,
                _ => {
                    let info = self.info(&handler, &self.handler_scope(&handler, first), true);
                    self.on_hosts(&handler, &info, owing.clone(), around).await
                }
            };
            drop_lost(&mut hosts, &owing, &survivors);
        }
        hosts
    }
}

fn collect(items: &[Item], add: &mut impl FnMut(&Arc<Task>)) {
    for item in items {
        match item {
            Item::Task(task) => add(task),
            Item::Block(block) => collect(&block.items, add),
        }
    }
}
