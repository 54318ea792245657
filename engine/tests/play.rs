//! Playbooks that run on this machine, and what is told of them.
//!
//! Each folder below `play/` is one case: `playbook.yml` runs with forks 1 on the hosts of `inventory` (without one, on `a`
//! and `b`), with the words of `arguments` on its command line, and `output.snap` beside it holds what was told and the
//! exit code. A new case needs a folder and no Rust; `INSTA_UPDATE=always cargo test -p clouder --test play` writes its
//! snapshot. What it holds must agree with ansible-core.

mod cases;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn output(case: &Path) -> std::io::Result<String> {
    let clouder = Path::new(env!("CARGO_BIN_EXE_clouder"));
    let agent = clouder.with_file_name("clouder-agent");
    assert!(agent.is_file(), "{} is missing: build it with `cargo build --workspace`", agent.display());
    let inventory = if case.join("inventory").exists() { "inventory" } else { "a,b," };
    let arguments = fs::read_to_string(case.join("arguments")).unwrap_or_default();
    let ran = Command::new(clouder)
        .args(["run", "-c", "local", "-f", "1", "-i", inventory])
        .args(arguments.split_whitespace())
        .arg("playbook.yml")
        .current_dir(case)
        .env("CLOUDER_PYTHON", "/none")
        .stdin(Stdio::null())
        .output()?;
    let folder = case.display().to_string();
    let told = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("");
    let told: String =
        told.replace(&folder, ".").lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let code = ran.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
    Ok(format!("{told}exit code: {code}"))
}

#[test]
fn output_is_that_of_the_snapshots() {
    cases::compare("play", "output", |case| output(case).unwrap());
}

#[test]
fn an_include_without_an_end_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let again = "- include_tasks: again.yml\n";
    fs::write(folder.path().join("again.yml"), again).unwrap();
    let play = format!("- hosts: a\n  gather_facts: false\n  tasks:\n    {again}");
    fs::write(folder.path().join("playbook.yml"), play).unwrap();
    let told = output(folder.path()).unwrap();
    assert!(told.contains("includes lead to includes without an end"), "{told}");
    assert!(told.ends_with("exit code: 2"), "{told}");
}
