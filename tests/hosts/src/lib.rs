//! What tests on real machines share: one fleet for all of them, and the built programs.

mod container;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use clouder_fleet::{Fleet, Host};

pub use container::{Container, docker, machine_image, shell_image};

/// The machines of these tests.
const HOSTS: [&str; 2] = ["cp-1", "worker-1"];

/// The machines, brought up once for all tests of a program. They stay up, so that the next run is quick:
/// `cargo xtask hosts --fleet tests down` removes them. `CLOUDER_TEST_FLEET` names another fleet, so that two working
/// copies can be tested at once.
///
/// # Panics
/// When they cannot be brought up: a test on real machines cannot be had without.
#[expect(clippy::panic, reason = "a test that cannot run has failed")]
pub fn fleet() -> &'static Fleet {
    static FLEET: OnceLock<Fleet> = OnceLock::new();
    FLEET.get_or_init(|| {
        let name = std::env::var("CLOUDER_TEST_FLEET").unwrap_or_else(|_| "tests".to_owned());
        let folder = target().join("fleet").join(&name);
        Fleet::up(&name, &HOSTS, &folder).unwrap_or_else(|error| panic!("no machines to test on: {error}"))
    })
}

/// A machine of the fleet.
///
/// # Panics
/// When there is none of this name.
#[expect(clippy::panic, reason = "a test that names no machine is wrong")]
pub fn host(name: &str) -> &'static Host {
    fleet().host(name).unwrap_or_else(|| panic!("the fleet has no machine {name}"))
}

/// The folder programs are built into.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // target/TRIPLE/debug/deps/this
    program.ancestors().nth(4).unwrap_or(Path::new("target")).to_owned()
}

/// What a run of clouder left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it showed.
    pub shown: String,
}

impl Ran {
    /// Runs a command.
    ///
    /// # Panics
    /// When it cannot be started.
    #[expect(clippy::panic, reason = "a test that cannot run has failed")]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap_or_else(|error| {
            let program = command.get_program().display();
            panic!("cannot run {program}: {error}; `cargo build --workspace` builds it")
        });
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), shown: text(&output.stdout) + &text(&output.stderr) }
    }

    /// The recaps of all playbooks that ran: each host, and its counts.
    fn recaps(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        let lines = self.shown.lines().filter(|line| line.contains(" : ok="));
        lines.filter_map(|line| line.split_once(" : ")).map(|(host, counts)| (host.trim(), counts))
    }

    /// The last recap of a host: `ok=1 changed=0 …`, blanks folded.
    pub fn recap(&self, host: &str) -> String {
        let counts = self.recaps().rfind(|(name, _)| *name == host).map_or("", |(_, counts)| counts);
        counts.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Whether some hosts were worked on, and no playbook changed anything on them; all hosts if none is named.
    pub fn left_alone(&self, hosts: &[&str]) -> bool {
        let is_told = |host: &&str| self.recaps().any(|(name, _)| name == *host);
        let alone = |(_, counts): (&str, &str)| counts.split_whitespace().any(|word| word == "changed=0");
        let mut counted =
            self.recaps().filter(|(name, _)| hosts.is_empty() || hosts.contains(name)).peekable();
        counted.peek().is_some() && hosts.iter().all(is_told) && counted.all(alone)
    }
}

/// A program of this build.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.ancestors().nth(2).unwrap_or(Path::new(".")).join(name)
}

/// The inventory of the fleet.
pub fn inventory() -> String {
    fleet().inventory().display().to_string()
}

/// Runs clouder with the inventory of the fleet.
///
/// # Panics
/// When it was not built.
pub fn clouder(arguments: &[&str]) -> Ran {
    let inventory = inventory();
    clouder_alone(&[arguments, &["-i", &inventory]].concat())
}

/// Runs clouder with what inventory is named.
///
/// # Panics
/// When it was not built.
pub fn clouder_alone(arguments: &[&str]) -> Ran {
    Ran::of(Command::new(program("clouder")).args(arguments).env("NO_COLOR", "1"))
}

/// Runs a command, and kills it as soon as it shows a text.
///
/// # Panics
/// When it never does, or cannot be run.
#[expect(clippy::panic, reason = "a test that cannot run has failed")]
pub fn cut_off(command: &mut Command, at: &str) {
    let mut shown = String::new();
    let running = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running =
        running.unwrap_or_else(|error| panic!("cannot run {}: {error}", command.get_program().display()));
    if let Some(output) = running.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            shown += &format!("{line}\n");
            if line.contains(at) {
                break;
            }
        }
    }
    let _ = running.kill();
    let _ = running.wait();
    assert!(shown.contains(at), "{command:?} never came to {at:?}: {shown}");
}

/// Looks again and again until there is what is waited for.
///
/// # Panics
/// When that takes longer than it may.
pub fn wait<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < patience, "it was waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Writes a text into a file of a folder of its own; the folder goes when the returned value does.
///
/// # Panics
/// When it cannot be written.
#[expect(clippy::panic, reason = "a test that cannot run has failed")]
pub fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    let path = folder.path().join("file.yml");
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    let path = path.display().to_string();
    (folder, path)
}
