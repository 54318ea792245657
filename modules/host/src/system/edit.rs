//! Text files that a module edits in part: read, changed in memory, written back as a whole.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::attributes::FileAttributes;
use super::placement::{Content, Placement};
use super::{file, folder};
use crate::args::Arguments;
use crate::{Context, ModuleError, Outcome};

/// What every editing module takes.
#[derive(Arguments, Clone, Debug, Default)]
pub struct EditOptions {
    /// Keep the old file beside the new one, with the time in its name.
    #[arg(default = "false")]
    pub backup: bool,
    /// Command that must accept the new content before it is put in place; `%s` is where it is.
    pub validate: Option<String>,
    /// Owner, mode and the like.
    #[arg(flatten)]
    pub attributes: FileAttributes,
}

/// A file being edited.
pub struct Editing<'a> {
    path: PathBuf,
    before: Option<Vec<u8>>,
    options: &'a EditOptions,
}

impl<'a> Editing<'a> {
    /// Reads a file; symbolic links are followed, so that they stay.
    ///
    /// # Errors
    /// When it is a folder, or cannot be read.
    pub fn open(path: &Path, options: &'a EditOptions) -> Result<Self, ModuleError> {
        let path = if path.is_symlink() { file::follow(path) } else { file::tidy(path) };
        Self::open_link(&path, options)
    }

    /// As [`Self::open`], but a symbolic link itself is replaced by a file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_link(path: &Path, options: &'a EditOptions) -> Result<Self, ModuleError> {
        let path = file::tidy(path);
        if path.is_dir() {
            return Err(ModuleError::new(format!("Path {} is a directory !", path.display())).with("rc", 256));
        }
        Ok(Self { before: file::read(&path)?, path, options })
    }

    /// Refuses to go on when there is no file.
    ///
    /// # Errors
    /// When there is none.
    pub fn must_exist(&self, hint: &str) -> Result<(), ModuleError> {
        match self.before {
            Some(_) => Ok(()),
            None => {
                let message = format!("Path {} does not exist !{hint}", self.path.display());
                Err(ModuleError::new(message).with("rc", 257))
            }
        }
    }

    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.before.is_some()
    }

    /// What is in it; nothing when there is none.
    pub fn content(&self) -> &[u8] {
        self.before.as_deref().unwrap_or_default()
    }

    /// Its lines, each with its newline.
    pub fn lines(&self) -> Vec<Vec<u8>> {
        self.content().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    /// Writes the new content, or in check mode says what would change. The folder of a new file is made. `message` is
    /// told when the content changes.
    ///
    /// # Errors
    /// When it is refused by `validate` or cannot be written.
    pub fn finish(self, after: &[u8], message: &str, context: &mut Context) -> Result<Outcome, ModuleError> {
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        if !context.check && !parent.exists() {
            folder::make(parent, &FileAttributes::default(), context)?;
        }
        let header = format!("{} (content)", self.path.display());
        let placed = Placement {
            backup: self.options.backup,
            validate: self.options.validate.as_deref(),
            before_header: Some(header.clone()),
            after_header: Some(header),
            ..Placement::new(&self.path, &self.options.attributes)
        }
        .place(&Content::Bytes(after), context)?;
        let mut messages = Vec::new();
        if placed.content_changed {
            messages.push(message);
        }
        if placed.attributes_changed {
            messages.push("ownership, perms or SE linux context changed");
        }
        let mut outcome = Outcome::new(placed.changed).message(messages.join(" and "));
        outcome.diff = placed.diff;
        if let Some(backup) = placed.backup {
            outcome = outcome.with("backup_file", backup.to_string_lossy());
        }
        Ok(outcome)
    }
}

/// A line without its newline, of any system.
pub fn bare(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    &line[..end.map_or(0, |end| end + 1)]
}

/// Gives the last line a newline if it has none.
pub fn end_last_line(lines: &mut [Vec<u8>]) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with(b"\n")) {
        last.push(b'\n');
    }
}

/// The field `backup` as `lineinfile` and `ini_file` have it: the path of the old file, or nothing.
pub fn with_backup_field(outcome: Outcome) -> Outcome {
    let backup = outcome.result.get("backup_file").cloned().unwrap_or_else(|| Value::from(""));
    outcome.with("backup", backup)
}
