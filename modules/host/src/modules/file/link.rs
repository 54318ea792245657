//! `file` with state `link` or `hard`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::{Task, refused};
use crate::module::Doing as _;
use crate::system::attributes::{self, AttributeChange};
use crate::system::file;
use crate::{Context, ModuleError, Outcome};

/// Makes or changes a symbolic link; without a source, gives an existing one attributes.
pub(super) fn symbolic(task: &Task<'_>, context: &Context) -> Result<Outcome, ModuleError> {
    let path = task.path.as_path();
    let failed = || format!("cannot make the link {}", path.display());
    let found = file::look(path)?;
    let existing = found.as_ref().filter(|found| found.is_symlink());
    let current = match existing {
        Some(_) => Some(fs::read_link(path).doing(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let Some(target) = task.args.src.clone().or_else(|| current.clone().filter(|_| task.args.src.is_none()))
    else {
        return Err(refused(path, "src is required for creating new symlinks"));
    };
    let mut change = AttributeChange::default();
    if current.as_ref() != Some(&target) {
        let aim = path.parent().unwrap_or(Path::new("/")).join(&target);
        if !task.args.force && file::look_through(&aim)?.is_none() && !context.check {
            let message = "src file does not exist, use 'force=yes' if you really want to create the link";
            return Err(refused(path, &format!("{message}: {}", aim.display())));
        }
        match (&current, &found) {
            (Some(current), _) => change.note("src", current.to_string_lossy(), target.to_string_lossy()),
            (None, Some(found)) if !task.args.force => {
                let state = attributes::state(found);
                return Err(refused(
                    path,
                    &format!(
                        "refusing to convert from {state} to symlink for {} (force is off)",
                        path.display()
                    ),
                ));
            }
            (None, Some(found)) => change.note("state", attributes::state(found), "link"),
            (None, None) => change.note("state", "absent", "link"),
        }
        let is_folder = found.as_ref().is_some_and(fs::Metadata::is_dir);
        if is_folder && !is_empty(path)? {
            return Err(refused(path, "the directory is not empty, refusing to convert it"));
        }
        if !context.check {
            if is_folder {
                fs::remove_dir(path).doing(failed)?;
            }
            file::make_in_place(path, |temporary| symlink(&target, temporary)).doing(failed)?;
        }
    }
    let mut warning = None;
    if task.args.follow && file::look_through(path)?.is_none() {
        if task.args.attributes.asks() && !context.check {
            let hint = "attributes cannot be set: the link leads nowhere, and follow is on";
            warning = Some(format!("{}: {hint}", path.display()));
        }
    } else if context.check && current.as_ref() != Some(&target) {
        if task.args.follow {
            let aim = path.parent().unwrap_or(Path::new("/")).join(&target);
            change.extend(task.args.attributes.compare(&aim, true, context)?);
        }
    } else {
        change.extend(task.args.attributes.apply(path, task.args.follow, context)?);
        change.extend(task.set_times(path, context)?);
    }
    let mut outcome = task.outcome("dest", &change, context)?.with("src", target.to_string_lossy());
    outcome.warnings.extend(warning);
    Ok(outcome)
}

/// Makes a second name of a file; without a source, gives an existing one attributes.
pub(super) fn hard(task: &Task<'_>, context: &Context) -> Result<Outcome, ModuleError> {
    let path = task.path.as_path();
    let found = file::look(path)?;
    let mut change = AttributeChange::default();
    let Some(source) = &task.args.src else {
        if found.is_none_or(|found| attributes::state(&found) != "hard") {
            return Err(refused(path, "src is required for creating new hardlinks"));
        }
        change.extend(task.args.attributes.apply(path, task.args.follow, context)?);
        change.extend(task.set_times(path, context)?);
        return task.outcome("dest", &change, context);
    };
    let Some(wanted) = file::look(source)? else {
        return Err(refused(path, "src does not exist").with("src", source.to_string_lossy()));
    };
    let same = |found: &fs::Metadata| (found.ino(), found.dev()) == (wanted.ino(), wanted.dev());
    if !found.as_ref().is_some_and(same) {
        match &found {
            None => change.note("state", "absent", "hard"),
            Some(found) if found.is_symlink() => change.note("state", "link", "hard"),
            Some(found) if !task.args.force => {
                let state = attributes::state(found);
                return Err(refused(
                    path,
                    &format!("Cannot link, {state} exists at destination (force is off)"),
                ));
            }
            Some(found) => change.note("state", attributes::state(found), "hard"),
        }
        if !context.check {
            file::make_in_place(path, |temporary| fs::hard_link(source, temporary))
                .doing(|| format!("cannot link {} to {}", path.display(), source.display()))?;
        }
    }
    let at = if file::look(path)?.is_some() { path } else { source };
    change.extend(task.args.attributes.apply(at, task.args.follow, context)?);
    change.extend(task.set_times(at, context)?);
    Ok(task.outcome("dest", &change, context)?.with("src", source.to_string_lossy()))
}

fn is_empty(path: &Path) -> Result<bool, ModuleError> {
    Ok(fs::read_dir(path).doing(|| format!("cannot read {}", path.display()))?.next().is_none())
}
