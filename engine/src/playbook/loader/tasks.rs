//! Lists of tasks, blocks and handlers.

use std::path::Path;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Span};

use super::calls::Call;
use super::keywords::list_of;
use super::session::{Context, Session, described};
use crate::playbook::words::{self, Place};
use crate::playbook::{Block, Item, Keywords, Layer, Origin, Task};

impl Session<'_> {
    /// The tasks of a file that is imported or included at `span`.
    pub(super) fn tasks_file(&mut self, file: &Path, context: &Context, span: &Span) -> Vec<Item> {
        let words = "imported at".to_owned();
        let context = Context { file: file.to_owned(), ..context.clone() };
        let inside = |session: &mut Self| match session.document(file) {
            Some(node) => session.items(&node, &context),
            None => Vec::new(),
        };
        self.step(file.display().to_string(), words, span, inside).unwrap_or_default()
    }

    /// A list of tasks and blocks.
    pub(super) fn items(&mut self, node: &Node, context: &Context) -> Vec<Item> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(items) = node.as_sequence() else {
            let finding = Diagnostic::error(format!("tasks are a list, not {}", described(node)), &node.span);
            self.find(if node.as_mapping().is_some() {
                finding.hint("each task begins with `- `")
            } else {
                finding
            });
            return Vec::new();
        };
        items.iter().filter_map(|item| self.item(item, context)).collect()
    }

    fn item(&mut self, node: &Node, context: &Context) -> Option<Item> {
        match &node.value {
            Yaml::Null => None,
            Yaml::Mapping(mapping) if is_block(mapping) => {
                Some(Item::Block(Arc::new(self.block(mapping, &node.span, context))))
            }
            Yaml::Mapping(mapping) if mapping.get("hosts").is_some() => {
                let finding = Diagnostic::error("a play cannot stand among tasks", &node.span);
                self.find(finding.hint("this file is a playbook: use `import_playbook`"));
                None
            }
            Yaml::Mapping(mapping) => self.task(mapping, &node.span, context),
            _ => {
                let finding =
                    Diagnostic::error(format!("a task is a mapping, not {}", described(node)), &node.span);
                self.find(finding.hint("write `module: arguments`, with a colon after the module's name"));
                None
            }
        }
    }

    fn block(&mut self, mapping: &Mapping, span: &Span, context: &Context) -> Block {
        self.check_words(mapping, Place::Block);
        if mapping.get("block").is_none() {
            let message = "`rescue` and `always` belong to a `block`";
            self.error(message, span);
        }
        let keywords = self.keywords(mapping);
        let layer = Arc::new(Layer {
            origin: Origin::Block,
            keywords,
            parent: Some(Arc::clone(&context.layer)),
            span: span.clone(),
        });
        let inside = context.within(Arc::clone(&layer));
        let mut part =
            |name: &str| mapping.get(name).map(|node| self.items(node, &inside)).unwrap_or_default();
        let (items, rescue, always) = (part("block"), part("rescue"), part("always"));
        for (word, part) in [("rescue", &rescue), ("always", &always)] {
            if items.is_empty() && !part.is_empty() && mapping.get("block").is_some() {
                self.error(format!("`{word}` belongs to a `block`, which is empty here"), span);
            }
        }
        Block {
            items,
            rescue,
            always,
            name: mapping.get("name").cloned(),
            layer,
            role: None,
            span: span.clone(),
        }
    }

    fn task(&mut self, mapping: &Mapping, span: &Span, context: &Context) -> Option<Item> {
        let call = self.call(mapping, span, context);
        self.check_task_words(mapping, context, call.as_ref());
        let call = call?;

        match &*call.name {
            "import_tasks" => self.import_tasks(&call, mapping, span, context),
            "import_role" => self.import_role(&call, mapping, span, context),
            "import_playbook" => {
                self.error("a playbook cannot be imported among tasks", &call.written.span);
                None
            }
            "include_role" if context.handlers => {
                self.error("a role cannot be included as a handler", &call.written.span);
                None
            }
            _ => self.plain_task(&call, mapping, span, context),
        }
    }

    /// Checks the form of a task's keywords, and whether they may stand there; unknown keys were told of already.
    fn check_task_words(&mut self, mapping: &Mapping, context: &Context, call: Option<&Call>) {
        let place = context.place();
        let includes = call.is_some_and(|call| matches!(&*call.name, "include_tasks" | "include_role"));
        for (name, entry) in mapping.iter() {
            let Some(shape) = words::shape(place, name) else { continue };
            if includes && !Place::Include.allows(name) && !(context.handlers && &**name == "listen") {
                let finding =
                    Diagnostic::error(format!("`{name}` does nothing on an include"), &entry.key.span);
                self.find(
                    finding
                        .hint(format!("for all tasks inside, write `apply: {{{name}: …}}` in its arguments")),
                );
            } else if let Some(expected) = shape.refuses(&entry.value) {
                let message = format!("`{name}` must be {expected}, not {}", described(&entry.value));
                self.error(message, &entry.value.span);
            }
        }
    }

    fn plain_task(&mut self, call: &Call, mapping: &Mapping, span: &Span, context: &Context) -> Option<Item> {
        let invocation = self.invocation(call, mapping.get("args"))?;
        let ends_role = &*call.name == "meta"
            && invocation.free_form.as_ref().is_some_and(|what| what.as_str() == Some("end_role"));
        if ends_role && context.layer.role().is_none() {
            self.error("`end_role` ends a role, and there is none around it", span);
        }
        let mut keywords = self.keywords(mapping);
        if call.local {
            let here = || Node::text("localhost", call.written.span.clone());
            keywords.delegate_to.get_or_insert_with(here);
        }
        let apply = invocation.arguments.as_mapping().and_then(|arguments| arguments.get("apply")).cloned();
        let apply = apply.filter(|_| matches!(&*call.name, "include_tasks" | "include_role"));
        let get = |name: &str| mapping.get(name).filter(|node| !node.is_null()).cloned();
        Some(Item::Task(Arc::new(Task {
            // An empty name is none.
            name: get("name").filter(|name| name.as_str() != Some("")),
            invocation,
            keywords: Arc::new(keywords),
            layer: Arc::clone(&context.layer),
            loop_: self.loop_(mapping, &call.name),
            register: self.variable(mapping, "register"),
            until: list_of(mapping, "until"),
            retries: get("retries"),
            delay: get("delay"),
            changed_when: list_of(mapping, "changed_when"),
            failed_when: list_of(mapping, "failed_when"),
            async_seconds: get("async"),
            poll: get("poll"),
            apply: apply.and_then(|node| self.apply(&node)).map(Arc::new),
            listen: if context.handlers { list_of(mapping, "listen") } else { Vec::new() },
            file: context.file.clone(),
            span: span.clone(),
        })))
    }

    /// The keywords an include gives to all tasks inside.
    fn apply(&mut self, node: &Node) -> Option<Keywords> {
        let Some(mapping) = node.as_mapping() else {
            if !node.is_null() {
                self.error(format!("`apply` must be a mapping, not {}", described(node)), &node.span);
            }
            return None;
        };
        self.check_words(mapping, Place::Apply);
        Some(self.keywords(mapping))
    }
}

fn is_block(mapping: &Mapping) -> bool {
    ["block", "rescue", "always"].iter().any(|key| mapping.get(key).is_some())
}
