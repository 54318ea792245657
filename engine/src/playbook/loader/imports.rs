//! `import_tasks` and `import_role`: put in place while loading.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node};
use clouder_lang::{Diagnostic, Span};

use super::RoleOptions;
use super::calls::Call;
use super::roles::Usage;
use super::session::{Context, Session, described, folder_of, playbook_folder};
use crate::playbook::files::expand_user;
use crate::playbook::names::{parameters, unknown_argument};
use crate::playbook::{Block, Files, Item, Layer, Origin, RoleUse};

impl Session<'_> {
    pub(super) fn import_tasks(
        &mut self,
        call: &Call,
        mapping: &Mapping,
        span: &Span,
        context: &Context,
    ) -> Option<Item> {
        let invocation = self.invocation(call, mapping.get("args"))?;
        self.check_import(mapping, "import_tasks", "include_tasks");
        let arguments = invocation.arguments.as_mapping().cloned().unwrap_or_default();
        self.check_import_arguments("import_tasks", &arguments);
        let name = invocation.free_form.as_ref().or(arguments.get("file")).or(arguments.get("_raw_params"));
        let Some(name) = name.filter(|name| !name.is_null()) else {
            self.error("`import_tasks` needs the name of a file", &call.written.span);
            return None;
        };
        let keywords = self.keywords(mapping);
        let origin = |path: PathBuf| Layer {
            origin: Origin::Tasks(path),
            keywords: keywords.clone(),
            parent: Some(Arc::clone(&context.layer)),
            span: call.written.span.clone(),
        };
        let text = self.resolve(name, Some(&Arc::new(origin(context.file.clone()))))?;
        let Some(file) = find_tasks(&self.loader.files, &text, &context.file, &context.layer) else {
            self.missing_tasks(&text, name, context);
            return None;
        };
        let layer = Arc::new(origin(file.clone()));
        let items = self.tasks_file(&file, &context.within(Arc::clone(&layer)), &name.span);
        Some(Item::Block(Arc::new(Block {
            name: None,
            layer,
            items,
            rescue: Vec::new(),
            always: Vec::new(),
            role: None,
            span: span.clone(),
        })))
    }

    /// Notes that a file of tasks is missing.
    fn missing_tasks(&mut self, text: &str, name: &Node, context: &Context) {
        let places = task_places(text, &context.file, &context.layer);
        let looked: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        let finding = Diagnostic::error(format!("there is no file of tasks `{text}`"), &name.span);
        self.find(finding.hint(format!("looked for {}", looked.join(", "))));
    }

    pub(super) fn import_role(
        &mut self,
        call: &Call,
        mapping: &Mapping,
        span: &Span,
        context: &Context,
    ) -> Option<Item> {
        if context.handlers {
            self.error("a role cannot be imported as a handler", &call.written.span);
            return None;
        }
        let invocation = self.invocation(call, mapping.get("args"))?;
        self.check_import(mapping, "import_role", "include_role");
        let arguments = invocation.arguments.as_mapping().cloned().unwrap_or_default();
        self.check_import_arguments("import_role", &arguments);
        let Some(name) = arguments.get("name").or(arguments.get("role")).filter(|name| !name.is_null())
        else {
            self.error("`import_role` needs the `name` of a role", &call.written.span);
            return None;
        };
        let options = self.role_options(&arguments, context);
        let keywords = self.keywords(mapping);
        let near = context.layer.role().map(|role| role.path.clone());
        let usage = Usage {
            options: &options,
            keywords,
            parameters: Mapping::default(),
            layer: &context.layer,
            near: near.as_deref(),
        };
        let mut used = self.role(name, usage)?;
        used.private = arguments.get("public").and_then(Node::as_bool) == Some(false);
        Some(Item::Block(role_block(used, span)))
    }

    fn role_options(&mut self, arguments: &Mapping, context: &Context) -> RoleOptions {
        let mut text = |name: &str| {
            let node = arguments.get(name).filter(|node| !node.is_null())?;
            if node.as_sequence().is_some() || node.as_mapping().is_some() {
                self.error(
                    format!("`{name}` must be the name of a file, not {}", described(node)),
                    &node.span,
                );
                return None;
            }
            self.resolve(node, Some(&context.layer))
        };
        RoleOptions {
            tasks_from: text("tasks_from"),
            vars_from: text("vars_from"),
            defaults_from: text("defaults_from"),
            handlers_from: text("handlers_from"),
            allow_duplicates: Some(arguments.get("allow_duplicates").and_then(Node::as_bool).unwrap_or(true)),
            unchecked: arguments.get("rolespec_validate").and_then(Node::as_bool) == Some(false),
        }
    }

    /// Notes arguments that an import does not have.
    fn check_import_arguments(&mut self, module: &str, arguments: &Mapping) {
        let Some(parameters) = parameters(module) else { return };
        let schema = (parameters.schema)();
        for (name, entry) in arguments.iter().filter(|(name, _)| schema.find(name).is_none()) {
            self.find(unknown_argument(module, name, &entry.key.span, schema));
        }
    }

    /// Imports cannot loop: there is no host yet.
    fn check_import(&mut self, mapping: &Mapping, import: &str, include: &str) {
        for (key, entry) in mapping.iter().filter(|(key, _)| &***key == "loop" || key.starts_with("with_")) {
            let finding = Diagnostic::error(format!("`{key}` cannot repeat `{import}`"), &entry.key.span);
            self.find(finding.hint(format!("use `{include}`")));
        }
    }
}

/// A role's tasks as one block, those of its dependencies in front.
pub fn role_block(used: RoleUse, span: &Span) -> Arc<Block> {
    let dependencies = used.role.dependencies.iter();
    let before = dependencies.map(|dependency| Item::Block(role_block(dependency.clone(), &dependency.span)));
    Arc::new(Block {
        name: None,
        layer: Arc::clone(&used.layer),
        items: before.chain(used.tasks.iter().cloned()).collect(),
        rescue: Vec::new(),
        always: Vec::new(),
        role: Some(used),
        span: span.clone(),
    })
}

/// The file of tasks that a name means.
pub(super) fn find_tasks(files: &Files, name: &str, file: &Path, layer: &Layer) -> Option<PathBuf> {
    task_places(name, file, layer).into_iter().find(|path| files.is_file(path))
}

/// Where a file of tasks may be: beside the file that names it, in the `tasks` (or `handlers`) of the roles around, beside
/// the files that include that file, beside the playbook.
pub(super) fn task_places(name: &str, file: &Path, layer: &Layer) -> Vec<PathBuf> {
    let named = expand_user(name);
    if named.is_absolute() {
        return vec![named];
    }
    let mut places = Vec::new();
    let mut add = |path: PathBuf| {
        if !places.contains(&path) {
            places.push(path);
        }
    };
    let subfolder =
        if file.parent().is_some_and(|folder| folder.ends_with("handlers")) { "handlers" } else { "tasks" };
    add(folder_of(file).join(&named));
    for role in layer.roles() {
        for folder in &role.folders {
            add(folder.join(subfolder).join(&named));
        }
        for folder in &role.folders {
            add(folder.join(&named));
        }
    }
    for layer in layer.chain() {
        if let Origin::Tasks(path) | Origin::Include(path) = &layer.origin {
            add(folder_of(path).join(&named));
        }
    }
    add(playbook_folder(layer).join("tasks").join(&named));
    add(playbook_folder(layer).join(&named));
    places
}
