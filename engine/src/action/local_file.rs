//! Files of the controller that tasks send to hosts.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_modules::system::checksum::Algorithm;
use clouder_vault::is_encrypted;
use serde_json::{Map, Value, json};

use super::Digests;
use crate::connection::Contents;
use crate::playbook::Files;
use crate::run::{Step, StepError};

/// A content that a host may ask for: a file, or bytes in memory.
#[derive(Clone, Debug)]
pub enum LocalFile {
    /// A file.
    Path(PathBuf),
    /// Bytes made here: a rendered template, a built-in file.
    Bytes(Arc<[u8]>),
}

/// The contents of one task, by SHA-256.
#[derive(Debug, Default)]
pub struct Payload(HashMap<String, LocalFile>);

impl Payload {
    /// Adds a content; returns its SHA-256 and its size in bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add(&mut self, file: LocalFile, digests: &Digests) -> std::io::Result<(String, u64)> {
        let (hash, size) = match &file {
            LocalFile::Path(path) => digests.of(path)?,
            LocalFile::Bytes(bytes) => (Algorithm::Sha256.of_bytes(bytes), bytes.len() as u64),
        };
        self.0.insert(hash.clone(), file);
        Ok((hash, size))
    }
}

impl Contents for Payload {
    fn open(&self, sha256: &str) -> std::io::Result<Box<dyn Read + Send>> {
        match self.0.get(sha256) {
            Some(LocalFile::Path(path)) => Ok(Box::new(std::fs::File::open(path)?)),
            Some(LocalFile::Bytes(bytes)) => Ok(Box::new(std::io::Cursor::new(Arc::clone(bytes)))),
            None => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the task has no such content")),
        }
    }
}

impl Step<'_> {
    /// A file of the controller: an absolute path, or one below the folders of the role, the task and the playbook, each
    /// tried with `kind` (`files`, `templates`, `vars`) and without.
    pub fn find(&self, kind: &str, name: &str) -> Option<PathBuf> {
        let files = self.run.loader.files();
        self.candidates(kind, name).into_iter().find(|path| files.exists(path))
    }

    fn candidates(&self, kind: &str, name: &str) -> Vec<PathBuf> {
        if let Some(rest) = name.strip_prefix("~/") {
            let home = std::env::var("HOME").unwrap_or_default();
            return vec![Path::new(&home).join(rest)];
        }
        if Path::new(name).is_absolute() {
            return vec![PathBuf::from(name)];
        }
        let folders = self.scope.search_path();
        folders.iter().flat_map(|folder| [folder.join(kind).join(name), folder.join(name)]).collect()
    }

    /// The places [`Self::find`] looks in, for messages.
    pub fn looked_in(&self, kind: &str) -> String {
        let folders = self.scope.search_path();
        folders
            .iter()
            .map(|folder| format!("{}/{{{kind},.}}", folder.display()))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The path of a file or folder of the controller.
    ///
    /// # Errors
    /// When there is none.
    pub fn local_path(&self, kind: &str, name: &str) -> Result<PathBuf, StepError> {
        self.find(kind, name).ok_or_else(|| {
            StepError::Failed(format!(
                "Could not find or access '{name}': looked in {}",
                self.looked_in(kind)
            ))
        })
    }

    /// The content of a path of the controller; of an encrypted file what is in it, if that is wanted.
    ///
    /// # Errors
    /// When it cannot be read or decrypted.
    pub fn open_local(&self, path: &Path, decrypt: bool) -> Result<LocalFile, StepError> {
        content(self.run.loader.files(), path, decrypt)
            .map_err(|error| StepError::Failed(format!("cannot read {}: {error}", path.display())))
    }
}

/// Whether a task wants what is in encrypted files, as it does unless it says `decrypt: false`.
pub(super) fn decrypts(arguments: &Map<String, Value>) -> bool {
    arguments.get("decrypt").is_none_or(super::copy::truthy)
}

/// The file itself, or the bytes of one that is built in or encrypted.
pub(super) fn content(files: &Files, path: &Path, decrypt: bool) -> std::io::Result<LocalFile> {
    if Files::is_built_in(path) {
        return Ok(LocalFile::Bytes(files.read(path)?.as_ref().into()));
    }
    if decrypt {
        let mut start = Vec::new();
        std::fs::File::open(path)?.take(32).read_to_end(&mut start)?;
        if is_encrypted(&start) {
            return Ok(LocalFile::Bytes(files.plain(path)?.0.as_ref().into()));
        }
    }
    Ok(LocalFile::Path(path.to_owned()))
}

/// A content as bytes.
pub(super) fn bytes(file: &LocalFile) -> std::io::Result<Vec<u8>> {
    match file {
        LocalFile::Path(path) => std::fs::read(path),
        LocalFile::Bytes(bytes) => Ok(bytes.to_vec()),
    }
}

/// The arguments that tell a host's module which content is meant.
pub(super) fn describe(arguments: &mut Map<String, Value>, hash: &str, size: u64, name: &str) {
    arguments.insert("_sha256".to_owned(), hash.into());
    arguments.insert("_size".to_owned(), size.into());
    arguments.insert("_name".to_owned(), name.into());
}

/// A folder's files as a module is told of them; those of a built-in folder have the usual modes.
pub(super) fn tree(
    files: &Files,
    folder: &Path,
    decrypt: bool,
    payload: &mut Payload,
    digests: &Digests,
) -> std::io::Result<Vec<Value>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut entries = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(current) = todo.pop() {
        for path in files.list(&current)? {
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let metadata =
                if Files::is_built_in(&path) { None } else { Some(std::fs::symlink_metadata(&path)?) };
            let mode = |usual: u32| {
                let mode = metadata.as_ref().map_or(usual, |metadata| metadata.permissions().mode());
                format!("{:04o}", mode & 0o7777)
            };
            if metadata.as_ref().is_some_and(std::fs::Metadata::is_symlink) {
                let target = std::fs::read_link(&path)?.to_string_lossy().into_owned();
                entries.push(json!({"path": relative, "kind": "link", "target": target}));
            } else if files.is_folder(&path) {
                entries.push(json!({"path": relative, "kind": "directory", "mode": mode(0o755)}));
                todo.push(path);
            } else {
                let mode = mode(0o644);
                let (hash, size) = payload.add(content(files, &path, decrypt)?, digests)?;
                entries.push(
                    json!({"path": relative, "kind": "file", "mode": mode, "sha256": hash, "size": size}),
                );
            }
        }
    }
    Ok(entries)
}
