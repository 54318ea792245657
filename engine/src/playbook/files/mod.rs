//! The files that playbooks are made of: real ones, and the roles and playbooks inside of the binary.
//!
//! A role is looked for in layers, the project's folders first, then those of the organisation (`CLOUDER_PATH`), then the
//! built-in ones. A folder without a `tasks/main.yml` only overrides: what it has not is taken from the next layer that
//! has the role, so that one template or one default can be replaced by placing that one file. A folder with a
//! `tasks/main.yml` is a role by itself, and nothing below it is looked at: roles that merely share a name with a built-in
//! one work unchanged.

mod built_in;
mod own_modules;
mod places;
mod roles;
mod routing;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clouder_lang::{Diagnostic, Source};
use clouder_vault::{Keyring, VaultError, is_encrypted};

use built_in::Found;
use own_modules::Listing;
pub use own_modules::OwnModule;
pub use places::Places;
pub(crate) use places::expand_user;
pub(in crate::playbook) use roles::ENDINGS;
pub use routing::Routed;
use routing::Routing;

/// Reads files, real ones and built-in ones.
pub struct Files {
    places: Places,
    /// Texts that are in no file: the play of an ad-hoc command.
    texts: HashMap<PathBuf, String>,
    keyring: Arc<Keyring>,
    /// What is in folders of modules, as far as they were looked into.
    listings: Mutex<HashMap<PathBuf, Arc<Listing>>>,
    /// What collections say of names, as far as they were asked.
    routings: Mutex<HashMap<String, Arc<Routing>>>,
}

impl Files {
    /// Files looked for in these places, decrypted with these passwords.
    pub fn new(places: Places, keyring: Arc<Keyring>) -> Self {
        Self {
            places,
            texts: HashMap::new(),
            keyring,
            listings: Mutex::default(),
            routings: Mutex::default(),
        }
    }

    /// The same, with a text that is read in place of a file.
    #[must_use]
    pub fn with_text(mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.texts.insert(path.into(), text.into());
        self
    }

    /// Where things are looked for.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The folder all built-in files seem to be in.
    pub fn built_in() -> &'static Path {
        built_in::root()
    }

    /// Whether a path is one of a built-in file or folder: it exists only through [`Files`].
    pub fn is_built_in(path: &Path) -> bool {
        path.starts_with(built_in::root())
    }

    /// The bytes of a file as it is, encrypted or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &Path) -> io::Result<Cow<'static, [u8]>> {
        if let Some(text) = self.texts.get(path) {
            return Ok(Cow::Owned(text.clone().into_bytes()));
        }
        if !Self::is_built_in(path) {
            return fs::read(path).map(Cow::Owned);
        }
        match built_in::find(path) {
            Some(Found::File(bytes)) => Ok(Cow::Borrowed(bytes)),
            Some(Found::Folder(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The text of a file, decrypted.
    ///
    /// # Errors
    /// When it cannot be read or decrypted, or is no text.
    pub fn source(&self, path: &Path) -> Result<Arc<Source>, Diagnostic> {
        let bytes = self.read(path).map_err(|error| {
            Diagnostic::without_place(format!("cannot read {}: {}", path.display(), reason(&error)))
        })?;
        if is_encrypted(&bytes) {
            let opened = self.keyring.open(&bytes).map_err(|error| {
                Diagnostic::without_place(format!("cannot decrypt {}: {error}", path.display()))
                    .hint(error.hint())
            })?;
            return Source::secret(path, opened.plain);
        }
        Source::from_bytes(path, bytes.into_owned())
    }

    /// The bytes of a file, decrypted, and whether they were encrypted.
    ///
    /// # Errors
    /// When it cannot be read, or no password opens it.
    pub fn plain(&self, path: &Path) -> io::Result<(Cow<'static, [u8]>, bool)> {
        let bytes = self.read(path)?;
        if !is_encrypted(&bytes) {
            return Ok((bytes, false));
        }
        let told = |error: VaultError| io::Error::other(format!("{error} ({})", error.hint()));
        Ok((Cow::Owned(self.keyring.open(&bytes).map_err(told)?.plain), true))
    }

    /// Whether there is a file or folder.
    pub fn exists(&self, path: &Path) -> bool {
        Self::is_there(path)
    }

    /// Whether there is a file or folder, for those who have no [`Files`] at hand.
    pub fn is_there(path: &Path) -> bool {
        if Self::is_built_in(path) { built_in::find(path).is_some() } else { path.exists() }
    }

    /// Whether there is a file.
    pub fn is_file(&self, path: &Path) -> bool {
        if Self::is_built_in(path) {
            matches!(built_in::find(path), Some(Found::File(_)))
        } else {
            path.is_file()
        }
    }

    /// Whether there is a folder.
    pub fn is_folder(&self, path: &Path) -> bool {
        if Self::is_built_in(path) {
            matches!(built_in::find(path), Some(Found::Folder(_)))
        } else {
            path.is_dir()
        }
    }

    /// What is in a folder, sorted.
    ///
    /// # Errors
    /// When it is no folder or cannot be read.
    pub fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        if Self::is_built_in(folder) {
            return match built_in::find(folder) {
                Some(Found::Folder(paths)) => Ok(paths),
                Some(Found::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
                None => Err(io::ErrorKind::NotFound.into()),
            };
        }
        let mut paths = fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<PathBuf>>>()?;
        paths.sort();
        Ok(paths)
    }

    /// The file of a playbook: as named, below the project or a folder of the organisation, a built-in one, or that of a
    /// collection (`namespace.collection.playbook`).
    pub fn find_playbook(&self, name: &str) -> Option<PathBuf> {
        let named = expand_user(name);
        let layers = std::iter::once(&*self.places.project)
            .chain(self.places.organisation.iter().map(PathBuf::as_path))
            .chain([built_in::root()]);
        let direct = layers.map(|layer| layer.join(&named)).find(|path| self.is_file(path));
        direct.or_else(|| self.collection_playbook(name))
    }

    fn collection_playbook(&self, name: &str) -> Option<PathBuf> {
        let (folder, playbook) = self.in_collection(name)?;
        let path = folder.join("playbooks").join(playbook);
        ["yml", "yaml"].iter().map(|ending| path.with_added_extension(ending)).find(|path| self.is_file(path))
    }

    /// The folder of the collection that `namespace.collection.rest` names, and the rest.
    fn in_collection<'name>(&self, name: &'name str) -> Option<(PathBuf, &'name str)> {
        let (namespace, rest) = name.split_once('.')?;
        let (collection, rest) = rest.split_once('.')?;
        if [namespace, collection, rest].iter().any(|part| part.is_empty() || part.contains('/')) {
            return None;
        }
        Some((self.collection_folder(&format!("{namespace}.{collection}"))?, rest))
    }

    /// The folder of an installed collection.
    pub(crate) fn collection_folder(&self, name: &str) -> Option<PathBuf> {
        let (namespace, collection) = name.split_once('.')?;
        let of = |path: PathBuf| path.join("ansible_collections").join(namespace).join(collection);
        self.places.all_collections().into_iter().map(of).find(|folder| folder.is_dir())
    }
}

/// Why a file cannot be read, in words.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
