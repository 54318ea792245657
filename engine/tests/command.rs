//! Commands, and what they tell.
//!
//! Each folder below `command/` is one case: its files are copied to a place of their own, where `sh` runs `commands`;
//! `output.snap` holds what was told and the exit code. `clouder` is found by its name, and by those of Ansible's tools. A
//! new case needs a folder and no Rust; `INSTA_UPDATE=always cargo test -p clouder --test command` writes its snapshot.

mod cases;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

const TOOLS: [&str; 7] = [
    "clouder",
    "ansible",
    "ansible-playbook",
    "ansible-inventory",
    "ansible-vault",
    "ansible-config",
    "ansible-doc",
];

fn output(case: &Path) -> std::io::Result<String> {
    let place = tempfile::tempdir()?;
    let (files, programs) = (place.path().join("files"), place.path().join("programs"));
    let copied = Command::new("cp").arg("-r").arg(case).arg(&files).status()?;
    assert!(copied.success());
    fs::create_dir(&programs)?;
    let clouder = Path::new(env!("CARGO_BIN_EXE_clouder"));
    for tool in TOOLS {
        symlink(clouder, programs.join(tool))?;
    }
    symlink(clouder.with_file_name("clouder-agent"), programs.join("clouder-agent"))?;
    let ran = Command::new("sh")
        .args(["-c", "exec 2>&1; . ./commands"])
        .current_dir(&files)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", programs.display()))
        .env("HOME", place.path())
        .env("USER", "tester")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .output()?;
    let told = String::from_utf8_lossy(&ran.stdout)
        .replace(&files.display().to_string(), ".")
        .replace(&place.path().display().to_string(), "~");
    let told: String = told.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let code = ran.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
    Ok(format!("{told}exit code: {code}"))
}

#[test]
fn output_is_that_of_the_snapshots() {
    cases::compare("command", "output", |case| output(case).unwrap());
}
