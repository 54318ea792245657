//! `archive`: packs files and folders.

mod pack;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes::{self, FileAttributes};
use crate::system::file::{self, Replacement};
use crate::{Context, Diff, Module, ModuleError, Outcome};
use pack::Packed;
use plan::Plan;

/// Packs files and folders of the host into an archive, or compresses one file. An archive that has all of them as they
/// are now, whatever their times, stays. Tar archives need GNU tar on the host, and the program that compresses them.
#[derive(Arguments)]
pub struct ArchiveArgs {
    /// Files and folders; patterns with `*` and `?` stand for what is there.
    path: Vec<String>,
    /// The archive. Without it a single path's own name, with the format's ending.
    dest: Option<PathBuf>,
    /// How it is packed and compressed.
    #[arg(default = "gz")]
    format: Format,
    /// Paths, or patterns of paths, to leave out.
    #[arg(default = "")]
    exclude_path: Vec<String>,
    /// Patterns of names in the archive to leave out.
    exclusion_patterns: Option<Vec<String>>,
    /// Make an archive even of a single file, which otherwise is only compressed.
    #[arg(default = "false")]
    force_archive: bool,
    /// Remove what was packed.
    #[arg(default = "false")]
    remove: bool,
    /// Owner, mode and the like of the archive.
    #[arg(flatten)]
    attributes: FileAttributes,
}

/// How an archive is packed and compressed.
#[derive(Choice, Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// Tar, compressed with bzip2.
    Bz2,
    /// Tar, compressed with gzip.
    Gz,
    /// Tar.
    Tar,
    /// Tar, compressed with xz.
    Xz,
    /// Zip.
    Zip,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Bz2 => "bz2",
            Self::Gz => "gz",
            Self::Tar => "tar",
            Self::Xz => "xz",
            Self::Zip => "zip",
        }
    }
}

/// The `archive` module.
pub struct Archive;

impl Module for Archive {
    type Args = ArchiveArgs;
    const NAME: &'static str = "archive";
    const SUMMARY: &'static str = "Packs files and folders into an archive";

    fn run(args: ArchiveArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let plan = Plan::of(&args)?;
        let mut outcome = Outcome::new(false);
        if !plan.paths.is_empty() {
            args.make(&plan, &mut outcome, context)?;
        }
        let change = args.attributes.apply(&plan.dest, false, context)?;
        if change.changed() && !outcome.changed && context.diff {
            outcome.diff.push(change.diff(&plan.dest));
        }
        outcome.changed |= change.changed();
        let exists = file::look(&plan.dest)?.is_some() || (outcome.changed && context.check);
        let kind = if plan.is_archive || is_name_of_archive(&plan.dest) { "archive" } else { "compress" };
        let whole = if plan.missing.is_empty() { kind } else { "incomplete" };
        let states = match (plan.paths.is_empty(), exists) {
            (false, _) => (whole, whole),
            (true, true) => ("absent", kind),
            (true, false) => ("absent", "absent"),
        };
        outcome.result.extend(attributes::describe(&plan.dest, context)?);
        let texts = |paths: &[PathBuf]| -> Value {
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().into()
        };
        let archived: Vec<PathBuf> = plan
            .members
            .iter()
            .filter(|member| !member.metadata.is_dir())
            .map(|member| member.path.clone())
            .collect();
        Ok(outcome
            .with("dest", plan.dest.to_string_lossy())
            .with("state", states.0)
            .with("dest_state", states.1)
            .with("arcroot", plan.root.to_string_lossy())
            .with("archived", texts(&archived))
            .with("missing", texts(&plan.missing))
            .with("expanded_paths", texts(&plan.expanded))
            .with("expanded_exclude_paths", texts(&plan.excluded)))
    }
}

/// Whether a path is called like an archive: all that is known when what was packed is gone.
fn is_name_of_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let endings = [".tar", ".tgz", ".tbz2", ".txz", ".zip"];
    name.contains(".tar.") || endings.iter().any(|ending| name.ends_with(ending))
}

impl ArchiveArgs {
    /// Has the archive be as the files are, and the files gone if asked for.
    fn make(&self, plan: &Plan, outcome: &mut Outcome, context: &Context) -> Result<(), ModuleError> {
        let parent = plan.dest.parent().unwrap_or(Path::new("/"));
        if plan.dest.is_dir() {
            return Err(ModuleError::new(format!("{} is a folder, not an archive", plan.dest.display())));
        }
        if !parent.is_dir() && !context.check {
            return Err(ModuleError::new(format!(
                "Destination directory {} does not exist",
                parent.display()
            )));
        }
        let packed = Packed { plan, format: self.format, context };
        let differences = packed.differences()?;
        if !differences.is_empty() {
            outcome.changed = true;
            if context.diff {
                let lines = differences.iter().map(|line| format!("{}: {line}", plan.dest.display()));
                outcome.diff.push(Diff::note(lines.collect::<Vec<_>>().join("\n")));
            }
            if !context.check {
                let made = packed.make()?;
                let mut content =
                    fs::File::open(made.path()).doing(|| format!("cannot read {}", made.path().display()))?;
                Replacement::write(&plan.dest, &mut content)?.commit(&self.attributes, context)?;
            }
        }
        if self.remove {
            outcome.changed = true;
            self.remove(plan, context)?;
        }
        Ok(())
    }

    /// Removes what was packed; what was left out stays, and folders that it is in.
    fn remove(&self, plan: &Plan, context: &Context) -> Result<(), ModuleError> {
        if context.check {
            return Ok(());
        }
        for member in plan.members.iter().rev().filter(|member| member.path != plan.dest) {
            let failed = || format!("cannot remove {}", member.path.display());
            if !member.metadata.is_dir() {
                fs::remove_file(&member.path).doing(failed)?;
                continue;
            }
            match fs::remove_dir(&member.path) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
                removed => removed.doing(failed)?,
            }
        }
        // The folder that is the root itself is no member.
        for path in plan.paths.iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            match fs::remove_dir(path) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
                removed => removed.doing(|| format!("cannot remove {}", path.display()))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
