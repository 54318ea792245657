//! `copy`: brings contents to a path. Also what `template` and every other task that makes files from the controller
//! ends in.
//!
//! # What the controller sends
//!
//! Besides what the task says, with templates evaluated:
//!
//! | argument | meaning |
//! |---|---|
//! | `content` | the content itself, when it is written in the task, or is a small text: then instead of `src` |
//! | `src`, `_src` | path of the source on the controller, as differences and results should name it; `_src` beside `content` |
//! | `_sha256`, `_size` | instead of `content`: hash and length of a content the controller keeps ready for [`Exchange::blob`](crate::Exchange::blob) |
//! | `_name` | base name of the source, for a `dest` that is a folder; absent for a content written in the task |
//! | `_mode` | mode of the source (`"0755"`), for `mode: preserve` |
//! | `_tree` | instead of all these: a folder, as the list that [`tree::Entry`] describes |
//!
//! Contents are compared by hash first and asked for only where they differ. With `remote_src` none of these is sent.

pub mod tree;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::args::Arguments;
use crate::module::Doing as _;
use crate::system::attributes::{FileAttributes, Mode};
use crate::system::checksum::Algorithm;
use crate::system::file;
use crate::system::folder;
use crate::system::mode;
use crate::system::placement::{self, Content, Placement};
use crate::{Context, Module, ModuleError, Outcome};

/// Brings a file or folder of the controller, a text from the task, or with `remote_src` something the host has
/// already, to a path on the host. A file is replaced in one step and only when its content differs.
#[derive(Arguments)]
#[arguments(
    exclusive("src", "content"),
    exclusive("src", "_src"),
    exclusive("content", "_sha256", "_tree"),
    one_of("src", "content")
)]
pub struct CopyArgs {
    /// File or folder to copy, on the controller, or on the host with `remote_src`. Of a folder with a slash at the end
    /// what is in it is copied, otherwise the folder itself.
    src: Option<PathBuf>,
    /// Text to put into the file; lists and mappings become JSON.
    content: Option<String>,
    /// Where to. A folder when it is one already or ends in a slash: then made when it is missing.
    dest: PathBuf,
    /// Replace a file that is there with another content; otherwise it is left alone, whatever is in it.
    #[arg(default = "true")]
    force: bool,
    /// Keep the old file beside the new one, with the time in its name.
    #[arg(default = "false")]
    backup: bool,
    /// The source is on the host.
    #[arg(default = "false")]
    remote_src: bool,
    /// When the destination is a symbolic link, write to what it leads to; otherwise the link is replaced by a file.
    #[arg(default = "false")]
    follow: bool,
    /// Follow symbolic links in a source folder; on by default for one of the controller, off with `remote_src`.
    local_follow: Option<bool>,
    /// Command that must accept the new content before it is put in place; `%s` is where it is.
    validate: Option<String>,
    /// SHA-1 the content must have.
    checksum: Option<String>,
    /// Mode of folders that are made; those that exist keep theirs.
    directory_mode: Option<Mode>,
    /// Decrypt a source that is a vault file; the controller does.
    #[arg(default = "true")]
    #[expect(dead_code, reason = "the controller reads it")]
    decrypt: bool,
    /// Owner, mode and the like.
    #[arg(flatten)]
    attributes: FileAttributes,
    /// Path of the source on the controller, when its content is in `content`.
    #[arg(name = "_src")]
    content_source: Option<PathBuf>,
    /// SHA-256 of a content that the controller has.
    #[arg(name = "_sha256")]
    sha256: Option<String>,
    /// Its length.
    #[arg(name = "_size", default = "0")]
    size: u64,
    /// Base name of the source.
    #[arg(name = "_name")]
    name: Option<String>,
    /// Mode of the source.
    #[arg(name = "_mode")]
    source_mode: Option<Mode>,
    /// What is in a source folder.
    #[arg(name = "_tree")]
    tree: Option<Vec<Value>>,
}

/// The `copy` module.
pub struct Copy;

impl Module for Copy {
    type Args = CopyArgs;
    const NAME: &'static str = "copy";
    const SUMMARY: &'static str = "Brings files, folders and texts to a path";

    fn run(mut args: CopyArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        if let Some(tree) = args.tree.take() {
            let entries = tree::from_controller(tree)?;
            return tree::bring(&args, &file::tidy(&args.dest), entries, None, context);
        }
        if let (true, Some(source)) = (args.remote_src, args.src.clone()) {
            return from_host(&mut args, &source, context);
        }
        match (args.content.clone(), args.sha256.clone()) {
            (Some(text), _) => one(&args, &Content::Bytes(text.as_bytes()), context),
            (None, Some(sha256)) => one(&args, &Content::Blob { sha256: &sha256, size: args.size }, context),
            (None, None) => {
                Err(ModuleError::new("copy: the controller sent no content (src, without remote_src)"))
            }
        }
    }
}

