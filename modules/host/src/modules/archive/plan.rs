//! What goes into an archive, and under which names.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::{ArchiveArgs, Format};
use crate::ModuleError;
use crate::module::Doing as _;
use crate::system::{expand, file, glob};

/// One thing that goes into the archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: PathBuf,
    /// Below the root; a folder's does not end in a slash.
    pub(super) name: PathBuf,
    pub(super) metadata: Metadata,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) dest: PathBuf,
    /// The folder that names begin below; ends in a slash.
    pub(super) root: PathBuf,
    /// The paths asked for that are there.
    pub(super) paths: Vec<PathBuf>,
    /// All paths asked for, patterns replaced by what they stand for.
    pub(super) expanded: Vec<PathBuf>,
    /// Those asked to be left out.
    pub(super) excluded: Vec<PathBuf>,
    pub(super) missing: Vec<PathBuf>,
    /// Folders before what is in them.
    pub(super) members: Vec<Member>,
    /// Whether it is an archive, and not one file compressed.
    pub(super) is_archive: bool,
}

impl Plan {
    pub(super) fn of(args: &ArchiveArgs) -> Result<Self, ModuleError> {
        let with_home = |paths: &[String]| paths.iter().map(|path| expand::path(path)).collect::<Vec<_>>();
        let given = with_home(&args.path);
        let expanded = resolve(&given);
        let excluded = resolve(&with_home(&args.exclude_path));
        let is_excluded = |path: &Path| excluded.iter().any(|excluded| path.starts_with(excluded));
        let (mut paths, mut missing) = (Vec::new(), Vec::new());
        for path in expanded.iter().filter(|path| !is_excluded(path)) {
            match file::look(path)? {
                Some(_) => paths.push(path.clone()),
                None => missing.push(path.clone()),
            }
        }
        let is_single = given.len() == 1 && !glob::is_pattern(&given[0]);
        let is_archive = args.force_archive
            || !is_single
            || args.format == Format::Tar
            || paths.first().is_some_and(|path| path.is_dir() && !path.is_symlink());
        let dest = match (&args.dest, is_single) {
            (Some(dest), _) => file::tidy(dest),
            (None, true) => {
                let path = given[0].trim_end_matches('/');
                PathBuf::from(format!("{path}.{}", args.format.ending()))
            }
            (None, false) => {
                return Err(ModuleError::new("dest must be given when path is a list or a pattern"));
            }
        };
        if args.remove && paths.iter().any(|path| path.is_dir() && dest.starts_with(path)) {
            return Err(ModuleError::new(
                "Error, created archive can not be contained in source paths when remove=true",
            ));
        }
        let root = root(&given, &paths);
        let mut plan =
            Self { dest, root, paths, expanded, excluded, missing, members: Vec::new(), is_archive };
        let patterns = args.exclusion_patterns.as_deref().unwrap_or_default();
        for path in plan.paths.clone() {
            plan.add(&path, patterns)?;
        }
        // Paths may be within each other.
        plan.members.sort_by(|one, other| one.name.cmp(&other.name));
        plan.members.dedup_by(|one, other| one.name == other.name);
        Ok(plan)
    }

    /// Adds a path and all below it.
    fn add(&mut self, path: &Path, patterns: &[String]) -> Result<(), ModuleError> {
        if self.excluded.iter().any(|excluded| path.starts_with(excluded)) || path == self.dest {
            return Ok(());
        }
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        let text = name.to_string_lossy();
        if patterns.iter().any(|pattern| glob::matches(pattern, &text)) {
            return Ok(());
        }
        let Some(metadata) = file::look(path)? else { return Ok(()) };
        let is_folder = metadata.is_dir();
        if !name.as_os_str().is_empty() {
            self.members.push(Member { path: path.to_owned(), name, metadata });
        }
        if is_folder {
            let failed = || format!("cannot read {}", path.display());
            for entry in fs::read_dir(path).doing(failed)? {
                self.add(&entry.doing(failed)?.path(), patterns)?;
            }
        }
        Ok(())
    }
}

/// Paths with patterns replaced by what they stand for.
fn resolve(paths: &[String]) -> Vec<PathBuf> {
    let given = paths.iter().filter(|path| !path.is_empty());
    given
        .flat_map(|path| match glob::is_pattern(path) {
            true => glob::expand(Path::new(path)),
            false => vec![file::tidy(Path::new(path))],
        })
        .collect()
}

/// The folder all paths are in. Of a single folder with a slash at the end that is the folder itself: what is in it is
/// packed then, not the folder.
fn root(given: &[String], paths: &[PathBuf]) -> PathBuf {
    let is_inside = |path: &Path| {
        given
            .iter()
            .any(|given| given.ends_with('/') && given.len() > 1 && file::tidy(Path::new(given)) == *path)
    };
    let folder = |path: &PathBuf| match is_inside(path) {
        true => path.clone(),
        false => path.parent().unwrap_or(Path::new("/")).to_owned(),
    };
    let mut folders = paths.iter().map(folder);
    let first = folders.next().unwrap_or_default();
    let common = folders.fold(first, |common, folder| {
        common.ancestors().find(|ancestor| folder.starts_with(ancestor)).unwrap_or(Path::new("/")).to_owned()
    });
    // Ends in a slash, as results have it.
    common.join("")
}
