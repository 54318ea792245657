//! Roles: their folders, files, dependencies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Span, nearest};

use super::RoleOptions;
use super::session::{Context, Session, described, playbook_folder};
use crate::playbook::files::ENDINGS;
use crate::playbook::role::collection_of;
use crate::playbook::words::{self, Place};
use crate::playbook::{Keywords, Layer, Origin, Role, RoleUse};

/// How a role is used at a place.
pub(super) struct Usage<'a> {
    pub(super) options: &'a RoleOptions,
    /// Its keywords; `vars` weigh as much as a block's.
    pub(super) keywords: Keywords,
    /// Variables that are written beside the keywords: they weigh more.
    pub(super) parameters: Mapping,
    /// What stands around it.
    pub(super) layer: &'a Arc<Layer>,
    /// The folder of the role that names it: others are looked for beside it, too.
    pub(super) near: Option<&'a Path>,
}

impl Session<'_> {
    /// The entries of `roles`, or of `dependencies`.
    pub(super) fn roles(
        &mut self,
        node: &Node,
        layer: &Arc<Layer>,
        near: Option<&Path>,
        word: &str,
    ) -> Vec<RoleUse> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(items) = node.as_sequence() else {
            self.error(format!("`{word}` must be a list, not {}", described(node)), &node.span);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.role_entry(item, layer, near)).collect()
    }

    fn role_entry(&mut self, node: &Node, layer: &Arc<Layer>, near: Option<&Path>) -> Option<RoleUse> {
        let options = &RoleOptions::default();
        if node.as_str().is_some() {
            let usage =
                Usage { options, keywords: Keywords::default(), parameters: Mapping::default(), layer, near };
            return self.role(node, usage);
        }
        let Some(mapping) = node.as_mapping() else {
            self.error(format!("a role is named by text or a mapping, not {}", described(node)), &node.span);
            return None;
        };
        let name = ["role", "name"].iter().find_map(|key| mapping.get(key)).filter(|name| !name.is_null());
        let Some(name) = name.cloned().or_else(|| galaxy_name(mapping)) else {
            self.error("this entry names no `role`", &node.span);
            return None;
        };
        let keywords = self.keywords(mapping);
        let parameters = self.parameters(mapping);
        self.role(&name, Usage { options, keywords, parameters, layer, near })
    }

    /// What is no keyword at a place of use is a parameter.
    fn parameters(&mut self, mapping: &Mapping) -> Mapping {
        let mut parameters = Mapping::default();
        for (name, entry) in mapping.iter() {
            match words::shape(Place::Role, name) {
                Some(shape) => {
                    if let Some(expected) = shape.refuses(&entry.value) {
                        let message = format!("`{name}` must be {expected}, not {}", described(&entry.value));
                        self.error(message, &entry.value.span);
                    }
                }
                None => {
                    // A keyword of tasks, or one that is nearly right, is hardly meant as a variable.
                    if let Some(near) = Place::Role.nearest(name).filter(|near| near.len() > 3) {
                        let message = format!("`{name}` becomes a variable of the role");
                        let finding = Diagnostic::warning(message, &entry.key.span);
                        self.find(finding.hint(format!("did you mean the keyword `{near}`?")));
                    }
                    parameters.insert(entry.key.clone(), entry.value.clone());
                }
            }
        }
        parameters
    }

    /// A role used at a place: its files, dependencies, tasks and handlers.
    pub(super) fn role(&mut self, name: &Node, usage: Usage<'_>) -> Option<RoleUse> {
        let text = self.resolve(name, Some(usage.layer))?;
        let playbook = playbook_folder(usage.layer).to_owned();
        let folders = self.role_folders(&text, &playbook, &usage);
        if folders.is_empty() {
            self.missing_role(&text, name, &playbook, usage.near);
            return None;
        }
        let entry = usage.options.tasks_from.as_deref().unwrap_or("main");
        let key = if entry == "main" { format!("role {text}") } else { format!("role {text} ({entry})") };
        let words = format!("role `{text}` used at");
        self.step(key, words, &name.span, |session| session.role_in(&text, folders, usage, &name.span))
    }

    /// The folders of a role: of a collection that `collections` names, or those found everywhere else.
    fn role_folders(&self, name: &str, playbook: &Path, usage: &Usage<'_>) -> Vec<PathBuf> {
        let files = &self.loader.files;
        let named = usage.layer.chain().find_map(|layer| layer.keywords.collections.as_ref());
        let collections = named.map(super::keywords::list).unwrap_or_default();
        let of_collection = collections
            .iter()
            .filter(|_| !name.contains(['.', '/']))
            .find_map(|collection| files.collection_role(&format!("{}.{name}", collection.to_text())));
        match of_collection {
            Some(folder) => vec![folder],
            None => files.role_folders(name, playbook, usage.near),
        }
    }

    fn missing_role(&mut self, text: &str, name: &Node, playbook: &Path, near: Option<&Path>) {
        let looked = self.loader.files.looked_in(playbook, near);
        let mut finding = Diagnostic::error(format!("there is no role `{text}`"), &name.span);
        let known = self.loader.files.role_names(playbook, near);
        if text.contains(',') {
            finding = finding.hint("versions of roles belong into requirements.yml, not here");
        } else if let Some(nearest) = nearest(text, known.iter().map(String::as_str)) {
            finding = finding.hint(format!("did you mean `{nearest}`?"));
        } else {
            finding = finding.hint(format!("looked in {looked}"));
        }
        self.absent(finding);
    }

    fn role_in(&mut self, name: &str, folders: Vec<PathBuf>, usage: Usage<'_>, span: &Span) -> RoleUse {
        let Usage { options, keywords, parameters, layer: around, .. } = usage;
        let meta = self.meta(&folders);
        folders.iter().for_each(|folder| self.loader.files.places().brought.add(folder));
        let get = |key: &str| {
            meta.as_ref().and_then(Node::as_mapping).and_then(|mapping| mapping.get(key)).cloned()
        };
        // What stands around the role also stands around its dependencies, and so do its own keywords and parameters.
        let outside = Arc::new(Layer {
            origin: Origin::Block,
            keywords: keywords.clone(),
            parent: Some(Arc::clone(around)),
            span: span.clone(),
        });
        let vars = (!parameters.is_empty())
            .then(|| Node::new(Yaml::Mapping(Arc::new(parameters.clone())), span.clone()));
        let inside = |origin: Origin| {
            let keywords = Keywords { vars: vars.clone(), ..Keywords::default() };
            Arc::new(Layer { origin, keywords, parent: Some(Arc::clone(&outside)), span: span.clone() })
        };
        let before = inside(Origin::Parameters);
        let dependencies = get("dependencies")
            .map(|node| self.roles(&node, &before, folders.first().map(PathBuf::as_path), "dependencies"))
            .unwrap_or_default();
        let specification =
            if options.unchecked { None } else { self.specification(&folders, get("argument_specs")) };
        let entry = options.tasks_from.as_deref().unwrap_or("main");
        let specification = specification.and_then(|node| node.as_mapping()?.get(entry).cloned());
        let part = |node: &Option<Node>, key: &str| node.as_ref()?.as_mapping()?.get(key).cloned();
        let role = Arc::new(Role {
            name: match folders.first().and_then(|folder| collection_of(folder)) {
                Some(collection) if !name.starts_with(&format!("{collection}.")) => {
                    Arc::from(format!("{collection}.{name}"))
                }
                _ => Arc::from(name),
            },
            path: folders.first().map(|folder| absolute(folder)).unwrap_or_default(),
            defaults: self.variables(&folders, "defaults", options.defaults_from.as_deref(), span),
            vars: self.variables(&folders, "vars", options.vars_from.as_deref(), span),
            dependencies,
            allow_duplicates: options
                .allow_duplicates
                .unwrap_or_else(|| get("allow_duplicates").and_then(|node| node.as_bool()).unwrap_or(false)),
            argument_spec: part(&specification, "options").filter(|options| options.as_mapping().is_some()),
            argument_spec_title: match part(&specification, "short_description") {
                Some(title) if !title.is_null() => format!("'{entry}' - {}", title.to_text()),
                _ => format!("'{entry}'"),
            },
            folders,
        });
        let layer = inside(Origin::Role(Arc::clone(&role)));
        let mut part = |kind: &str, option: &Option<String>, handlers: bool| {
            let file = self.role_file(&role, kind, option.as_deref(), span)?;
            let context = Context { layer: Arc::clone(&layer), handlers, file: file.clone() };
            let document = self.document(&file)?;
            Some(self.items(&document, &context))
        };
        let handlers = part("handlers", &options.handlers_from, true).unwrap_or_default();
        let tasks = part("tasks", &options.tasks_from, false).unwrap_or_default();
        let keywords = with_parameters(keywords, &parameters, span);
        let parameters = parameters.iter().map(|(name, _)| Arc::clone(name)).collect();
        let by_task = options.allow_duplicates.is_some();
        RoleUse {
            role,
            keywords,
            parameters,
            tasks,
            handlers,
            layer,
            by_task,
            private: false,
            span: span.clone(),
        }
    }

    /// A file of a role in the strongest layer that has it; one asked for by name must exist.
    fn role_file(&mut self, role: &Role, kind: &str, name: Option<&str>, span: &Span) -> Option<PathBuf> {
        let files = &self.loader.files;
        let found = role
            .folders
            .iter()
            .find_map(|folder| files.file_named(&folder.join(kind), name.unwrap_or("main")));
        if let (None, Some(name), true) = (&found, name, self.has_folder(&role.folders, kind)) {
            self.error(format!("the role `{}` has no file {kind}/{name}", role.name), span);
        }
        found
    }

    /// Whether a role has such a folder; one without has nothing to choose from, and no choice is wrong.
    fn has_folder(&self, folders: &[PathBuf], kind: &str) -> bool {
        kind == "tasks" || folders.iter().any(|folder| self.loader.files.is_folder(&folder.join(kind)))
    }

    /// The variables of a role in all layers, the weakest first. `main` may also be a folder of files.
    fn variables(&mut self, folders: &[PathBuf], kind: &str, name: Option<&str>, span: &Span) -> Vec<Node> {
        let mut found = Vec::new();
        let mut any = false;
        for folder in folders.iter().rev() {
            let (folder, wanted) = (folder.join(kind), name.unwrap_or("main"));
            let files = match self.loader.files.file_named(&folder, wanted) {
                Some(file) => vec![file],
                None => self.files_below(&folder.join(wanted)),
            };
            any |= !files.is_empty();
            found.extend(files.iter().filter_map(|file| self.variables_file(file)));
        }
        if let (false, Some(name), true) = (any, name, self.has_folder(folders, kind)) {
            self.error(format!("the role has no file {kind}/{name}"), span);
        }
        found
    }

    /// All files of YAML below a folder, in order.
    fn files_below(&self, folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = self.loader.files.list(folder) else { return Vec::new() };
        let mut files = Vec::new();
        for entry in entries {
            let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if self.loader.files.is_folder(&entry) {
                files.extend(self.files_below(&entry));
            } else if !hidden
                && entry.extension().is_none_or(|ending| ENDINGS.iter().any(|known| ending == *known))
            {
                files.push(entry);
            }
        }
        files
    }

    fn variables_file(&mut self, file: &Path) -> Option<Node> {
        let node = self.document(file)?;
        if node.as_mapping().is_none() {
            self.error(format!("a file of variables must hold a mapping, not {}", node.kind()), &node.span);
            return None;
        }
        Some(node)
    }

    /// `meta/main.yml` of the strongest layer that has one.
    fn meta(&mut self, folders: &[PathBuf]) -> Option<Node> {
        let file = folders.iter().find_map(|folder| self.loader.files.main_file(&folder.join("meta")))?;
        let node = self.document(&file)?;
        match node.as_mapping() {
            Some(mapping) => self.check_words(mapping, Place::Meta),
            None if node.as_sequence().is_some_and(<[Node]>::is_empty) => {}
            None => {
                self.error(
                    format!("a role's meta file must hold a mapping, not {}", node.kind()),
                    &node.span,
                );
            }
        }
        Some(node)
    }

    /// The argument specifications of a role: a file of their own, or part of the meta file.
    fn specification(&mut self, folders: &[PathBuf], in_meta: Option<Node>) -> Option<Node> {
        let files = &self.loader.files;
        let file = folders.iter().find_map(|folder| files.file_named(&folder.join("meta"), "argument_specs"));
        let node = match file {
            Some(file) => self.document(&file)?.as_mapping()?.get("argument_specs").cloned(),
            None => in_meta,
        }?;
        if node.as_mapping().is_none() {
            self.error(format!("`argument_specs` must be a mapping, not {}", node.kind()), &node.span);
        }
        Some(node)
    }
}

