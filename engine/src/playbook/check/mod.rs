//! Everything that can be found wrong with a playbook before any host is asked.
//!
//! Loading found what is wrong with its form. Here are the findings that need the whole: arguments of modules, templates,
//! files that are missing, handlers nobody has. Files and roles that are included by a literal name are looked into as
//! well, as far as the run would.

mod arguments;
mod files;
mod handlers;
mod literals;
mod templates;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Severity, Source, Span};

use super::loader::{LoadedPlaybook, Loader, RoleOptions};
use super::names::is_known;
use super::{Block, Item, Keywords, Layer, Origin, Play, Playbook, RoleUse, Task, findings};
use handlers::Handlers;

/// Says what is wrong with templates, without their variables.
pub trait Syntax {
    /// What is wrong with a text that may hold templates.
    fn text(&self, node: &Node) -> Vec<Diagnostic>;

    /// What is wrong with a bare expression, as `when` has it.
    fn expression(&self, node: &Node) -> Vec<Diagnostic>;

    /// What is wrong with a file that is a template.
    fn file(&self, source: &Arc<Source>) -> Vec<Diagnostic>;
}

/// Loads a playbook and checks it; the findings of both are told together, in the order of places. `missing` says how bad
/// it is that something a task needs is not there, where nothing says that the task may not be reached: a run may make it.
pub fn check(loader: &Loader, path: &Path, syntax: &dyn Syntax, missing: Severity) -> LoadedPlaybook {
    let LoadedPlaybook { playbook, findings } = loader.load_playbook(path);
    let (seen, handlers) = (HashSet::new(), Handlers::default());
    let mut checker = Checker { loader, syntax, missing, findings, seen, handlers };
    checker.playbook(&playbook);
    LoadedPlaybook { playbook, findings: findings::sorted(checker.findings) }
}

struct Checker<'a> {
    loader: &'a Loader,
    syntax: &'a dyn Syntax,
    missing: Severity,
    findings: Vec<Diagnostic>,
    /// Files and roles that were looked into, by what names them.
    seen: HashSet<String>,
    handlers: Handlers,
}

