//! The reference: ansible-core in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::CompareError;

/// The release of ansible-core that clouder is compared with.
const RELEASE: &str = "2.19.14";

/// What Ansible hashes passwords with.
const PASSLIB: &str = "passlib==1.7.4";

/// Programs and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 1] = [("ssh", "openssh-client")];

/// The folder of the environment, made below `target` when it is not there.
///
/// # Errors
/// When Python or ansible-core cannot be installed.
pub(crate) fn ansible(target: &Path) -> Result<PathBuf, CompareError> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| make(target).map_err(|error| error.to_string()));
    made.clone().map_err(CompareError::Other)
}

fn make(target: &Path) -> Result<PathBuf, CompareError> {
    clouder_fleet::install(&clouder_fleet::missing(&PROGRAMS))?;
    let folder = target.join("compare").join(format!("ansible-core-{RELEASE}"));
    clouder_fleet::python(&folder, &format!("ansible-core=={RELEASE}\n{PASSLIB}\n"))?;
    Ok(folder)
}
