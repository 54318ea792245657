//! The SELinux labels of files.

use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr, lgetxattr, lsetxattr};

use crate::ModuleError;
use crate::module::Doing as _;

const LABEL: &str = "security.selinux";

/// Whether this host's kernel enforces or watches labels.
pub fn is_on() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

/// The label of a path itself, links not followed: `user:role:type:level`. `None` where there is none.
pub fn label(path: &Path) -> Option<String> {
    const LONGEST: usize = 4096;
    let mut label = vec![0; LONGEST];
    let length = lgetxattr(path, LABEL, label.as_mut_slice()).ok()?;
    label.truncate(length);
    let label = label.strip_suffix(&[0]).unwrap_or(&label);
    Some(String::from_utf8_lossy(label).into_owned())
}

/// Gives a path a label.
///
/// # Errors
/// When the policy or the user's rights do not allow it.
pub fn set(path: &Path, label: &str) -> Result<(), ModuleError> {
    lsetxattr(path, LABEL, label.as_bytes(), XattrFlags::empty())
        .doing(|| format!("cannot give {} the SELinux label {label}", path.display()))
}

/// Gives a new file that takes an old one's place the old one's label. A file system without labels has none to keep,
/// and where the policy forbids it the label of the folder is right.
pub(super) fn keep(old: &Path, new: &File) {
    if let (true, Some(label)) = (is_on(), label(old)) {
        let _ = fsetxattr(new, LABEL, std::ffi::OsStr::new(&label).as_bytes(), XattrFlags::empty());
    }
}