/// Keywords whose `vars` hold the parameters, too.
fn with_parameters(keywords: Keywords, parameters: &Mapping, span: &Span) -> Keywords {
    if parameters.is_empty() {
        return keywords;
    }
    let vars = keywords.vars.iter().filter_map(Node::as_mapping).flat_map(Mapping::iter);
    let all = vars.chain(parameters.iter()).map(|(_, entry)| (entry.key.clone(), entry.value.clone()));
    let vars = Node::new(Yaml::Mapping(Arc::new(all.collect())), span.clone());
    Keywords { vars: Some(vars), ..keywords }
}

/// Scripts and templates use a role's path wherever they run: it does not depend on the current folder.
fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// The name of a role in an entry written for `ansible-galaxy`: the last part of its `src`.
fn galaxy_name(mapping: &Mapping) -> Option<Node> {
    let source = mapping.get("src")?;
    let text = source.as_str()?;
    let last = text.rsplit('/').next()?.split(',').next()?;
    let name = last.trim_end_matches(".tar.gz").trim_end_matches(".git");
    (!name.is_empty()).then(|| Node::text(name, source.span.clone()))
}

impl Role {
    /// A file of the role: `kind` is `templates`, `files`, `tasks` …; the strongest layer that has it counts.
    pub fn file(&self, files: &crate::playbook::Files, kind: &str, name: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(kind).join(name)).find(|path| files.exists(path))
    }
}
