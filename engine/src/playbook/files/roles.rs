//! The folders of a role.

use std::path::{Path, PathBuf};

use super::{Files, built_in, expand_user};

/// Endings a file of YAML may have; Ansible's order.
pub(in crate::playbook) const ENDINGS: [&str; 3] = ["yml", "yaml", "json"];

impl Files {
    /// The folders of a role, the strongest first; empty when there is none. `playbook` is the folder of the playbook,
    /// `near` the folder of the role that names it.
    pub(in crate::playbook) fn role_folders(
        &self,
        name: &str,
        playbook: &Path,
        near: Option<&Path>,
    ) -> Vec<PathBuf> {
        if let Some(folder) = self.collection_role(name) {
            return vec![folder];
        }
        let named = expand_user(name);
        if named.is_absolute() {
            return if self.is_folder(&named) { vec![named] } else { Vec::new() };
        }
        let mut folders = Vec::new();
        for candidate in self.role_places(playbook, near) {
            let folder = candidate.path.join(&named);
            if !self.is_folder(&folder) || folders.contains(&folder) {
                continue;
            }
            let whole = candidate.installed || self.main_file(&folder.join("tasks")).is_some();
            folders.push(folder);
            if whole {
                break;
            }
        }
        folders
    }

    /// The places a role was looked for in, for messages.
    pub(in crate::playbook) fn looked_in(&self, playbook: &Path, near: Option<&Path>) -> String {
        let places: Vec<String> =
            self.role_places(playbook, near).iter().map(|place| place.path.display().to_string()).collect();
        places.join(", ")
    }

    /// The names of all roles that could be meant at a place.
    pub(in crate::playbook) fn role_names(&self, playbook: &Path, near: Option<&Path>) -> Vec<String> {
        let places = self.role_places(playbook, near).into_iter().filter(|place| place.path != playbook);
        let folders = places.flat_map(|place| self.list(&place.path).unwrap_or_default());
        let mut names: Vec<String> = folders
            .filter(|path| self.is_folder(path))
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn role_places(&self, playbook: &Path, near: Option<&Path>) -> Vec<Place> {
        let places = &self.places;
        let mut found = Vec::new();
        let mut add = |path: PathBuf, installed: bool| {
            if !found.iter().any(|place: &Place| place.path == path) {
                found.push(Place { path, installed });
            }
        };
        add(playbook.join("roles"), false);
        // A project may keep its playbooks in a folder of their own.
        if let Some(above) = playbook.parent().filter(|_| playbook.ends_with("playbooks")) {
            add(above.join("roles"), false);
        }
        add(places.project.join("roles"), false);
        places.organisation.iter().for_each(|layer| add(layer.join("roles"), false));
        places.roles.iter().for_each(|path| add(path.clone(), true));
        if let Some(beside) = near.and_then(Path::parent) {
            add(beside.to_owned(), false);
        }
        add(playbook.to_owned(), true);
        add(built_in::root().join("roles"), false);
        found
    }

    /// The folder of `namespace.collection.role`.
    pub(in crate::playbook) fn collection_role(&self, name: &str) -> Option<PathBuf> {
        let (folder, role) = self.in_collection(name)?;
        let folder = folder.join("roles").join(role.replace('.', "/"));
        self.is_folder(&folder).then_some(folder)
    }

    /// `main.yml` of a folder, or one of the other names it may have.
    pub(in crate::playbook) fn main_file(&self, folder: &Path) -> Option<PathBuf> {
        self.file_named(folder, "main")
    }

    /// A file of a folder by its name, with or without its ending.
    pub(in crate::playbook) fn file_named(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let path = folder.join(name);
        let with_ending = ENDINGS.iter().map(|ending| path.with_added_extension(ending));
        with_ending.chain([path.clone()]).find(|path| self.is_file(path))
    }
}

/// A folder that may have roles in it.
struct Place {
    path: PathBuf,
    /// Roles here are whole by themselves; they override nothing.
    installed: bool,
}