/// Copies what the host has.
fn from_host(args: &mut CopyArgs, source: &Path, context: &mut Context) -> Result<Outcome, ModuleError> {
    let name = source.display();
    let found =
        file::look_through(source)?.ok_or_else(|| ModuleError::new(format!("Source {name} not found")))?;
    if found.is_dir() {
        let mut dest = file::tidy(&args.dest);
        if !source.to_string_lossy().ends_with('/') {
            dest.push(file::tidy(source).file_name().unwrap_or_default());
        }
        let entries = tree::on_host(source, args.local_follow == Some(true))?;
        return tree::bring(args, &dest, entries, Some(source), context);
    }
    args.name = source.file_name().map(|name| name.to_string_lossy().into_owned());
    args.source_mode = Some(Mode(mode::octal(std::os::unix::fs::MetadataExt::mode(&found))));
    one(args, &Content::File(source), context)
}

/// Brings one file.
fn one(args: &CopyArgs, content: &Content<'_>, context: &mut Context) -> Result<Outcome, ModuleError> {
    let path = place_of(args, context)?;
    let described =
        |outcome: Outcome| outcome.with("dest", path.to_string_lossy()).with("src", args.source_name());
    let there = file::look(&path)?;
    if there.is_some() && !args.force {
        return Ok(described(Outcome::new(false)));
    }
    if let Some(expected) = &args.checksum {
        let actual = sha1_of(content, &path, context)?;
        if !actual.eq_ignore_ascii_case(expected) {
            let message = "Copied file does not match the expected checksum. Transfer failed.";
            return Err(ModuleError::new(message)
                .with("checksum", actual)
                .with("expected_checksum", expected.as_str()));
        }
    }
    let attributes = args.attributes_with(args.source_mode.as_ref());
    let placed = Placement {
        backup: args.backup,
        validate: args.validate.as_deref(),
        after_header: args.source_name(),
        ..Placement::new(&path, &attributes)
    }
    .place(content, context)?;
    let changed_content = placed.content_changed;
    let mut outcome = described(placed.outcome(&path, context)?);
    if !(context.check && changed_content) {
        let digests = placement::digests(&path)?;
        outcome = outcome.with("checksum", digests.sha1);
        if changed_content {
            outcome = outcome.with("md5sum", digests.md5);
        }
    }
    Ok(outcome)
}

/// The path of the file itself. Makes the folder of a `dest` that ends in a slash.
fn place_of(args: &CopyArgs, context: &Context) -> Result<PathBuf, ModuleError> {
    let is_named_folder = args.dest.to_string_lossy().ends_with('/');
    let mut path = file::tidy(&args.dest);
    if is_named_folder || path.is_dir() {
        let name = args.name.as_ref().ok_or_else(|| {
            ModuleError::new(format!("can not use content with a dir as dest: {}", args.dest.display()))
        })?;
        path.push(name);
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    if !parent.is_dir() && !context.check {
        if !is_named_folder {
            let message = format!("Destination directory {} does not exist", parent.display());
            return Err(ModuleError::new(message));
        }
        folder::make(parent, &args.folder_attributes(None), context)?;
    }
    if args.follow && path.is_symlink() {
        path = file::follow(&path);
    }
    Ok(path)
}

/// The SHA-1 of a new content; the controller is asked for it only when it is not at the path already.
fn sha1_of(content: &Content<'_>, path: &Path, context: &mut Context) -> Result<String, ModuleError> {
    let failed = |path: &Path| format!("cannot read {}", path.display());
    let of_file = |path: &Path| Algorithm::Sha1.of_file(path).doing(|| failed(path));
    match content {
        Content::Bytes(bytes) => Ok(Algorithm::Sha1.of_bytes(bytes)),
        Content::File(source) => of_file(source),
        Content::Blob { sha256, .. } => {
            if path.is_file() && Algorithm::Sha256.of_file(path).doing(|| failed(path))? == *sha256 {
                return of_file(path);
            }
            of_file(&context.exchange.blob(sha256)?)
        }
    }
}

impl CopyArgs {
    /// What results and differences call the source.
    fn source_name(&self) -> Option<String> {
        let source = self.src.as_ref().or(self.content_source.as_ref());
        source.map(|source| source.to_string_lossy().into_owned())
    }

    /// The attributes of a file whose source has a mode: that counts for `mode: preserve`.
    fn attributes_with(&self, source_mode: Option<&Mode>) -> FileAttributes {
        let mut attributes = self.attributes.clone();
        if attributes.mode.as_ref().is_some_and(|mode| mode.0 == "preserve") {
            attributes.mode = source_mode.cloned();
        }
        attributes
    }

    /// The attributes of a folder to be made.
    fn folder_attributes(&self, source_mode: Option<&Mode>) -> FileAttributes {
        FileAttributes {
            mode: self.directory_mode.as_ref().or(source_mode).cloned(),
            ..self.attributes.clone()
        }
    }
}

#[cfg(test)]
mod tests;
