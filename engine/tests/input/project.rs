//! Folders of bad input, and what clouder says of it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Neither text nor YAML nor a template.
pub(crate) const BINARY: &[u8] = b"\x7fELF\x02\x01\x01\x00\xff\xfe{{\x1b[31m";

/// What most cases run: both hosts answer.
pub(crate) const PING: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n";

/// Runs its arguments with less than a test has.
const LIMITED: &str = r#"ulimit -v 2000000
[ "$(id -u)" != 0 ] || exec setpriv --bounding-set=-dac_override,-dac_read_search "$0" "$@"
exec "$0" "$@""#;

/// A folder with files.
pub(crate) struct Project(TempDir);

/// What a run left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// What was shown.
    pub(crate) told: String,
    pub(crate) took: Duration,
}

#[expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]
impl Project {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            project.write(name, content);
        }
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs clouder there, with two gigabytes of memory at most, and files that may not be read even by root.
    pub(crate) fn clouder(&self, arguments: &[&str]) -> Ran {
        let started = Instant::now();
        let ran = Command::new("/bin/sh")
            .args(["-c", LIMITED, env!("CARGO_BIN_EXE_clouder")])
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told =
            [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Ran { code: ran.status.code(), told, took: started.elapsed() }
    }

    /// Runs a playbook on the hosts `a` and `b`, which are this machine.
    pub(crate) fn run(&self, playbook: &str, more: &[&str]) -> Ran {
        self.clouder(&[&["run", "-c", "local", "-f", "1", "-i", "a,b,", playbook], more].concat())
    }
}

#[expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]
impl Ran {
    /// It ended with this code, told this, and neither panicked nor took long.
    pub(crate) fn is(&self, code: i32, said: &str) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.told.contains(said), "`{said}` is not told: {}", self.told);
        assert!(!self.told.contains("panicked") && !self.told.contains('\x1b'), "{}", self.told);
        assert!(self.took < Duration::from_secs(60), "{:?}", self.took);
    }

    /// The playbook or command line is wrong: no task was begun.
    pub(crate) fn is_refused(&self, said: &str) {
        self.is(1, said);
        assert!(!self.told.contains("TASK ["), "{}", self.told);
    }

    /// Host `a` failed, `b` went on.
    pub(crate) fn fails_on_one(&self, said: &str) {
        self.is(2, said);
        let recap = |host: &str| {
            let line =
                self.told.lines().rfind(|line| line.starts_with(host) && line.contains(" : ok=")).unwrap();
            line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
        };
        assert!(recap("a").contains("failed=1"), "{}", self.told);
        let other = recap("b");
        assert!(other.starts_with("ok=1 ") && other.contains("failed=0"), "{}", self.told);
    }
}

/// A play whose first task is done by `a` alone.
pub(crate) fn only_a(task: &str) -> String {
    format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n      when: inventory_hostname == 'a'\n    - ping:\n"
    )
}

/// Ten lists of ten aliases each, ten levels deep: ten billion values.
#[expect(clippy::unwrap_used, reason = "a test that cannot run has failed")]
pub(crate) fn bomb() -> Vec<u8> {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", ")).unwrap();
    }
    text.into_bytes()
}
