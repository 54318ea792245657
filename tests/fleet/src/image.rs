//! The image machines start from.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::alone::alone;
use crate::command::{FleetError, run, succeed};
use crate::{PASSWORD, Software};

const BOOT: &str = include_str!("boot.sh");
const SETUP: &str = include_str!("setup.sh");

/// The Debian release machines run.
const RELEASE: &str = "trixie";

const PREPARED_SETUP: &str = include_str!("prepared_setup.sh");
const CHECKPOINT_SETUP: &str = include_str!("checkpoint_setup.sh");
const AWAY_SETUP: &str = include_str!("away_setup.sh");
const CLOUD_BOOT: &str = include_str!("cloud_boot.sh");
const CLOUD_SETUP: &str = include_str!("cloud_setup.sh");

/// The name of the image of machines with this software; made if it is not there. It is named after its recipe, so that a changed
/// recipe makes a new one.
pub(crate) fn provide(software: Software) -> Result<String, FleetError> {
    let image = format!("clouder-host:{}", hash(&[BOOT, SETUP, RELEASE, PASSWORD]));
    provide_by(&image, || {
        let base = base()?;
        set_up(&base, &image, &[(SETUP, "fleet-setup"), (BOOT, "fleet-boot")])
    })?;
    match software {
        Software::Bare => Ok(image),
        Software::Prepared => provide_upon(&image, "prepared", PREPARED_SETUP),
        Software::Checkpointing => provide_upon(&image, "checkpointing", CHECKPOINT_SETUP),
    }
}

/// The name of an image that is another one and what a script adds, and that needs no more of Debian.
fn provide_upon(base: &str, name: &str, setup: &str) -> Result<String, FleetError> {
    let setup = &[setup, AWAY_SETUP].concat();
    let image = format!("clouder-{name}:{}", hash(&[base, setup]));
    let script = format!("{name}-setup");
    provide_by(&image, || set_up(base, &image, &[(setup, &script), (BOOT, "fleet-boot")]))?;
    Ok(image)
}

/// The name of the image that clouds start machines with this software from.
pub(crate) fn provide_cloud(software: Software) -> Result<String, FleetError> {
    let base = provide(software)?;
    let image = format!("clouder-cloud:{}", hash(&[&base, CLOUD_BOOT, CLOUD_SETUP]));
    provide_by(&image, || {
        set_up(&base, &image, &[(CLOUD_SETUP, "cloud-setup"), (CLOUD_BOOT, "cloud-boot")])
    })?;
    Ok(image)
}

fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes an image, unless it is there.
fn provide_by(image: &str, make: impl FnOnce() -> Result<(), FleetError>) -> Result<(), FleetError> {
    if run("docker", &["image", "inspect", image])?.code == 0 {
        return Ok(());
    }
    // Several test programs may want the image at once; one makes it.
    let _alone = alone("image")?;
    if run("docker", &["image", "inspect", image])?.code == 0 {
        return Ok(());
    }
    make()
}

/// A bare Debian: pulled, or where no registry answers, made here.
fn base() -> Result<String, FleetError> {
    let pulled = format!("debian:{RELEASE}");
    if run("docker", &["image", "inspect", &pulled])?.code == 0
        || run("timeout", &["60", "docker", "pull", "-q", &pulled])?.code == 0
    {
        return Ok(pulled);
    }
    let made = format!("clouder-debian:{RELEASE}");
    if run("docker", &["image", "inspect", &made])?.code == 0 {
        return Ok(made);
    }
    // An older debootstrap does not know the release by name, but all are made alike.
    let script = format!("/usr/share/debootstrap/scripts/{RELEASE}");
    if !Path::new(&script).exists() {
        succeed("ln", &["-s", "sid", &script])?;
    }
    let folder = tempfile::Builder::new()
        .prefix("clouder-debian-")
        .tempdir()
        .map_err(|error| FleetError::io("make", &std::env::temp_dir(), error))?;
    let root = folder.path().join("root").display().to_string();
    succeed("debootstrap", &["--variant=minbase", RELEASE, &root, &mirror()])?;
    let archive = folder.path().join("root.tar").display().to_string();
    succeed("tar", &["-C", &root, "-cf", &archive, "."])?;
    succeed("docker", &["import", &archive, &made])?;
    Ok(made)
}

/// The mirror this machine itself uses.
fn mirror() -> String {
    let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    texts.extend(folder.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default()));
    let words = texts.iter().flat_map(|text| text.split_whitespace());
    let mirror = words
        .filter(|word| word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian"))
        .map(str::to_owned)
        .next();
    mirror.unwrap_or_else(|| "http://deb.debian.org/debian".to_owned())
}

/// Runs the first script in a container of the image it begins with, and keeps what it leaves, the second script for its boot.
fn set_up(base: &str, image: &str, scripts: &[(&str, &str); 2]) -> Result<(), FleetError> {
    let name = format!("clouder-image-{}", std::process::id());
    let result = try_set_up(&name, base, image, scripts);
    run("docker", &["rm", "-f", &name])?;
    result
}

fn try_set_up(name: &str, base: &str, image: &str, scripts: &[(&str, &str); 2]) -> Result<(), FleetError> {
    let password = format!("PASSWORD={PASSWORD}");
    succeed(
        "docker",
        &["run", "-d", "--name", name, "--label", crate::LABEL, "-e", &password, base, "sleep", "3600"],
    )?;
    // apt inside reaches its mirror the way apt here does.
    for file in
        ["/etc/apt/apt.conf", "/etc/apt/apt.conf.d/99artifact-registry", "/etc/ssl/certs/ca-certificates.crt"]
    {
        if Path::new(file).exists() {
            let folder = Path::new(file).parent().unwrap_or(Path::new("/")).display().to_string();
            succeed("docker", &["exec", name, "mkdir", "-p", &folder])?;
            succeed("docker", &["cp", "-L", file, &format!("{name}:{file}")])?;
        }
    }
    for (text, script) in scripts {
        let target = &format!("/usr/local/sbin/{script}");
        let mut file = tempfile::NamedTempFile::new()
            .map_err(|error| FleetError::io("make", &std::env::temp_dir(), error))?;
        std::io::Write::write_all(&mut file, text.as_bytes())
            .map_err(|error| FleetError::io("write", file.path(), error))?;
        succeed("docker", &["cp", &file.path().display().to_string(), &format!("{name}:{target}")])?;
        succeed("docker", &["exec", name, "chmod", "755", target])?;
    }
    let [(_, setup), (_, boot)] = scripts;
    succeed("docker", &["exec", name, &format!("/usr/local/sbin/{setup}")])?;
    let command = format!("CMD [\"/usr/local/sbin/{boot}\"]");
    succeed("docker", &["commit", "-c", "ENV PASSWORD=", "-c", &command, name, image])?;
    Ok(())
}
