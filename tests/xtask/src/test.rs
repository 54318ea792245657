//! `cargo xtask test`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::command::{ChoreError, agent, built, cargo, line, run};

/// What the agent may weigh on its way to a host, in bytes.
const LIMIT: u64 = 1_500_000;

/// The package of the tests that need machines.
const ON_MACHINES: &str = "clouder-tests";

/// The package of the comparisons with ansible-core, and what they are called.
const COMPARED: &str = "clouder-compare";
const COMPARISONS: &str = "compare";

/// Where the tests on machines are.
const MACHINE_TESTS: &str = "tests/hosts/tests";

/// The one of them that takes longer than all others, which run beside it.
const LONGEST: &str = "clusters";

/// Where the agent is as it is released.
fn agents() -> Result<PathBuf, ChoreError> {
    std::path::absolute(built("agent")).map_err(|error| ChoreError::Other(error.to_string()))
}

/// Passes all checks and tests.
pub(crate) fn all() -> Result<(), ChoreError> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    // What goes wrong there is told by the tests that need machines.
    std::thread::spawn(clouder_fleet::prepare);
    // It has a profile of its own, and so waits for no other build.
    let agent = std::thread::spawn(agent_size);
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    // The programs, too, which tests of connections start; at once, or what tests need would have most compiled again, with other
    // features. The agent is the one that is released.
    run(&mut cargo(&["build", "--workspace", "--all-targets", "--locked"]))?;
    agent.join().map_err(|_| ChoreError::Other("what builds the agent ended early".to_owned()))??;
    let on_machines = on_machines();
    // Comparisons take what processors the others leave.
    let compared = Beside::begin("comparisons", &["--test", COMPARISONS])?;
    let tests = [
        "test",
        "--workspace",
        "--exclude",
        ON_MACHINES,
        "--exclude",
        COMPARED,
        "--locked",
        "--no-fail-fast",
    ];
    let others = run(cargo(&tests).env("CLOUDER_AGENT_PATH", agents()?));
    compared.end().and(others).and(on_machines)
}

/// Passes the tests on machines, those of clusters beside the others. Nothing else goes on meanwhile: a dozen machines that have to
/// wait for something else take longer by more than that takes.
fn on_machines() -> Result<(), ChoreError> {
    let tests = tests_in(Path::new(MACHINE_TESTS))?;
    let short = tests.iter().filter(|name| *name != LONGEST).flat_map(|name| ["--test", name]);
    let short: Vec<&str> = short.chain(["--", "--test-threads", "3"]).collect();
    // Those of clusters wait more than they work.
    let long = ["--test", LONGEST, "--", "--test-threads", "4"];
    let running = [Beside::begin(LONGEST, &long)?, Beside::begin("hosts", &short)?];
    running.map(Beside::end).into_iter().collect()
}

/// Some of the tests, while they run beside others.
struct Beside {
    running: Child,
    line: String,
    said: PathBuf,
}

impl Beside {
    /// Starts tests. Each is named by itself: naming the package alone would compile what it uses with other features.
    fn begin(called: &str, which: &[&str]) -> Result<Self, ChoreError> {
        let words = [&["test", "--workspace", "--locked", "--no-fail-fast"], which].concat();
        let said = built("debug").join(format!("tests-of-{called}.log"));
        let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", said.display()));
        let file = File::create(&said).map_err(told)?;
        let mut command = cargo(&words);
        command.env("CLOUDER_AGENT_PATH", agents()?);
        command.stdout(file.try_clone().map_err(told)?).stderr(file);
        let line = line(&command);
        println!("+ {line} >{} &", said.display());
        match command.spawn() {
            Ok(running) => Ok(Self { running, line, said }),
            Err(source) => Err(ChoreError::Start { line, source }),
        }
    }

    /// Waits for them, and shows what they said.
    fn end(mut self) -> Result<(), ChoreError> {
        let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", self.said.display()));
        let status = self.running.wait().map_err(told)?;
        let mut said = File::open(&self.said).map_err(told)?;
        println!("+ {}", self.line);
        std::io::copy(&mut said, &mut std::io::stdout()).map_err(told)?;
        if status.success() { Ok(()) } else { Err(ChoreError::Failed { line: self.line, status }) }
    }
}

/// The tests that a folder of them holds: each file, and each folder with a `main.rs`.
fn tests_in(folder: &Path) -> Result<Vec<String>, ChoreError> {
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let is_test = path.join("main.rs").exists() || path.extension().is_some_and(|ending| ending == "rs");
        names.extend(path.file_stem().filter(|_| is_test).map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// The agent as it is released must stay small: it travels to every host.
fn agent_size() -> Result<(), ChoreError> {
    let (_, packed) = agent()?;
    let told = |error: std::io::Error| ChoreError::Other(format!("{}: {error}", packed.display()));
    let size = std::fs::metadata(&packed).map_err(told)?.len();
    println!("the agent travels as {size} bytes, of {LIMIT} that it may be");
    if size > LIMIT {
        return Err(ChoreError::Other("the agent has grown too large".to_owned()));
    }
    Ok(())
}
