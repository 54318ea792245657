//! Files that tasks name literally and that must be on the controller.

use std::path::{Path, PathBuf};

use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Severity};
use indexmap::IndexSet;

use super::{Checker, entries};
use crate::playbook::files::expand_user;
use crate::playbook::{Play, Task, split_words};

impl Checker<'_> {
    pub(super) fn files_of(&mut self, task: &Task) {
        let invocation = &task.invocation;
        let get =
            |names: &[&str]| entries(task).find(|(name, ..)| names.contains(name)).map(|(_, value, _)| value);
        let is_not = |name: &str, value: bool| get(&[name]).is_none_or(|node| node.as_bool() == Some(value));
        let (kind, node) = match &*invocation.name {
            "template" => ("templates", get(&["src"])),
            "copy" if get(&["content"]).is_none() && is_not("remote_src", false) => ("files", get(&["src"])),
            "unarchive" if is_not("remote_src", false) && is_not("copy", true) => ("files", get(&["src"])),
            "script" => ("files", invocation.free_form.as_ref().or_else(|| get(&["cmd", "_raw_params"]))),
            "include_vars" => {
                ("vars", invocation.free_form.as_ref().or_else(|| get(&["file", "dir", "_raw_params"])))
            }
            _ => return,
        };
        let Some(node) = node.filter(|node| !node.is_template()) else { return };
        let Some(text) = node.as_str().map(str::to_owned) else { return };
        let name = match &*invocation.name {
            "script" => {
                split_words(&text).ok().and_then(|words| words.into_iter().next()).unwrap_or_default()
            }
            _ => text,
        };
        if name.is_empty() || name.contains("://") {
            return;
        }
        match self.find_file(kind, &name, task) {
            Some(path) if kind == "templates" => self.template_file(&path, task),
            Some(_) => {}
            None => self.missing_file(kind, &name, node, task),
        }
    }

    fn find_file(&self, kind: &str, name: &str, task: &Task) -> Option<PathBuf> {
        let files = self.loader.files();
        candidates(kind, name.trim_end_matches('/'), task).into_iter().find(|path| files.exists(path))
    }

    fn missing_file(&mut self, kind: &str, name: &str, node: &Node, task: &Task) {
        let mut finding = Diagnostic::error(
            format!("there is no file `{name}` for `{}`", task.invocation.name),
            &node.span,
        );
        // An absolute path may be made by the run itself.
        finding.severity =
            if Path::new(name).is_absolute() { Severity::Warning } else { self.certainty(task) };
        let places = candidates(kind, name, task);
        let folders =
            places.iter().filter_map(|path| path.parent()).map(|folder| folder.display().to_string());
        let folders: IndexSet<String> = folders.collect();
        let folders: Vec<String> = folders.into_iter().collect();
        self.find(finding.hint(format!("looked in {}", folders.join(", "))), &task.layer);
    }

    /// Checks the syntax of a template's file, once.
    fn template_file(&mut self, path: &Path, task: &Task) {
        // With signs of its own it is read when its task is reached.
        let has_signs = |name: &str| name.ends_with("_string");
        if task
            .invocation
            .arguments
            .as_mapping()
            .is_some_and(|given| given.iter().any(|(name, _)| has_signs(name)))
        {
            return;
        }
        if !self.loader.files().is_file(path) || !self.seen.insert(format!("template {}", path.display())) {
            return;
        }
        match self.loader.files().source(path) {
            Ok(source) => {
                let findings = self.syntax.file(&source);
                self.take(findings, &task.layer);
            }
            Err(error) => self.find(error, &task.layer),
        }
    }

    /// A literal entry of `vars_files`, or a list of them of which one must exist.
    pub(super) fn vars_file(&mut self, node: &Node, play: &Play) {
        self.text(node, &play.layer);
        let choices = node.as_sequence().unwrap_or_else(|| std::slice::from_ref(node));
        if choices.iter().any(|choice| choice.is_template() || choice.as_str().is_none()) {
            return;
        }
        let found =
            choices.iter().find_map(|choice| self.loader.find_vars_file(&play.folder, &choice.to_text()));
        match found.map(|path| self.loader.load_vars(&path)) {
            Some(Ok(Some(variables))) => self.text(&variables, &play.layer),
            Some(Ok(None)) => {}
            Some(Err(error)) => self.find(error, &play.layer),
            None => {
                let names: Vec<String> =
                    choices.iter().map(|choice| format!("`{}`", choice.to_text())).collect();
                let message = format!("there is no file of variables {}", names.join(" or "));
                let hint = format!("looked in {}", play.folder.display());
                let severity = self.missing;
                let finding = Diagnostic { severity, ..Diagnostic::error(message, &node.span) };
                self.find(finding.hint(hint), &play.layer);
            }
        }
    }
}

/// Where a file may be: in the folder of its kind, or directly, of the roles around, the task's file and the playbook.
fn candidates(kind: &str, name: &str, task: &Task) -> Vec<PathBuf> {
    let named = expand_user(name);
    if named.is_absolute() {
        return vec![named];
    }
    let playbook = task.layer.chain().last().map(|layer| layer.span.source().name());
    let beside = |file: &Path| file.parent().map(Path::to_owned).unwrap_or_default();
    let roles = task.layer.roles().flat_map(|role| role.folders.iter().cloned());
    let folders = roles.chain([beside(&task.file)]).chain(playbook.map(beside));
    folders.flat_map(|folder| [folder.join(kind).join(&named), folder.join(&named)]).collect()
}
