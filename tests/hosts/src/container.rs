//! Containers that are no machines: for what a machine of the fleet cannot be.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::host;

/// A container; it goes when this is dropped.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
}

/// Runs docker; returns what it prints.
///
/// # Panics
/// When it fails.
#[expect(clippy::panic, reason = "a test that cannot run has failed")]
pub fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run docker: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {}: {said}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Container {
    /// Starts a container of an image: a shell that waits.
    pub fn start(image: &str, options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("clouder-test-{}-{number}", std::process::id());
        // The label is the fleet's: what a test that was killed leaves goes with the fleet.
        let label = docker(&["inspect", "-f", LABEL, host("cp-1").container()]);
        let label = format!("clouder.fleet={label}");
        let fixed = ["run", "-d", "-i", "--init", "--name", &name, "--label", &label];
        docker(&[&fixed, options, &[image, "/bin/sh"]].concat());
        Self { name }
    }

    /// An inventory that names it `box`.
    pub fn inventory(&self) -> (tempfile::TempDir, String) {
        crate::file(&format!(
            "all:\n  hosts:\n    box:\n      ansible_connection: docker\n      ansible_host: {}\n",
            self.name
        ))
    }

    /// Runs a line of its shell; returns what it prints.
    pub fn shell(&self, line: &str) -> String {
        docker(&["exec", &self.name, "/bin/sh", "-c", line])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-fv", &self.name]).output();
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
