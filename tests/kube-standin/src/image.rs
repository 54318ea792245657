//! The image of etcd: the one that is needed for real. It cannot be pulled, so it is made of Debian's packages, and put where the
//! container runtime has its images.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::failure::{Context as _, Result};
use crate::machine::run;
use crate::pki::hex;
use crate::{files, tool};

/// The image's tag.
pub(crate) const TAG: &str = "3.5.16-0";
/// The packages that have its programs.
const PACKAGES: [&str; 2] = ["etcd-server", "etcd-client"];
/// Where they are on machines that were prepared for it.
const PREPARED: &str = "/var/cache/kube-standin";
/// Where images have their programs.
const PROGRAMS: &str = "usr/local/bin";

/// Where what is in the image is on this machine.
fn root() -> PathBuf {
    Path::new("/var/lib/kube-standin/etcd").join(TAG)
}

/// A program of the image, as a file of this machine.
pub(crate) fn program(name: &str) -> PathBuf {
    root().join(PROGRAMS).join(name)
}

/// Makes sure that the image is there.
///
/// # Errors
/// When the packages cannot be had, or the container runtime does not take it.
pub(crate) fn provide(repository: &str) -> Result<()> {
    let name = format!("{repository}/etcd:{TAG}");
    if !program("etcd").exists() {
        fill(&root())?;
    }
    let listed = run(Command::new("ctr").args(["--namespace=k8s.io", "images", "ls", "--quiet"]))?;
    if listed.lines().any(|line| line == name) {
        return Ok(());
    }
    let folder = root().with_extension("image");
    let archive = pack(&root(), &folder, &name)?;
    run(Command::new("ctr").args(["--namespace=k8s.io", "images", "import"]).arg(archive))?;
    std::fs::remove_dir_all(&folder).doing(folder.display())
}

/// Gets the programs, and the libraries that they need.
fn fill(root: &Path) -> Result<()> {
    let place = root.with_extension("new");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).doing(place.display())?;
    let mut packages = PathBuf::from(PREPARED);
    if !packages.exists() {
        packages = place.join("packages");
        std::fs::create_dir(&packages).doing(packages.display())?;
        // Without a user of its own: that one may not write there.
        run(Command::new("apt-get")
            .args(["download", "--quiet", "--option=APT::Sandbox::User=root"])
            .args(PACKAGES)
            .current_dir(&packages))?;
    }
    let unpacked = place.join("unpacked");
    for entry in std::fs::read_dir(&packages).doing(packages.display())?.flatten() {
        run(Command::new("dpkg-deb").arg("--extract").arg(entry.path()).arg(&unpacked))?;
    }
    let image = place.join("root");
    let programs = image.join(PROGRAMS);
    std::fs::create_dir_all(&programs).doing(programs.display())?;
    std::fs::create_dir_all(image.join("tmp")).doing(image.display())?;
    for name in ["etcd", "etcdctl", "etcdutl"] {
        std::fs::rename(unpacked.join("usr/bin").join(name), programs.join(name)).doing(name)?;
    }
    let libraries = run(Command::new("ldd").arg(programs.join("etcd")))?;
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        let copy = image.join(library.trim_start_matches('/'));
        let folder = copy.parent().unwrap_or(&image);
        std::fs::create_dir_all(folder).doing(folder.display())?;
        std::fs::copy(library, &copy).doing(library)?;
    }
    std::fs::rename(&image, root).doing(root.display())?;
    std::fs::remove_dir_all(&place).doing(place.display())
}

/// Packs a folder as an image of one layer, as `docker save` does.
fn pack(root: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).doing(folder.display())?;
    let layer = folder.join("layer.tar");
    run(Command::new("tar").arg("--directory").arg(root).arg("--create").arg("--file").arg(&layer).arg("."))?;
    let digest = Sha256::digest(std::fs::read(&layer).doing(layer.display())?);
    let config = json!({
        "architecture": tool::architecture(), "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&digest))]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    files::write(&folder.join("config.json"), &config.to_string(), 0o644)?;
    files::write(&folder.join("manifest.json"), &manifest.to_string(), 0o644)?;
    let archive = folder.join("image.tar");
    run(Command::new("tar")
        .arg("--directory")
        .arg(folder)
        .arg("--create")
        .arg("--file")
        .arg(&archive)
        .args(["manifest.json", "config.json", "layer.tar"]))?;
    Ok(archive)
}
