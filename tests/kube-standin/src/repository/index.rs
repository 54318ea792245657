//! The repository's index, and its signature.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::run;
use crate::failure::{Context as _, Result};
use crate::{files, pki};

/// The key that signs.
pub(super) struct Key {
    home: PathBuf,
}

impl Key {
    /// The key in this folder, made if there is none.
    pub(super) fn provide(home: &Path) -> Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home).doing(home.display())?;
        let key = Self { home: home.to_owned() };
        if run(key.gpg().arg("--list-secret-keys"))?.trim().is_empty() {
            let name = "clouder's tests <tests@localhost>";
            run(key.gpg().args([
                "--passphrase",
                "",
                "--quick-generate-key",
                name,
                "rsa3072",
                "sign",
                "never",
            ]))?;
        }
        Ok(key)
    }

    fn gpg(&self) -> Command {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(&self.home).args(["--batch", "--quiet", "--yes", "--no-tty"]);
        command
    }
}

/// Writes `Packages`, `Release`, its signed form `InRelease`, and the public key `Release.key`.
pub(super) fn write(place: &Path, key: &Key) -> Result<()> {
    let mut packages = String::new();
    let mut debs: Vec<PathBuf> = Vec::new();
    for folder in
        std::fs::read_dir(place).doing(place.display())?.flatten().filter(|entry| entry.path().is_dir())
    {
        debs.extend(
            std::fs::read_dir(folder.path()).doing(place.display())?.flatten().map(|entry| entry.path()),
        );
    }
    debs.sort();
    for deb in debs {
        let content = std::fs::read(&deb).doing(deb.display())?;
        let control = run(Command::new("dpkg-deb").arg("--field").arg(&deb))?;
        let file = deb.strip_prefix(place).unwrap_or(&deb).display().to_string();
        packages.push_str(&format!(
            "{}\nFilename: {file}\nSize: {}\nSHA256: {}\n\n",
            control.trim_end(),
            content.len(),
            pki::hex(&Sha256::digest(&content))
        ));
    }
    files::write(&place.join("Packages"), &packages, 0o644)?;
    let release = format!(
        "Origin: clouder's tests\nLabel: clouder's tests\nDate: {}\nSHA256:\n {} {} Packages\n",
        OffsetDateTime::now_utc().format(&Rfc2822).unwrap_or_default().replace("+0000", "UTC"),
        pki::hex(&Sha256::digest(&packages)),
        packages.len()
    );
    let file = place.join("Release");
    files::write(&file, &release, 0o644)?;
    run(key.gpg().args(["--clearsign", "--output"]).arg(place.join("InRelease")).arg(&file))?;
    let public = run(key.gpg().args(["--armor", "--export"]))?;
    files::write(&place.join("Release.key"), &public, 0o644)
}
