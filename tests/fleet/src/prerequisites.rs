//! What this machine must have: installed where it is missing.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::alone::alone;
use crate::command::{FleetError, run, succeed};

/// Programs and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 6] = [
    ("dockerd", "docker.io"),
    ("debootstrap", "debootstrap"),
    ("gpg", "gnupg"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("xz", "xz-utils"),
];

/// How long the Docker daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs what is missing, and starts the Docker daemon if none runs.
pub(crate) fn provide() -> Result<(), FleetError> {
    install(&missing(&PROGRAMS))?;
    start_docker()
}

/// The packages whose programs this machine lacks.
pub fn missing<'a>(programs: &[(&str, &'a str)]) -> Vec<&'a str> {
    programs.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect()
}

/// Installs Debian packages.
///
/// # Errors
/// When they cannot be installed, or this is not root.
pub fn install(packages: &[&str]) -> Result<(), FleetError> {
    if packages.is_empty() {
        return Ok(());
    }
    if succeed("id", &["-u"])?.trim() != "0" {
        return Err(FleetError::Other(format!(
            "these packages are missing, and only root can install them: {}",
            packages.join(" ")
        )));
    }
    let _alone = alone("packages")?;
    succeed("apt-get", &["update"])?;
    succeed("apt-get", &[&["install", "-y", "--no-install-recommends"], packages].concat())?;
    Ok(())
}

/// Whether Docker is installed; if so, its daemon runs afterwards.
pub(crate) fn has_docker() -> Result<bool, FleetError> {
    let installed = is_there("dockerd");
    if installed {
        start_docker()?;
    }
    Ok(installed)
}

fn is_there(program: &str) -> bool {
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    folders.split(':').any(|folder| std::path::Path::new(folder).join(program).is_file())
}

fn start_docker() -> Result<(), FleetError> {
    if run("docker", &["info"])?.code == 0 {
        return Ok(());
    }
    let _alone = alone("docker")?;
    if run("docker", &["info"])?.code == 0 {
        return Ok(());
    }
    let path = std::path::Path::new("/var/log/clouder-dockerd.log");
    let log = File::create(path).map_err(|error| FleetError::io("write", path, error))?;
    let errors = log.try_clone().map_err(|error| FleetError::io("write", path, error))?;
    // A group of its own: it goes on when whoever started it is done.
    Command::new("dockerd")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|source| FleetError::Start { line: "dockerd".to_owned(), source })?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if run("docker", &["info"])?.code == 0 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    let last =
        std::fs::read_to_string(path).unwrap_or_default().lines().last().unwrap_or_default().to_owned();
    Err(FleetError::Timeout { what: "the Docker daemon".to_owned(), seconds: PATIENCE.as_secs(), last })
}
