//! Files → plays, blocks and tasks.
//!
//! Everything static is put in place while loading: `import_playbook`, `import_tasks`, `import_role`, `roles` and their
//! dependencies. Loading does not stop at the first mistake: a [`Session`] collects all of them, and what could be read is
//! there to be checked further.

mod calls;
mod documents;
#[cfg(test)]
mod fuzz;
mod imports;
mod keywords;
mod loops;
mod modules;
mod plays;
mod roles;
mod session;
mod tasks;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::{Mapping, Node, Yaml};
use clouder_lang::{Diagnostic, Span};

use super::files::Files;
use super::{Item, Keywords, Layer, Playbook, RoleUse};
pub use imports::role_block;
use roles::Usage;
use session::{Context, Session};

pub(in crate::playbook) use documents::load_document;

/// Gives a text with templates its value while loading, by the variables that are known then: those around the layer and
/// extra ones, but of no host.
pub type Resolve = dyn Fn(&Node, Option<&Arc<Layer>>) -> Result<String, Diagnostic> + Send + Sync;

/// Reads playbooks, roles and files of tasks and variables.
pub struct Loader {
    files: Files,
    resolve: Box<Resolve>,
}

/// A playbook as far as it could be read, and all that is wrong with its text.
#[derive(Debug)]
pub struct LoadedPlaybook {
    /// The playbook.
    pub playbook: Playbook,
    /// What is wrong or doubtful, in the order of places.
    pub findings: Vec<Diagnostic>,
}

/// Which files of a role are meant, where it is not `main`.
#[derive(Clone, Debug, Default)]
pub struct RoleOptions {
    /// Of `tasks`.
    pub tasks_from: Option<String>,
    /// Of `vars`.
    pub vars_from: Option<String>,
    /// Of `defaults`.
    pub defaults_from: Option<String>,
    /// Of `handlers`.
    pub handlers_from: Option<String>,
    /// Whether it may run again with the same parameters; `None` leaves that to the role.
    pub allow_duplicates: Option<bool>,
    /// `rolespec_validate: false`: its argument specification is not looked at.
    pub unchecked: bool,
}

/// Why a role cannot be used: all that was found.
#[derive(Debug)]
pub enum RoleError {
    /// There is none of that name, or of one it depends on; or they depend on each other in a circle.
    Missing(Vec<Diagnostic>),
    /// It, or one it depends on, cannot be read.
    Wrong(Vec<Diagnostic>),
}

impl Loader {
    /// A loader of these files. `resolve` is asked for the names of imports that have templates in them.
    pub fn new(files: Files, resolve: Box<Resolve>) -> Self {
        Self { files, resolve }
    }

    /// The files it reads.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Reads a playbook and everything static in it.
    pub fn load_playbook(&self, path: &Path) -> LoadedPlaybook {
        let mut session = Session::new(self);
        let plays = session.playbook_file(path, None);
        LoadedPlaybook { playbook: Playbook { path: path.to_owned(), plays }, findings: session.finish() }
    }

    /// Reads a file of tasks, or of handlers, that a layer stands around.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_tasks(
        &self,
        file: &Path,
        layer: &Arc<Layer>,
        handlers: bool,
    ) -> Result<Vec<Item>, Vec<Diagnostic>> {
        let (items, findings) = self.read_tasks(file, layer, handlers);
        if findings.iter().any(Diagnostic::is_error) { Err(findings) } else { Ok(items) }
    }

    /// Reads a file of tasks as far as it can be read, and what is wrong with it.
    pub(super) fn read_tasks(
        &self,
        file: &Path,
        layer: &Arc<Layer>,
        handlers: bool,
    ) -> (Vec<Item>, Vec<Diagnostic>) {
        let mut session = Session::new(self);
        let context = Context { layer: Arc::clone(layer), handlers, file: file.to_owned() };
        let document = session.document(file);
        let items = document.map(|node| session.items(&node, &context)).unwrap_or_default();
        (items, session.finish())
    }

    /// Reads a role as far as it can be read, and what is wrong with it.
    pub(super) fn read_role(
        &self,
        name: &Node,
        options: &RoleOptions,
        layer: &Arc<Layer>,
    ) -> (Option<RoleUse>, Vec<Diagnostic>) {
        let mut session = Session::new(self);
        let near = layer.role().map(|role| role.path.clone());
        let (keywords, parameters) = (Keywords::default(), Mapping::default());
        let usage = Usage { options, keywords, parameters, layer, near: near.as_deref() };
        let used = session.role(name, usage);
        (used, session.finish())
    }

    /// The file that `include_tasks: name`, written in `file`, means: beside that file, in the `tasks` of the roles around,
    /// or beside the playbook.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_tasks(&self, name: &str, file: &Path, layer: &Arc<Layer>) -> Result<PathBuf, Diagnostic> {
        imports::find_tasks(&self.files, name, file, layer).ok_or_else(|| {
            let looked = imports::task_places(name, file, layer);
            let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
            Diagnostic::without_place(format!("there is no file of tasks `{name}`"))
                .hint(format!("looked for {}", looked.join(", ")))
        })
    }

    /// Reads a role that is used at a place, its dependencies included.
    ///
    /// # Errors
    /// When it is not there, or something is wrong with it.
    pub fn load_role(
        &self,
        name: &str,
        options: &RoleOptions,
        layer: &Arc<Layer>,
        span: &Span,
    ) -> Result<RoleUse, RoleError> {
        let mut session = Session::new(self);
        let name = Node::new(Yaml::Raw(name.into()), span.clone());
        let near = layer.role().map(|role| role.path.clone());
        let (keywords, parameters) = (Keywords::default(), Mapping::default());
        let usage = Usage { options, keywords, parameters, layer, near: near.as_deref() };
        let used = session.role(&name, usage);
        let is_wrong = session.is_wrong();
        let findings = session.finish();
        match used {
            Some(used) if !findings.iter().any(Diagnostic::is_error) => Ok(used),
            _ if is_wrong => Err(RoleError::Wrong(findings)),
            _ => Err(RoleError::Missing(findings)),
        }
    }

    /// Reads a file of variables; `None` when it is empty.
    ///
    /// # Errors
    /// What is wrong with it; also when it is no mapping.
    pub fn load_vars(&self, path: &Path) -> Result<Option<Node>, Diagnostic> {
        let document = load_document(&self.files, path)?.document.filter(|node| !node.is_null());
        match document {
            Some(node) if node.as_mapping().is_none() => Err(Diagnostic::error(
                format!("a file of variables must hold a mapping, not {}", node.kind()),
                &node.span,
            )),
            other => Ok(other),
        }
    }

    /// The file that `vars_files` of a play in `folder` means by a name.
    pub fn find_vars_file(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let named = super::files::expand_user(name);
        [folder.join(&named), folder.join("vars").join(&named)]
            .into_iter()
            .find(|path| self.files.is_file(path))
    }
}
