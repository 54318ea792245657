//! `clouder eject`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::{Failure, print};
use crate::playbook::{Files, Places};

/// Copies a built-in role or playbook to the project, to own all of it.
#[derive(Args)]
pub(super) struct EjectCommand {
    /// What: `roles/containerd`, `playbooks/create-cluster.yml`, one file of a role
    path: PathBuf,
    /// The project's folder
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    to: PathBuf,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

impl EjectCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self) -> Result<i32, Failure> {
        // Built-in files are not encrypted.
        let files = Files::new(Places::default(), Arc::default());
        let found = below(&files, &Files::built_in().join(&self.path))?;
        if found.is_empty() {
            let names: Vec<String> =
                ["roles", "playbooks"].iter().flat_map(|folder| names(&files, folder)).collect();
            let wanted = self.path.to_string_lossy();
            let hint = match clouder_lang::nearest(&wanted, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("built in are: {}", names.join(", ")),
            };
            return Err(Failure::new(format!("nothing built in is called `{wanted}`"), hint));
        }
        let in_the_way: Vec<_> =
            found.iter().map(|path| self.to.join(path)).filter(|path| path.exists()).collect();
        if let (false, Some(first)) = (self.force, in_the_way.first()) {
            return Err(Failure::new(format!("{} is there already", first.display()), "--force replaces it"));
        }
        for path in found {
            let target = self.to.join(&path);
            let content = files.read(&Files::built_in().join(&path))?;
            write(&target, &content).map_err(|error| {
                Failure::new(
                    format!("cannot write {}: {error}", target.display()),
                    "choose another folder with --to",
                )
            })?;
            print(&format!("{}\n", target.display()));
        }
        Ok(0)
    }
}

/// All files at or below a path of the built-in tree, as paths within it.
fn below(files: &Files, path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if files.is_file(path) {
        return Ok(vec![path.strip_prefix(Files::built_in()).unwrap_or(path).to_owned()]);
    }
    if !files.is_folder(path) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for inner in files.list(path)? {
        found.extend(below(files, &inner)?);
    }
    Ok(found)
}

/// The names of what is directly in a folder of the built-in tree.
fn names(files: &Files, folder: &str) -> Vec<String> {
    let paths = files.list(&Files::built_in().join(folder)).unwrap_or_default();
    paths
        .iter()
        .filter_map(|path| path.strip_prefix(Files::built_in()).ok())
        .map(|path| path.display().to_string())
        .collect()
}

fn write(target: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, content)?;
    // What is ejected is meant to be read and edited like any file of the project.
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(target)?;
    Ok(())
}
