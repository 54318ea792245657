//! Sources of an inventory: which reader is for which.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder_lang::yaml::{self, Node};
use clouder_lang::{Diagnostic, Source, Span};
use clouder_vault::{Keyring, is_encrypted};
use thiserror::Error;

use crate::azure::{self, AzureLists};
use crate::expressions::Expressions;
use crate::host::split_port;
use crate::{Inventory, VariableFolder, Variables, ini, range, script, yaml as yaml_inventory};

/// Why an inventory could not be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not understood.
    #[error(transparent)]
    Content(Box<Diagnostic>),
    /// An executable failed.
    #[error("the inventory program {} failed: {reason}", path.display())]
    Program {
        /// Which.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// A host list is not understood.
    #[error("the host list `{list}` is not understood: {reason}")]
    HostList {
        /// As given.
        list: String,
        /// Why.
        reason: String,
    },
}

impl From<Diagnostic> for LoadError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Content(Box::new(diagnostic))
    }
}

/// What sources need that are more than files.
pub struct Outside {
    /// Evaluates expressions.
    pub expressions: Arc<dyn Expressions>,
    /// Asks Azure.
    pub azure: Arc<dyn AzureLists>,
    /// Variables of the command line.
    pub extra: Variables,
    /// Whether expressions see variables of the command line, unless their file says so.
    pub use_extra_vars: bool,
    /// Whether expressions see `group_vars` and `host_vars`, unless their file says so.
    pub use_vars_plugins: bool,
}

/// Reads the files of inventories, and collects warnings on the way.
pub struct Reader {
    keyring: Arc<Keyring>,
    /// Ends of names that are no inventory in a folder.
    pub ignored_endings: Vec<String>,
    /// Regular expressions of names that are no inventory in a folder.
    pub ignored_patterns: Vec<String>,
    /// What sources need that are more than files.
    pub outside: Option<Outside>,
    /// Whether mappings of one name are merged instead of replaced (`hash_behaviour`).
    pub merge: bool,
    warnings: RefCell<Vec<Diagnostic>>,
}

impl Reader {
    /// A reader that decrypts with these passwords.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self {
            keyring,
            ignored_endings: Vec::new(),
            ignored_patterns: Vec::new(),
            outside: None,
            merge: false,
            warnings: RefCell::default(),
        }
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// A file's text, decrypted.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or cannot be decrypted.
    pub fn source(&self, path: &Path) -> Result<Arc<Source>, LoadError> {
        let bytes = fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        if !is_encrypted(&bytes) {
            return Ok(Source::from_bytes(path, bytes)?);
        }
        let opened = self.keyring.open(&bytes).map_err(|error| {
            Diagnostic::without_place(format!("cannot decrypt {}: {error}", path.display()))
                .hint(error.hint())
        })?;
        Ok(Source::secret(path, opened.plain)?)
    }

    /// A YAML file's document.
    ///
    /// # Errors
    /// When it cannot be read or is no YAML.
    pub fn yaml(&self, path: &Path) -> Result<Option<Node>, LoadError> {
        self.parse(&self.source(path)?)
    }

    /// Tells of something that is no reason to stop.
    pub(crate) fn warn(&self, warning: Diagnostic) {
        self.warnings.borrow_mut().push(warning);
    }

    pub(crate) fn parse(&self, source: &Arc<Source>) -> Result<Option<Node>, LoadError> {
        let loaded = yaml::load_file(source)?;
        self.warnings.borrow_mut().extend(loaded.warnings);
        Ok(loaded.document)
    }

    /// Whether a file of this name is no inventory. A pattern that is none matches nothing.
    fn ignores(&self, name: &str) -> bool {
        let matches = |pattern: &String| {
            fancy_regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(name).unwrap_or(false))
        };
        self.ignored_endings.iter().any(|ending| name.ends_with(ending.as_str()))
            || self.ignored_patterns.iter().any(matches)
    }

    /// The warnings so far.
    pub fn into_warnings(self) -> Vec<Diagnostic> {
        self.warnings.into_inner()
    }
}

/// Reads all sources into one inventory; later ones add to earlier ones, and their variables win.
///
/// A source is a file (INI, YAML, JSON or an executable), a folder of files, a list of hosts with a comma in it, or a cluster in
/// Azure (`azure:CLUSTER`).
///
/// # Errors
/// The first thing that is wrong.
pub fn load(sources: &[String], reader: &Reader) -> Result<Inventory, LoadError> {
    let mut inventory = Inventory::default();
    inventory.merge = reader.merge;
    for source in sources {
        inventory.reading = Some(Arc::from(Path::new(source)));
        if let Some(read) = azure::read_cluster(source, &mut inventory, reader) {
            read?;
            inventory.sources.push(PathBuf::from(source));
            continue;
        }
        if source.contains(',') && !Path::new(source).exists() {
            host_list(source, &mut inventory)?;
            continue;
        }
        let path = Path::new(source);
        let metadata =
            fs::metadata(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        let folder = if metadata.is_dir() {
            read_folder(path, &mut inventory, reader)?;
            path
        } else {
            read_file(path, &mut inventory, reader)?;
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
        };
        inventory.sources.push(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        inventory.folders.push(VariableFolder::read(folder, reader)?);
    }
    inventory.reading = None;
    for folder in &inventory.folders {
        folder.read_for(&inventory, reader)?;
    }
    Ok(inventory)
}

fn host_list(list: &str, inventory: &mut Inventory) -> Result<(), LoadError> {
    let wrong = |reason| LoadError::HostList { list: list.to_owned(), reason };
    let span = Span::of_text(list, list);
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (pattern, port) = split_port(name);
        for host in range::expand(pattern).map_err(wrong)? {
            inventory.add_to_group(&host, "ungrouped");
            inventory.set_port(&host, port, &span);
        }
    }
    Ok(())
}

fn read_folder(folder: &Path, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    let failed = |source| LoadError::Read { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.')
            || reader.ignores(&name)
            || ["group_vars", "host_vars", "vars_plugins"].contains(&name.as_str())
        {
            continue;
        }
        if path.is_dir() {
            read_folder(&path, inventory, reader)?;
        } else {
            read_file(&path, inventory, reader)?;
        }
    }
    Ok(())
}

fn read_file(path: &Path, inventory: &mut Inventory, reader: &Reader) -> Result<(), LoadError> {
    inventory.reading = std::path::absolute(path).ok().map(Arc::from);
    let metadata = fs::metadata(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    if metadata.permissions().mode() & 0o111 != 0 && starts_like_a_program(path) {
        return script::read(path, inventory, reader);
    }
    let source = reader.source(path)?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml" | "json") => yaml_inventory::read(&source, inventory, reader),
        None if is_mapping(&source) => yaml_inventory::read(&source, inventory, reader),
        _ => Ok(ini::read(&source, inventory)?),
    }
}

/// Whether a text is a mapping in YAML: no INI inventory is.
fn is_mapping(source: &Arc<Source>) -> bool {
    let document = yaml::load_file(source).ok().and_then(|loaded| loaded.document);
    document.is_some_and(|document| document.as_mapping().is_some_and(|mapping| !mapping.is_empty()))
}

/// An executable bit alone does not make a program: shared folders set it on every file.
fn starts_like_a_program(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    bytes.starts_with(b"#!") || bytes.starts_with(b"\x7fELF")
}
