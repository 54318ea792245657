//! Secrets of an account and of machines: in nothing that is shown or kept, in no process and no file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::Azure;

/// What machines are given, in the forms in which it may be seen.
const SECRETS: [&str; 4] =
    ["Very-Secret-1234", "secret-in-cloud-config", "c2VjcmV0LWluLWNsb3VkLWNvbmZpZ", "Bearer"];

/// All processes that came of one.
fn descendants(of: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([of]);
    let parent = |process: u32| -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let all: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    loop {
        let more: Vec<u32> = all
            .iter()
            .copied()
            .filter(|one| !found.contains(one) && parent(*one).is_some_and(|parent| found.contains(&parent)))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// The files below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// Looks at what can be seen of a run until it ends: command lines, environments, files. Returns how many processes there were.
fn watch(running: &mut Child, secrets: &[&str], folder: &Path) -> usize {
    let mut seen = BTreeSet::new();
    let told = |what: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let shown = secrets.iter().find(|secret| text.contains(**secret));
        assert!(shown.is_none(), "{} is in {what}: {text}", shown.unwrap_or(&""));
    };
    while running.try_wait().unwrap().is_none() {
        for process in descendants(running.id()) {
            seen.insert(process);
            for part in ["cmdline", "environ"] {
                let path = format!("/proc/{process}/{part}");
                told(&path, &fs::read(&path).unwrap_or_default());
            }
        }
        let mut all = Vec::new();
        files(folder, &mut all);
        for file in all {
            told(&file.display().to_string(), &fs::read(&file).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    seen.len()
}

#[test]
fn secrets_are_nowhere_to_be_seen() {
    let azure = Azure::new("");
    let account = &azure.settings;
    let (_folder, variables) = clouder_tests::file(&format!(
        "{{azure_secret: {}, machine_password: {}, machine_data: '#cloud-config {}'}}",
        account.client_secret, SECRETS[0], SECRETS[1]
    ));
    let home = tempfile::tempdir().unwrap();
    let record = home.path().join("log");
    let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/azure/secrets.yml");
    let variables = format!("@{variables}");
    let secrets = [&[account.client_secret.as_str()][..], &SECRETS].concat();
    for output in ["text", "json"] {
        let arguments =
            ["run", playbook, "-vvvv", "--diff", "-e", &variables, "--output", output, "--forks", "4"];
        let mut command = azure.command(&arguments);
        command
            .env_remove("AZURE_CLIENT_SECRET")
            .env("ANSIBLE_LOG_PATH", &record)
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        let (out, errors) = (running.stdout.take().unwrap(), running.stderr.take().unwrap());
        let read = |mut pipe: Box<dyn std::io::Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).map(|_| text)
            })
        };
        let (out, errors) = (read(Box::new(out)), read(Box::new(errors)));
        let processes = watch(&mut running, &secrets, home.path());
        let shown = out.join().unwrap().unwrap() + &errors.join().unwrap().unwrap();
        assert!(running.wait().unwrap().success(), "{shown}");
        assert!(processes > 2, "nothing was started that could be seen");
        let kept = fs::read_to_string(&record).unwrap();
        assert!(kept.contains("secret machine") && shown.contains("secret machine"), "{shown}");
        for secret in &secrets {
            assert!(!shown.contains(secret) && !kept.contains(secret), "{secret} is shown: {shown}");
        }
    }
}
