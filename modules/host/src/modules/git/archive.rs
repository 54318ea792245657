//! Packing a version into a file.

use std::fs;
use std::path::Path;

use super::repository::Repository;
use crate::ModuleError;
use crate::module::Doing as _;
use crate::system::attributes::FileAttributes;
use crate::system::placement::{Content, Placement};

/// Packs what is checked out; tells whether the file changed.
pub(super) fn pack(repository: &Repository<'_>, path: &Path) -> Result<bool, ModuleError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let format = [(".zip", "zip"), (".tar.gz", "tar.gz"), (".tgz", "tgz"), (".tar", "tar")]
        .into_iter()
        .find_map(|(ending, format)| name.ends_with(ending).then_some(format))
        .ok_or_else(|| {
            ModuleError::new(format!(
                "{}: an archive's name ends in .zip, .tar, .tar.gz or .tgz",
                path.display()
            ))
        })?;
    let folder = tempfile::tempdir_in(&repository.context.scratch)
        .doing(|| format!("cannot write in {}", repository.context.scratch.display()))?;
    let packed = folder.path().join("archive");
    let output = format!("--output={}", packed.display());
    let format = format!("--format={format}");
    let prefix = repository.args.archive_prefix.as_ref().map(|prefix| format!("--prefix={prefix}"));
    let mut arguments = vec!["archive", &format, &output];
    arguments.extend(prefix.as_deref());
    arguments.push("HEAD");
    repository.git(&arguments).succeed()?;
    let content = fs::read(&packed).doing(|| format!("cannot read {}", packed.display()))?;
    let attributes = FileAttributes::default();
    let mut quiet = repository.quiet_context();
    Ok(Placement::new(path, &attributes).place(&Content::Bytes(&content), &mut quiet)?.changed)
}