impl Checker<'_> {
    fn playbook(&mut self, playbook: &Playbook) {
        for play in &playbook.plays {
            self.seen.clear();
            self.handlers = Handlers::default();
            self.play(play);
            self.unheard();
        }
    }

    fn play(&mut self, play: &Play) {
        self.keywords(&play.layer.keywords, &play.layer);
        for node in
            [&play.name, &play.gather_subset, &play.serial, &play.strategy, &play.order].into_iter().flatten()
        {
            self.text(node, &play.layer);
        }
        self.text(&play.hosts, &play.layer);
        self.play_words(play);
        for file in &play.vars_files {
            self.vars_file(file, play);
        }
        self.add_handlers(&play.handlers);
        for used in &play.roles {
            self.role_use(used);
        }
        for items in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
            self.items(items, false);
        }
        self.items(&play.handlers, true);
    }

    /// A role with its variables, dependencies, tasks and handlers.
    fn role_use(&mut self, used: &RoleUse) {
        self.keywords(&used.keywords, &used.layer);
        for node in used.role.defaults.iter().chain(&used.role.vars) {
            self.text(node, &used.layer);
        }
        for dependency in &used.role.dependencies {
            self.role_use(dependency);
        }
        self.add_handlers(&used.handlers);
        self.items(&used.tasks, false);
        self.items(&used.handlers, true);
    }

    fn items(&mut self, items: &[Item], handlers: bool) {
        for item in items {
            match item {
                Item::Task(task) => self.task(task, handlers),
                Item::Block(block) => self.block(block, handlers),
            }
        }
    }

    fn block(&mut self, block: &Block, handlers: bool) {
        match &block.role {
            Some(used) => self.role_use(used),
            None => {
                self.keywords(&block.layer.keywords, &block.layer);
                for items in [&block.items, &block.rescue, &block.always] {
                    self.items(items, handlers);
                }
            }
        }
    }

    fn task(&mut self, task: &Task, handler: bool) {
        self.keywords(&task.keywords, &task.layer);
        self.templates_of(task);
        self.module(task);
        self.arguments(task);
        self.files_of(task);
        self.task_words(task);
        match &*task.invocation.name {
            "include_tasks" => self.include_tasks(task, handler),
            "include_role" => self.include_role(task),
            _ => {}
        }
    }

    /// Warns of a module that is not here: whether it is reached, only the run knows.
    fn module(&mut self, task: &Task) {
        let written = &task.invocation.written;
        if written.is_template() || task.invocation.own.is_some() || is_known(&task.invocation.name) {
            return;
        }
        if self.loader.foreign_module(&task.invocation.name).is_some() {
            return;
        }
        let message =
            format!("clouder has no module `{}`: the task fails on hosts that reach it", written.to_text());
        self.find(Diagnostic::warning(message, &written.span), &task.layer);
    }

    /// Looks into a file of tasks that is named literally.
    fn include_tasks(&mut self, task: &Task, handler: bool) {
        let arguments = task.invocation.arguments.as_mapping();
        let name = task
            .invocation
            .free_form
            .as_ref()
            .or_else(|| arguments?.get("file").or_else(|| arguments?.get("_raw_params")));
        let Some(name) = name.filter(|name| !name.is_null()) else {
            let message = "`include_tasks` needs the name of a file";
            return self.find(Diagnostic::error(message, &task.invocation.written.span), &task.layer);
        };
        if name.is_template() {
            self.handlers.unknown |= handler;
            return;
        }
        let file = match self.loader.find_tasks(&name.to_text(), &task.file, &task.layer) {
            Ok(file) => file,
            Err(missing) => {
                let missing =
                    Diagnostic { span: Some(name.span.clone()), severity: self.certainty(task), ..missing };
                return self.find(missing, &task.layer);
            }
        };
        let role = task.layer.role().map(|role| role.name.to_string()).unwrap_or_default();
        if !self.seen.insert(format!("{role}\0{}", file.display())) {
            return;
        }
        let layer = self.include_layer(task);
        let (items, findings) = self.loader.read_tasks(&file, &layer, handler);
        self.take(findings, &layer);
        if handler {
            self.add_handlers(&items);
        }
        self.items(&items, handler);
    }

    /// Looks into a role that is named literally.
    fn include_role(&mut self, task: &Task) {
        let Some(arguments) = task.invocation.arguments.as_mapping() else {
            return self.handlers.unknown = true;
        };
        let Some(name) =
            arguments.get("name").or_else(|| arguments.get("role")).filter(|name| !name.is_null())
        else {
            let message = "`include_role` needs the `name` of a role";
            return self.find(Diagnostic::error(message, &task.invocation.written.span), &task.layer);
        };
        let literal = |key: &str| match arguments.get(key).filter(|node| !node.is_null()) {
            Some(node) if node.is_template() => Err(()),
            node => Ok(node.map(|node| node.to_text().to_string())),
        };
        let options =
            [literal("tasks_from"), literal("vars_from"), literal("defaults_from"), literal("handlers_from")];
        let [Ok(tasks_from), Ok(vars_from), Ok(defaults_from), Ok(handlers_from)] = options else {
            return self.handlers.unknown = true;
        };
        if name.is_template() {
            return self.handlers.unknown = true;
        }
        let key = format!("{}\0{tasks_from:?}\0{vars_from:?}\0{defaults_from:?}", name.to_text());
        if !self.seen.insert(key) {
            return;
        }
        let options =
            RoleOptions { tasks_from, vars_from, defaults_from, handlers_from, ..RoleOptions::default() };
        let layer = self.include_layer(task);
        let (used, mut findings) = self.loader.read_role(name, &options, &layer);
        if self.certainty(task) == Severity::Warning && used.is_none() {
            findings.iter_mut().for_each(|finding| finding.severity = Severity::Warning);
        }
        self.take(findings, &task.layer);
        match used {
            Some(used) => self.role_use(&used),
            None => self.handlers.unknown = true,
        }
    }

    /// What stands around included tasks.
    fn include_layer(&self, task: &Task) -> Arc<Layer> {
        let keywords = Keywords { when: task.keywords.when.clone(), ..Keywords::default() };
        Arc::new(Layer {
            origin: Origin::Include(task.file.clone()),
            keywords,
            parent: Some(Arc::clone(&task.layer)),
            span: task.invocation.written.span.clone(),
        })
    }

    /// How bad it is when something a task needs is missing: behind a condition, it may never be needed.
    fn certainty(&self, task: &Task) -> Severity {
        let conditions = task.layer.chain().map(|layer| layer.keywords.when.len()).sum::<usize>();
        if conditions + task.keywords.when.len() == 0 { self.missing } else { Severity::Warning }
    }

    /// Notes what is wrong inside of a layer.
    fn find(&mut self, finding: Diagnostic, layer: &Layer) {
        self.findings.push(trail(finding, layer));
    }

    fn take(&mut self, findings: Vec<Diagnostic>, layer: &Layer) {
        for finding in findings {
            self.find(finding, layer);
        }
    }
}

/// The finding with the imports and roles that led to a layer.
fn trail(finding: Diagnostic, layer: &Layer) -> Diagnostic {
    layer.chain().fold(finding, |finding, layer| {
        let step = match &layer.origin {
            Origin::Role(role) => format!("role `{}` used at", role.name),
            Origin::Tasks(_) => "imported at".to_owned(),
            Origin::Include(_) => "included at".to_owned(),
            Origin::Play | Origin::Block | Origin::Parameters => return finding,
        };
        finding.via(step, &layer.span)
    })
}

/// The entries of a task's arguments; none when a template makes them.
fn entries(task: &Task) -> impl Iterator<Item = (&str, &Node, &Span)> {
    let mapping = task.invocation.arguments.as_mapping().into_iter();
    mapping.flat_map(Mapping::iter).map(|(name, entry)| (&**name, &entry.value, &entry.key.span))
}
