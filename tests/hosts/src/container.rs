//! Containers that are no machines: for what a machine of the fleet cannot be.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::host;

/// A container; it goes when this is dropped.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// What runs it: `docker` or `podman`.
    pub engine: &'static str,
    /// Its root, when that is no image.
    _root: Option<TempDir>,
}

/// Runs docker; returns what it prints.
///
/// # Panics
/// When it fails.
pub fn docker(arguments: &[&str]) -> String {
    succeed("docker", arguments)
}

#[expect(clippy::panic, reason = "a test that cannot run has failed")]
fn succeed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Makes sure that there is podman, and nothing of runs that were killed.
fn provide_podman() {
    static PROVIDED: OnceLock<()> = OnceLock::new();
    PROVIDED.get_or_init(|| {
        if Command::new("podman").arg("--version").output().is_err() {
            succeed("apt-get", &["update"]);
            succeed("apt-get", &["install", "-y", "--no-install-recommends", "podman"]);
        }
        let filter = format!("label={}", label());
        for left in succeed("podman", &["ps", "-aq", "--filter", &filter]).split_whitespace() {
            succeed("podman", &["rm", "-f", "-t", "0", left]);
        }
    });
}

/// The label of the fleet: what a test that was killed leaves goes with it.
fn label() -> String {
    format!("clouder.fleet={}", docker(&["inspect", "-f", LABEL, host("cp-1").container()]))
}

fn new_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("clouder-test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Container {
    /// Starts a container of an image: a shell that waits.
    pub fn start(image: &str, options: &[&str]) -> Self {
        let (name, label) = (new_name(), label());
        let fixed = ["run", "-d", "-i", "--init", "--name", &name, "--label", &label];
        docker(&[&fixed, options, &[image, "/bin/sh"]].concat());
        Self { name, engine: "docker", _root: None }
    }

    /// Starts containers that hold a shell and nothing else, one of docker's and one of podman's.
    pub fn bare(options: &[&str]) -> [Self; 2] {
        [Self::start(shell_image(), options), Self::of_podman(shell_image(), options)]
    }

    /// A container of podman's, with what is in an image of docker's. It has a folder for its root and the machine's own network, which needs neither registry nor
    /// storage, and low limits: podman's usual ones may be higher than what this machine is allowed itself.
    ///
    /// # Panics
    /// When it cannot be had.
    #[expect(clippy::panic, reason = "a test that cannot run has failed")]
    pub fn of_podman(image: &str, options: &[&str]) -> Self {
        provide_podman();
        let root = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let folder = root.path().display().to_string();
        let image = docker(&["create", image, "/bin/sh"]);
        let line = format!("chmod 755 {folder} && docker export {image} | tar -C {folder} -x");
        succeed("/bin/sh", &["-c", &line]);
        docker(&["rm", &image]);
        let (name, label) = (new_name(), label());
        let fixed = ["run", "-d", "-i", "--name", &name, "--label", &label, "--network", "host"];
        let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--rootfs"];
        succeed("podman", &[&fixed, options, &limits, &[&*folder, "/bin/sh"]].concat());
        Self { name, engine: "podman", _root: Some(root) }
    }

    /// An inventory that names it `box`.
    pub fn inventory(&self) -> (TempDir, String) {
        crate::file(&format!(
            "all:\n  hosts:\n    box:\n      ansible_connection: {}\n      ansible_host: {}\n",
            self.engine, self.name
        ))
    }

    /// Does something to it: `kill`, `rm` …
    pub fn act(&self, what: &str) {
        succeed(self.engine, &[what, &self.name]);
    }

    /// Puts a file into its root.
    pub fn put(&self, file: &Path) {
        succeed(self.engine, &["cp", &file.display().to_string(), &format!("{}:/", self.name)]);
    }

    /// Runs a line of its shell; returns what it prints.
    pub fn shell(&self, line: &str) -> String {
        succeed(self.engine, &["exec", &self.name, "/bin/sh", "-c", line])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Asked to end, a shell would not, and podman would wait.
        let at_once: &[&str] = if self.engine == "podman" { &["-t", "0"] } else { &[] };
        let _ = Command::new(self.engine).args(["rm", "-fv", &self.name]).args(at_once).output();
    }
}

const LABEL: &str = "{{index .Config.Labels \"clouder.fleet\"}}";

/// The image machines of the fleet start from.
pub fn machine_image() -> String {
    docker(&["inspect", "-f", "{{.Config.Image}}", host("cp-1").container()])
}

/// An image that holds a shell, the library that it needs, and nothing else.
pub fn shell_image() -> &'static str {
    static IMAGE: OnceLock<()> = OnceLock::new();
    const NAME: &str = "clouder-shell:1";
    IMAGE.get_or_init(|| {
        let there = Command::new("docker").args(["image", "inspect", NAME]).output();
        if there.is_ok_and(|there| there.status.success()) {
            return;
        }
        let folder = host("cp-1").container().to_owned() + "-shell";
        let line = format!(
            "set -e; rm -rf /tmp/{folder}; mkdir -p /tmp/{folder}/bin; cd /tmp/{folder}; cp /bin/dash bin/sh; \
             for library in $(ldd /bin/dash | grep -o '/[^ ]*'); do mkdir -p .${{library%/*}}; cp -L $library .$library; done"
        );
        docker(&["exec", host("cp-1").container(), "/bin/sh", "-c", &line]);
        let line = format!(
            "docker exec {} tar -C /tmp/{folder} -c . | docker import - {NAME}",
            host("cp-1").container()
        );
        let imported = Command::new("/bin/sh").args(["-c", &line]).output();
        assert!(imported.is_ok_and(|imported| imported.status.success()), "the image cannot be made");
        docker(&["exec", host("cp-1").container(), "rm", "-rf", &format!("/tmp/{folder}")]);
    });
    NAME
}
