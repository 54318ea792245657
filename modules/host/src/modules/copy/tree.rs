//! Whole folders: compared as a whole, what differs is asked for together, then put in place.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CopyArgs;
use crate::module::Doing as _;
use crate::system::attributes::{self, AttributeChange, Mode};
use crate::system::checksum::Algorithm;
use crate::system::placement::{Content, Placement};
use crate::system::{file, folder, mode};
use crate::{Context, Diff, ModuleError, Outcome};

/// One thing in a folder. The controller lists folders before what is in them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path below `dest`; with the source folder's own name in front unless the source ended in a slash.
    pub path: PathBuf,
    /// `file`, `directory` or `link`.
    pub kind: EntryKind,
    /// Of a file: the hash of its content.
    #[serde(default)]
    pub sha256: String,
    /// Of a file: its length.
    #[serde(default)]
    pub size: u64,
    /// Mode of the source, for `mode: preserve`.
    #[serde(default)]
    pub mode: Option<String>,
    /// Of a link: what it says.
    #[serde(default)]
    pub target: PathBuf,
}

/// What a thing in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A file, whose content the controller keeps ready.
    File,
    /// A folder, also an empty one.
    Directory,
    /// A symbolic link.
    Link,
}

/// Reads the list that the controller sent.
pub(super) fn from_controller(list: Vec<Value>) -> Result<Vec<Entry>, ModuleError> {
    let entries: Result<_, _> = list.into_iter().map(serde_json::from_value).collect();
    entries.doing(|| "copy: the controller's list of a folder is not understood".to_owned())
}

/// Lists a folder of this host.
pub(super) fn on_host(source: &Path, follow: bool) -> Result<Vec<Entry>, ModuleError> {
    let mut entries = Vec::new();
    list(source, Path::new(""), follow, &mut entries)?;
    Ok(entries)
}

fn list(root: &Path, below: &Path, follow: bool, entries: &mut Vec<Entry>) -> Result<(), ModuleError> {
    let folder = root.join(below);
    let failed = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).doing(failed)? {
        names.push(entry.doing(failed)?.file_name());
    }
    names.sort();
    for name in names {
        let path = below.join(name);
        let full = root.join(&path);
        let Some(found) = (if follow { file::look_through(&full)? } else { file::look(&full)? }) else {
            continue;
        };
        let mut entry = Entry {
            path: path.clone(),
            kind: EntryKind::File,
            sha256: String::new(),
            size: found.len(),
            mode: Some(mode::octal(found.mode())),
            target: PathBuf::new(),
        };
        if found.is_symlink() {
            entry.kind = EntryKind::Link;
            entry.target = fs::read_link(&full).doing(|| format!("cannot read {}", full.display()))?;
        } else if found.is_dir() {
            entry.kind = EntryKind::Directory;
        } else if !found.is_file() {
            return Err(ModuleError::new(format!(
                "cannot copy {}: neither file, folder nor link",
                full.display()
            )));
        }
        let is_folder = entry.kind == EntryKind::Directory;
        entries.push(entry);
        if is_folder {
            list(root, &path, follow, entries)?;
        }
    }
    Ok(())
}

/// Brings a folder's content to `dest`. `source` is where it is on this host, or `None` when the controller has it.
pub(super) fn bring(
    args: &CopyArgs,
    dest: &Path,
    entries: Vec<Entry>,
    source: Option<&Path>,
    context: &mut Context,
) -> Result<Outcome, ModuleError> {
    let mut bringing = Bringing { args, dest, source, changed: false, diff: Vec::new() };
    let source_mode =
        source.and_then(|source| fs::metadata(source).ok()).map(|found| mode::octal(found.mode()));
    bringing.folder(dest, source_mode, context)?;
    let mut files = Vec::new();
    for entry in entries {
        match entry.kind {
            EntryKind::Directory => bringing.folder(&dest.join(&entry.path), entry.mode, context)?,
            EntryKind::Link => bringing.link(&dest.join(&entry.path), &entry.target, context)?,
            EntryKind::File => files.push(entry),
        }
    }
    bringing.files(&files, context)?;
    if bringing.changed && !context.check {
        // One flush for all files; a run that is cut off before it is repeated as a whole.
        let folder = File::open(dest).doing(|| format!("cannot read {}", dest.display()))?;
        rustix::fs::syncfs(folder).doing(|| format!("cannot write {} to disk", dest.display()))?;
    }
    let mut outcome = Outcome::new(bringing.changed).with("dest", dest.to_string_lossy());
    outcome = outcome.with("src", args.source_name());
    outcome.diff = bringing.diff;
    outcome.result.extend(attributes::describe(dest, context)?);
    Ok(outcome)
}

struct Bringing<'a> {
    args: &'a CopyArgs,
    dest: &'a Path,
    source: Option<&'a Path>,
    changed: bool,
    diff: Vec<Diff>,
}

