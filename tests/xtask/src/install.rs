//! `cargo xtask install`: clouder as it is released, in a folder for programs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::command::{ChoreError, agent, built, cargo, run};

/// Build clouder as it is released, and install it
#[derive(Args)]
pub(crate) struct Install {
    /// Where to: its `bin` gets the program, its `lib/clouder` what travels to hosts
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
}

impl Install {
    /// Runs the chore.
    pub(crate) fn run(self) -> Result<(), ChoreError> {
        let program = install(&self.prefix)?;
        println!("{} is installed", program.display());
        Ok(())
    }
}

/// Builds what is released and installs it below a folder; returns where the program is.
pub(crate) fn install(prefix: &Path) -> Result<PathBuf, ChoreError> {
    run(&mut cargo(&["build", "--locked", "--release", "--package", "clouder"]))?;
    let (agent, packed) = agent()?;
    let (programs, library) = (prefix.join("bin"), prefix.join("lib/clouder"));
    for folder in [&programs, &library] {
        std::fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
    }
    // Of an older one nothing is left.
    for entry in std::fs::read_dir(&library).map_err(|error| told(&library, &error))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("clouder-agent") {
            std::fs::remove_file(entry.path()).map_err(|error| told(&entry.path(), &error))?;
        }
    }
    put(&agent, &library)?;
    put(&packed, &library)?;
    put(&built("release").join("clouder"), &programs)
}

/// Puts a file into a folder, in one step: the one that was there may be running.
fn put(file: &Path, folder: &Path) -> Result<PathBuf, ChoreError> {
    let target = folder.join(file.file_name().unwrap_or_default());
    let new = target.with_extension("new");
    std::fs::copy(file, &new)
        .and_then(|_| std::fs::rename(&new, &target))
        .map_err(|error| told(&target, &error))?;
    Ok(target)
}

fn told(path: &Path, error: &std::io::Error) -> ChoreError {
    ChoreError::Other(format!("{}: {error}", path.display()))
}
