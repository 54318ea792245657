//! What the names of modules mean at a place: a playbook may bring modules along.

use std::path::Path;
use std::sync::Arc;

use super::Loader;
use super::keywords::list;
use super::session::playbook_folder;
use crate::playbook::names::{self, ModuleName};
use crate::playbook::{Layer, OwnModule};

impl Loader {
    /// What a module's name, as it is written in a task, means there. As with Ansible, a module that the playbook brings
    /// along stands for one of ours of that name, unless `ansible.builtin` is asked for.
    pub fn module_name(&self, written: &str, layer: &Layer) -> ModuleName {
        let own = |module: OwnModule| ModuleName::Own(Arc::new(module));
        let short = written.strip_prefix("ansible.legacy.").unwrap_or(written);
        if !short.contains('.') {
            let roles = layer.roles().flat_map(|role| &role.folders).map(AsRef::as_ref);
            if let Some(module) = self.files.library_module(short, roles, playbook_folder(layer)) {
                return own(module);
            }
        }
        let meaning = names::module_name(written);
        if matches!(meaning, ModuleName::Known(_)) {
            return meaning;
        }
        if short.contains('.') {
            return self.files.collection_module(short).map_or(meaning, own);
        }
        let named = layer.chain().find_map(|layer| layer.keywords.collections.as_ref());
        let named = named.map(list).unwrap_or_default();
        let named = named.iter().map(|name| name.to_text().to_string());
        let around = layer.roles().filter_map(|role| collection_of(&role.path));
        for collection in around.chain(named) {
            if let Some(module) = self.files.collection_module(&format!("{collection}.{short}")) {
                return own(module);
            }
        }
        meaning
    }

    /// The module of the ansible-core on this machine, or of a collection beside it, that stands for one that is not ours.
    pub fn foreign_module(&self, name: &str) -> Option<Arc<OwnModule>> {
        self.files.foreign_module(name).map(Arc::new)
    }
}

/// The collection that a role is part of.
fn collection_of(role: &Path) -> Option<String> {
    let mut parts = role.iter().skip_while(|part| *part != "ansible_collections").skip(1);
    let (namespace, collection) = (parts.next()?.to_str()?, parts.next()?.to_str()?);
    Some(format!("{namespace}.{collection}"))
}
