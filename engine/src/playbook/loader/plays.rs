//! Playbooks and plays.

use std::path::Path;
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Span};

use super::keywords::{list, list_of};
use super::session::{Context, Session, described, folder_of};
use crate::playbook::names::{ModuleName, module_name};
use crate::playbook::words::Place;
use crate::playbook::{Item, Keywords, Layer, Origin, Play};

/// Two names of one keyword.
const IMPORTS: [&str; 2] = ["import_playbook", "ansible.builtin.import_playbook"];

impl Session<'_> {
    /// The plays of a file; `imported` is what the import says about them, and where.
    pub(super) fn playbook_file(
        &mut self,
        path: &Path,
        imported: Option<(&Keywords, &Span)>,
    ) -> Vec<Arc<Play>> {
        let whole = Span::of_text(&path.display().to_string(), "");
        let span = imported.map_or(&whole, |(_, span)| span);
        let inside = |session: &mut Self| session.plays_of(path, imported.map(|(keywords, _)| keywords));
        if imported.is_none() {
            // Nothing led here that would be worth telling.
            return inside(self);
        }
        self.step(path.display().to_string(), "imported at".to_owned(), span, inside).unwrap_or_default()
    }

    fn plays_of(&mut self, path: &Path, imported: Option<&Keywords>) -> Vec<Arc<Play>> {
        self.loader.files.places().brought.add(super::session::folder_of(path));
        let document = match super::load_document(&self.loader.files, path) {
            Ok(loaded) => {
                loaded.warnings.into_iter().for_each(|warning| self.find(warning));
                loaded.document.filter(|node| !node.is_null())
            }
            Err(error) => {
                self.find(error);
                return Vec::new();
            }
        };
        let Some(document) = document else {
            self.find(Diagnostic::without_place(format!("the playbook {} is empty", path.display())));
            return Vec::new();
        };
        let Some(entries) = document.as_sequence() else {
            let finding = Diagnostic::error(
                format!("a playbook is a list of plays, not {}", document.kind()),
                &document.span,
            );
            self.find(if document.as_mapping().is_some() {
                finding.hint("each play begins with `- `")
            } else {
                finding
            });
            return Vec::new();
        };
        if entries.is_empty() {
            self.error("a playbook has at least one play", &document.span);
        }
        entries.iter().flat_map(|entry| self.playbook_entry(entry, path, imported)).collect()
    }

    fn playbook_entry(&mut self, node: &Node, path: &Path, imported: Option<&Keywords>) -> Vec<Arc<Play>> {
        let Some(mapping) = node.as_mapping() else {
            let message = format!("a play is a mapping, not {}", described(node));
            self.error(message, &node.span);
            return Vec::new();
        };
        if let Some(name) = IMPORTS.iter().find_map(|key| mapping.get(key)) {
            return self.import_playbook(name, mapping, path, imported);
        }
        if let Some(entry) = mapping.entry("include") {
            let finding = Diagnostic::error("a playbook is not included this way any more", &entry.key.span);
            self.find(finding.hint("use `import_playbook`"));
            return Vec::new();
        }
        self.play(mapping, node, path, imported).map(Arc::new).into_iter().collect()
    }

    fn import_playbook(
        &mut self,
        name: &Node,
        mapping: &Mapping,
        path: &Path,
        outer: Option<&Keywords>,
    ) -> Vec<Arc<Play>> {
        self.check_words(mapping, Place::ImportPlaybook);
        if name.is_null() {
            self.error("`import_playbook` needs the name of a playbook", &name.span);
        }
        if name.as_str().is_none() {
            return Vec::new();
        }
        let keywords = imposed(self.keywords(mapping), outer);
        let Some(text) = self.resolve(name, None) else { return Vec::new() };
        let beside = folder_of(path).join(&text);
        let files = &self.loader.files;
        let found = if files.is_file(&beside) { Some(beside) } else { files.find_playbook(&text) };
        match found {
            Some(file) => self.playbook_file(&file, Some((&keywords, &name.span))),
            None => {
                let finding = Diagnostic::error(format!("there is no playbook `{text}`"), &name.span);
                self.find(finding.hint(format!("looked in {}", folder_of(path).display())));
                Vec::new()
            }
        }
    }

    fn play(
        &mut self,
        mapping: &Mapping,
        node: &Node,
        path: &Path,
        imported: Option<&Keywords>,
    ) -> Option<Play> {
        let Some(hosts) = mapping.get("hosts").cloned() else {
            self.not_a_play(mapping, node);
            return None;
        };
        self.check_words(mapping, Place::Play);
        self.hosts(&hosts);
        let keywords = imposed(self.keywords(mapping), imported);
        let layer = Arc::new(Layer { origin: Origin::Play, keywords, parent: None, span: node.span.clone() });
        let context = Context { layer: Arc::clone(&layer), handlers: false, file: path.to_owned() };
        let get = |name: &str| mapping.get(name).filter(|node| !node.is_null()).cloned();
        Some(Play {
            name: get("name"),
            gather_facts: get("gather_facts"),
            gather_subset: get("gather_subset"),
            gather_timeout: get("gather_timeout"),
            fact_path: get("fact_path"),
            serial: get("serial"),
            strategy: get("strategy"),
            order: get("order"),
            max_fail_percentage: get("max_fail_percentage"),
            force_handlers: get("force_handlers"),
            vars_files: list_of(mapping, "vars_files"),
            vars_prompt: self.prompts(mapping),
            pre_tasks: self.section(mapping, "pre_tasks", &context),
            roles: get("roles").map(|node| self.roles(&node, &layer, None, "roles")).unwrap_or_default(),
            tasks: self.section(mapping, "tasks", &context),
            post_tasks: self.section(mapping, "post_tasks", &context),
            handlers: self.section(mapping, "handlers", &Context { handlers: true, ..context.clone() }),
            folder: folder_of(path).to_owned(),
            span: node.span.clone(),
            hosts,
            layer,
        })
    }

    fn section(&mut self, mapping: &Mapping, name: &str, context: &Context) -> Vec<Item> {
        mapping.get(name).map(|node| self.items(node, context)).unwrap_or_default()
    }

    /// An entry without `hosts`.
    fn not_a_play(&mut self, mapping: &Mapping, node: &Node) {
        let first = mapping.iter().next().map_or(&node.span, |(_, entry)| &entry.key.span);
        let words = mapping.iter().filter(|(name, _)| Place::Play.allows(name)).count();
        if words * 2 > mapping.len() {
            self.error("this play does not say on which `hosts`", first);
            return self.check_words(mapping, Place::Play);
        }
        let finding = Diagnostic::error("this is no play: it names no `hosts`", first);
        let task = mapping.iter().any(|(name, _)| !matches!(module_name(name), ModuleName::Unknown(_)));
        self.find(if task { finding.hint("tasks belong below `tasks:` of a play") } else { finding });
    }

    fn hosts(&mut self, node: &Node) {
        let empty = match &node.value {
            Yaml::Null => true,
            Yaml::String(text) | Yaml::Raw(text) => text.trim().is_empty(),
            Yaml::Sequence(items) => {
                for item in items.iter().filter(|item| item.as_str().is_none()) {
                    self.error(format!("a pattern of hosts is text, not {}", item.kind()), &item.span);
                }
                items.is_empty()
            }
            _ => {
                self.error(
                    format!("`hosts` must be a pattern or a list of them, not {}", node.kind()),
                    &node.span,
                );
                false
            }
        };
        if empty {
            self.error("`hosts` is empty", &node.span);
        }
    }

    fn prompts(&mut self, mapping: &Mapping) -> Vec<Node> {
        let Some(node) = mapping.get("vars_prompt").filter(|node| !node.is_null()) else { return Vec::new() };
        let prompts = list(node);
        for prompt in &prompts {
            let Some(words) = prompt.as_mapping() else {
                let message = format!("`vars_prompt` must be a list of mappings, not {}", described(prompt));
                self.error(message, &prompt.span);
                continue;
            };
            self.check_words(words, Place::Prompt);
            if self.variable(words, "name").is_none() && words.get("name").is_none() {
                self.error("this question has no `name` for the variable of its answer", &prompt.span);
            }
        }
        prompts
    }
}

/// Keywords of plays with those of the import that brought them: its variables win, conditions and tags add up.
fn imposed(mut keywords: Keywords, import: Option<&Keywords>) -> Keywords {
    let Some(import) = import else { return keywords };
    keywords.vars = match (keywords.vars.take(), &import.vars) {
        (Some(own), Some(strong)) => {
            let both = [&own, strong].into_iter().filter_map(Node::as_mapping).flat_map(Mapping::iter);
            let both: Mapping = both.map(|(_, entry)| (entry.key.clone(), entry.value.clone())).collect();
            Some(Node::new(Yaml::Mapping(Arc::new(both)), own.span))
        }
        (own, strong) => own.or_else(|| strong.clone()),
    };
    keywords.when.splice(0..0, import.when.iter().cloned());
    keywords.tags.extend(import.tags.iter().cloned());
    keywords
}
