//! What the names of modules mean at a place: a playbook may bring modules along.

use std::sync::Arc;

use super::Loader;
use super::keywords::list;
use super::session::playbook_folder;
use crate::playbook::names::{self, ModuleName};
use crate::playbook::{Layer, OwnModule, Routed};

impl Loader {
    /// What a module's name, as it is written in a task, means there. As with Ansible, a module that the playbook brings
    /// along stands for one of ours of that name, unless `ansible.builtin` is asked for.
    pub fn module_name(&self, written: &str, layer: &Layer) -> ModuleName {
        self.routed_module(written, layer).0
    }

    /// The same, with where the collection of the name led to.
    pub(super) fn routed_module(&self, written: &str, layer: &Layer) -> (ModuleName, Option<Routed>) {
        let meaning = self.direct_module(written, layer);
        if written.matches('.').count() < 2 || matches!(meaning, ModuleName::Known(_)) {
            return (meaning, None);
        }
        let routed = self.files.routed(written);
        let meaning = if routed.removed.is_none() && routed.name != written {
            self.direct_module(&routed.name, layer)
        } else {
            meaning
        };
        (meaning, Some(routed))
    }

    /// What a name means, wherever its collection sends it.
    fn direct_module(&self, written: &str, layer: &Layer) -> ModuleName {
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
        let around = layer.roles().filter_map(|role| role.collection());
        for collection in around.chain(named) {
            let name = self.files.routed(&format!("{collection}.{short}")).name;
            if let Some(module) = self.files.collection_module(&name) {
                return own(module);
            }
            if let meaning @ ModuleName::Known(_) = names::module_name(&name) {
                return meaning;
            }
        }
        meaning
    }

    /// Whether a group of modules of a collection has one of these names.
    pub fn group_has(&self, group: &str, names: &[&str]) -> bool {
        self.files.group_has(group, names)
    }

    /// The module of the ansible-core on this machine, or of a collection beside it, that stands for one that is not ours.
    pub fn foreign_module(&self, name: &str) -> Option<Arc<OwnModule>> {
        self.files.foreign_module(name).map(Arc::new)
    }
}
