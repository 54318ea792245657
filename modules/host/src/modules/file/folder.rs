//! `file` with state `directory`, and what it does below the folder with `recurse`.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Task, refused};
use crate::module::Doing as _;
use crate::system::attributes::{self, AttributeChange, FileAttributes};
use crate::system::{file, folder};
use crate::{Context, Diff, ModuleError, Outcome};

/// How many changed paths below a folder are shown one by one.
const MOST_SHOWN: usize = 100;

pub(super) fn directory(task: &mut Task<'_>, context: &Context) -> Result<Outcome, ModuleError> {
    if task.args.follow && task.path.is_symlink() {
        task.follow();
    }
    let path = task.path.as_path();
    let mut change = AttributeChange::default();
    match file::look(path)? {
        Some(found) if found.is_dir() => {
            change.extend(task.args.attributes.apply(path, task.args.follow, context)?);
        }
        Some(found) => {
            let state = attributes::state(&found);
            return Err(refused(path, &format!("{} already exists as a {state}", path.display())));
        }
        None => {
            change.note("state", "absent", "directory");
            change.extend(task.args.attributes.compare_new(path, true, context)?);
            if !context.check {
                folder::make(path, &task.args.attributes, context)?;
            }
        }
    }
    if !context.check || path.exists() {
        change.extend(task.set_times(path, context)?);
    }
    let mut below = Below::default();
    if task.args.recurse && file::look(path)?.is_some() {
        below.walk(path, &task.args.attributes, task.args.follow, context)?;
    }
    let mut outcome = task.outcome("path", &change, context)?;
    outcome.changed |= below.changed > 0;
    if context.diff {
        outcome.diff.extend(below.shown);
        if below.changed > MOST_SHOWN {
            let more = below.changed - MOST_SHOWN;
            outcome
                .diff
                .push(Diff { prepared: Some(format!("and {more} more below it\n")), ..Diff::default() });
        }
    }
    Ok(outcome)
}

/// What changed below a folder.
#[derive(Default)]
struct Below {
    changed: usize,
    shown: Vec<Diff>,
    /// Folders that links led to: a link may lead up.
    visited: HashSet<(u64, u64)>,
}

impl Below {
    fn walk(
        &mut self,
        folder: &Path,
        attributes: &FileAttributes,
        follow: bool,
        context: &Context,
    ) -> Result<(), ModuleError> {
        let failed = || format!("cannot read {}", folder.display());
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder).doing(failed)? {
            paths.push(entry.doing(failed)?.path());
        }
        paths.sort();
        for path in paths {
            // What another process took away meanwhile needs no attributes.
            let Some(found) = file::look(&path)? else { continue };
            self.note(&path, &attributes.apply(&path, false, context)?);
            if found.is_dir() {
                self.walk(&path, attributes, follow, context)?;
            } else if found.is_symlink() && follow {
                let Some(aim) = file::look_through(&path)? else { continue };
                self.note(&path, &attributes.apply(&path, true, context)?);
                if aim.is_dir() && self.visited.insert((aim.dev(), aim.ino())) {
                    self.walk(&path, attributes, follow, context)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, change: &AttributeChange) {
        if change.changed() {
            self.changed += 1;
            if self.shown.len() < MOST_SHOWN {
                self.shown.push(change.diff(path));
            }
        }
    }
}
