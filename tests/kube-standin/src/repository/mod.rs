//! The stand-ins as packages, in a signed apt repository laid out as the real one is:
//! `core:/stable:/vMAJOR.MINOR/deb/`.

mod index;
mod packages;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Context as _, Result};
use crate::machine::run;
use crate::version::Version;

pub use server::{Server, serve};

/// Makes the repository of these versions in a folder, with packages of this executable. What is there of them already
/// is made anew; the key that signs stays the same.
///
/// # Errors
/// When a program that is needed (dpkg-deb, gpg, strip) is missing or fails.
pub fn build(folder: &Path, binary: &Path, versions: &[Version]) -> Result<()> {
    std::fs::create_dir_all(folder).doing(folder.display())?;
    let stripped = folder.join(".binary");
    run(Command::new("strip").arg("-o").arg(&stripped).arg(binary))?;
    let key = index::Key::provide(&folder.join(".keys"))?;
    let mut minors: Vec<u32> = versions.iter().map(|version| version.minor).collect();
    minors.sort_unstable();
    minors.dedup();
    for minor in minors {
        let place = place(folder, minor);
        if place.exists() {
            std::fs::remove_dir_all(&place).doing(place.display())?;
        }
        std::fs::create_dir_all(&place).doing(place.display())?;
        for version in versions.iter().filter(|version| version.minor == minor) {
            packages::build(&place, &stripped, *version)?;
        }
        packages::build_shared(&place, &stripped, minor)?;
        index::write(&place, &key)?;
    }
    Ok(())
}

/// Makes the repositories of NVIDIA's driver and container toolkit in the folders `cuda` and `toolkit` of a folder, where nothing is a
/// device.
///
/// # Errors
/// When a program that is needed (dpkg-deb, gpg) is missing or fails.
pub fn build_gpu(folder: &Path) -> Result<()> {
    let key = index::Key::provide(&folder.join(".keys"))?;
    for place in ["cuda", "toolkit"] {
        let place = folder.join(place);
        std::fs::create_dir_all(&place).doing(place.display())?;
        packages::build_gpu(&place)?;
        index::write(&place, &key)?;
    }
    Ok(())
}

/// The folder of one minor release.
fn place(folder: &Path, minor: u32) -> PathBuf {
    folder.join(format!("core:/stable:/v1.{minor}/deb"))
}
