//! Roles.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::Span;
use clouder_lang::yaml::Node;

use super::{Item, Keywords, Layer};

/// A role as it is used at one place: which of its files were chosen (`tasks_from` …) is part of it.
#[derive(Debug)]
pub struct Role {
    /// Its name as used: `containerd`, `namespace.collection.role`.
    pub name: Arc<str>,
    /// Its folder in the strongest layer that has one, as an absolute path: `role_path`.
    pub path: PathBuf,
    /// Its folders in all layers, the overriding one first; built-in folders are virtual (see `Files`).
    pub folders: Vec<PathBuf>,
    /// `defaults/main.yml`: mappings, later ones win.
    pub defaults: Vec<Node>,
    /// `vars/main.yml`: mappings, later ones win.
    pub vars: Vec<Node>,
    /// The dependencies of `meta/main.yml`, to run before it.
    pub dependencies: Vec<RoleUse>,
    /// Whether it may run more than once with the same parameters.
    pub allow_duplicates: bool,
    /// The options in the argument specification of the entry point used (`meta/argument_specs.yml`), if there is one.
    pub argument_spec: Option<Node>,
    /// What the task that checks them calls the specification: `'main' - what the role does`.
    pub argument_spec_title: String,
}

impl Role {
    /// The collection it is part of: `namespace.collection`.
    pub fn collection(&self) -> Option<String> {
        collection_of(&self.path)
    }

    /// Its name without its collection.
    pub fn short_name(&self) -> &str {
        let collection = self.collection().map(|collection| collection + ".");
        collection.and_then(|collection| self.name.strip_prefix(&collection)).unwrap_or(&self.name)
    }
}

/// The collection that a role's folder is part of.
pub(super) fn collection_of(role: &Path) -> Option<String> {
    let mut parts = role.iter().skip_while(|part| *part != "ansible_collections").skip(1);
    let (namespace, collection) = (parts.next()?.to_str()?, parts.next()?.to_str()?);
    Some(format!("{namespace}.{collection}"))
}

/// A role together with its tasks and handlers, ready to run at one place.
#[derive(Clone, Debug)]
pub struct RoleUse {
    /// The role.
    pub role: Arc<Role>,
    /// Keywords and parameters at the place of use.
    pub keywords: Keywords,
    /// The names of those among its `vars` that were written as parameters.
    pub parameters: Vec<Arc<str>>,
    /// Its tasks; each task's layers lead through the role to the place of use.
    pub tasks: Vec<Item>,
    /// Its handlers.
    pub handlers: Vec<Item>,
    /// The layer that stands around them, also when there are none.
    pub layer: Arc<Layer>,
    /// A task uses it (`import_role`, `include_role`), not the play: the two are not the same use.
    pub by_task: bool,
    /// Its variables are not shown to the play: `public: false`.
    pub private: bool,
    /// Where it is used.
    pub span: Span,
}