impl Bringing<'_> {
    fn folder(
        &mut self,
        path: &Path,
        source_mode: Option<String>,
        context: &Context,
    ) -> Result<(), ModuleError> {
        match file::look_through(path)? {
            Some(found) if found.is_dir() => return Ok(()),
            Some(_) => {
                let message = format!("cannot copy a folder to {}: there is a file", path.display());
                return Err(ModuleError::new(message));
            }
            None => {}
        }
        // A folder of the host itself is copied with its mode; one of the controller is made as `directory_mode` says.
        let source_mode = source_mode.filter(|_| self.source.is_some()).map(Mode);
        let attributes = self.args.folder_attributes(source_mode.as_ref());
        let mut change = AttributeChange::default();
        change.note("state", "absent", "directory");
        change.extend(attributes.compare_new(path, true, context)?);
        self.note(&change, path, context);
        if context.check { Ok(()) } else { folder::make(path, &attributes, context) }
    }

    fn link(&mut self, path: &Path, target: &Path, context: &Context) -> Result<(), ModuleError> {
        let mut change = AttributeChange::default();
        match file::look(path)? {
            Some(found) if found.is_symlink() => {
                let now = fs::read_link(path).doing(|| format!("cannot read {}", path.display()))?;
                if now == target {
                    return Ok(());
                }
                change.note("src", now.to_string_lossy(), target.to_string_lossy());
            }
            Some(found) if found.is_dir() => {
                let message = format!("cannot copy a link to {}: there is a folder", path.display());
                return Err(ModuleError::new(message));
            }
            Some(found) => change.note("state", attributes::state(&found), "link"),
            None => change.note("state", "absent", "link"),
        }
        self.note(&change, path, context);
        if context.check {
            return Ok(());
        }
        file::make_in_place(path, |temporary| symlink(target, temporary))
            .doing(|| format!("cannot make the link {}", path.display()))
    }

    fn files(&mut self, files: &[Entry], context: &mut Context) -> Result<(), ModuleError> {
        let mut differing = Vec::new();
        for entry in files {
            let mut path = self.dest.join(&entry.path);
            if self.args.follow && path.is_symlink() {
                path = file::follow(&path);
            }
            let there = file::look(&path)?;
            if there.is_some() && !self.args.force {
                continue;
            }
            // What is on the host needs no hash: it is compared when it is placed.
            if self.source.is_some() || !is_at(&path, entry)? {
                differing.push((entry, path));
            } else {
                let attributes = self.args.attributes_with(entry.mode.clone().map(Mode).as_ref());
                let change = attributes.apply(&path, false, context)?;
                self.note(&change, &path, context);
            }
        }
        let fetched = match self.source {
            Some(source) => differing.iter().map(|(entry, _)| source.join(&entry.path)).collect(),
            None if context.check && !context.diff => Vec::new(),
            None => {
                let hashes: Vec<&str> = differing.iter().map(|(entry, _)| entry.sha256.as_str()).collect();
                context.exchange.blobs(&hashes)?
            }
        };
        for (at, (entry, path)) in differing.iter().enumerate() {
            let content = match fetched.get(at) {
                Some(fetched) => Content::File(fetched),
                None => Content::Blob { sha256: &entry.sha256, size: entry.size },
            };
            self.file(entry, path, &content, context)?;
        }
        Ok(())
    }

    fn file(
        &mut self,
        entry: &Entry,
        path: &Path,
        content: &Content<'_>,
        context: &mut Context,
    ) -> Result<(), ModuleError> {
        let source_mode = entry.mode.clone().map(Mode);
        let mut attributes = self.args.attributes_with(source_mode.as_ref());
        if attributes.mode.is_none() && self.source.is_some() {
            attributes.mode = source_mode;
        }
        let placed = Placement {
            backup: self.args.backup,
            validate: self.args.validate.as_deref(),
            after_header: self
                .args
                .src
                .as_ref()
                .map(|source| source.join(&entry.path).to_string_lossy().into_owned()),
            flushed_later: true,
            ..Placement::new(path, &attributes)
        }
        .place(content, context)?;
        self.changed |= placed.changed;
        self.diff.extend(placed.diff);
        Ok(())
    }

    fn note(&mut self, change: &AttributeChange, path: &Path, context: &Context) {
        self.changed |= change.changed();
        if context.diff && change.changed() {
            self.diff.push(change.diff(path));
        }
    }
}

/// Whether a path has the content of an entry already.
fn is_at(path: &Path, entry: &Entry) -> Result<bool, ModuleError> {
    match file::look(path)? {
        Some(found) if found.is_file() && found.len() == entry.size => {
            let digest =
                Algorithm::Sha256.of_file(path).doing(|| format!("cannot read {}", path.display()))?;
            Ok(digest == entry.sha256)
        }
        _ => Ok(false),
    }
}
