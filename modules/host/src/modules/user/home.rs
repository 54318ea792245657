//! The home folder of a user that has none.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use super::UserArgs;
use crate::module::Doing as _;
use crate::system::account::User as Account;
use crate::system::file;
use crate::{Context, ModuleError};

/// What new users find in their homes.
const SKELETON: &str = "/etc/skel";

/// How users are made here.
const DEFAULTS: &str = "/etc/login.defs";

/// Makes the home folder that a user should have and has not; whether it was missing.
pub(super) fn make_missing(args: &UserArgs, user: &Account, context: &Context) -> Result<bool, ModuleError> {
    let home = args.home.clone().unwrap_or_else(|| PathBuf::from(&user.home));
    if !args.create_home || home.as_os_str().is_empty() || file::look_through(&home)?.is_some() {
        return Ok(false);
    }
    if context.check {
        return Ok(true);
    }
    let user = args.found(context).unwrap_or_else(|| user.clone());
    let defaults = fs::read_to_string(DEFAULTS).unwrap_or_default();
    let mode = mode(args.umask.as_deref(), &defaults)?;
    let skeleton = args.skeleton.as_deref().unwrap_or(Path::new(SKELETON));
    make(&home, skeleton, mode, (user.uid, user.gid))
        .doing(|| format!("cannot make the home {}", home.display()))?;
    Ok(true)
}

/// The permissions of a new home.
fn mode(umask: Option<&str>, defaults: &str) -> Result<u32, ModuleError> {
    let octal = |text: &str| u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777);
    if let Some(text) = umask {
        let umask = octal(text).ok_or_else(|| ModuleError::new(format!("umask `{text}` is not octal")))?;
        return Ok(0o777 & !umask);
    }
    let setting = |name: &str| {
        let mut lines = defaults.lines().map(str::split_whitespace);
        lines.find_map(|mut words| {
            (words.next() == Some(name)).then(|| words.next().and_then(octal)).flatten()
        })
    };
    Ok(setting("HOME_MODE").unwrap_or_else(|| 0o777 & !setting("UMASK").unwrap_or(0o022)))
}

fn make(home: &Path, skeleton: &Path, mode: u32, owner: (u32, u32)) -> std::io::Result<()> {
    if let Some(parent) = home.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    // Nobody looks in before all is there.
    DirBuilder::new().mode(0o700).create(home)?;
    if skeleton.is_dir() {
        fill(home, skeleton, owner)?;
    }
    lchown(home, Some(owner.0), Some(owner.1))?;
    fs::set_permissions(home, Permissions::from_mode(mode))
}

/// Copies what is in a folder, for a user.
fn fill(folder: &Path, from: &Path, owner: (u32, u32)) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), folder.join(entry.file_name()));
        let found = fs::symlink_metadata(&source)?;
        if found.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if found.is_dir() {
            DirBuilder::new().mode(0o700).create(&target)?;
            fill(&target, &source, owner)?;
        } else {
            fs::copy(&source, &target)?;
        }
        lchown(&target, Some(owner.0), Some(owner.1))?;
        if found.is_dir() {
            fs::set_permissions(&target, found.permissions())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::testing::{folder, mode as mode_of};

    #[test]
    fn homes_are_made_from_a_skeleton() {
        let (_guard, at) = folder();
        fs::create_dir_all(at.join("skel/.config")).unwrap();
        fs::set_permissions(at.join("skel/.config"), Permissions::from_mode(0o750)).unwrap();
        fs::write(at.join("skel/.config/x"), "x").unwrap();
        symlink(".config/x", at.join("skel/.x")).unwrap();
        let home = at.join("deep/home");
        let me = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        make(&home, &at.join("skel"), 0o751, me).unwrap();
        assert_eq!((mode_of(&home), mode_of(&home.join(".config"))), (0o751, 0o750));
        assert_eq!(fs::read_to_string(home.join(".x")).unwrap(), "x");
        let other = at.join("other");
        make(&other, &at.join("none"), 0o700, me).unwrap();
        assert_eq!(fs::read_dir(other).unwrap().count(), 0);
    }

    #[test]
    fn the_mode_is_asked_for_or_the_host_s() {
        let defaults = "# UMASK 000\nUMASK\t\t027\n";
        assert_eq!(mode(None, defaults).unwrap(), 0o750);
        assert_eq!(mode(None, &format!("{defaults}HOME_MODE 0700\n")).unwrap(), 0o700);
        assert_eq!(mode(Some("077"), defaults).unwrap(), 0o700);
        assert_eq!(mode(None, "").unwrap(), 0o755);
        assert!(mode(Some("x"), "").is_err());
    }
}
