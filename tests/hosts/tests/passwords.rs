//! Logging in with a password.

use std::process::Command;

use clouder_fleet::{OPERATOR, PASSWORD};
use clouder_tests::{clouder, file, inventory, program};

/// What opens a key. It is on a command line of this test, where the password of another test must not be.
const PASSPHRASE: &str = "open sesame";

/// What makes ssh ask for a password.
fn by_password() -> String {
    format!(
        "{{\"ansible_user\": \"{OPERATOR}\", \"ansible_ssh_extra_args\": \"-o PubkeyAuthentication=no\"}}"
    )
}

#[test]
fn a_password_lets_us_in_and_a_wrong_one_does_not() {
    let login = by_password();
    let (_folder, right) = file(&format!("ansible_password: {PASSWORD}\n"));
    let by_variable =
        clouder(&["adhoc", "all", "-e", &login, "-e", &format!("@{right}"), "-m", "command", "-a", "id -un"]);
    assert_eq!(by_variable.code, 0, "{}", by_variable.shown);
    assert_eq!(by_variable.shown.matches(&format!("rc=0 >>\n{OPERATOR}\n")).count(), 2);
    let (_folder, right) = file(&format!("{PASSWORD}\n"));
    let by_file =
        clouder(&["adhoc", "cp-1", "-e", &login, "--connection-password-file", &right, "-m", "ping"]);
    assert_eq!(by_file.code, 0, "{}", by_file.shown);
    let (_folder, wrong) = file("wrong\n");
    let started = std::time::Instant::now();
    let ran = clouder(&["adhoc", "cp-1", "-e", &login, "--connection-password-file", &wrong, "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("Permission denied") && ran.shown.contains("hint: "), "{}", ran.shown);
    assert!(started.elapsed().as_secs() < 30, "it waited for another answer");
    let ran = clouder(&["adhoc", "cp-1", "-e", &login, "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("Permission denied"), "{}", ran.shown);
}

#[test]
fn a_key_is_opened_with_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let own = std::path::Path::new(&inventory()).with_file_name("id_ed25519");
    std::fs::copy(own, &key).unwrap();
    let changed = Command::new("ssh-keygen")
        .args(["-q", "-p", "-N", PASSPHRASE, "-f"])
        .arg(&key)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(changed.unwrap().success());
    let named = format!("ansible_ssh_private_key_file={}", key.display());
    for (passphrase, code) in [(PASSPHRASE, 0), ("wrong", 4)] {
        let (_folder, path) = file(&format!("ansible_ssh_private_key_passphrase: {passphrase}\n"));
        let ran = clouder(&["adhoc", "cp-1", "-e", &named, "-e", &format!("@{path}"), "-m", "ping"]);
        assert_eq!(ran.code, code, "{}", ran.shown);
    }
}

#[test]
fn an_unknown_host_key_is_not_accepted_for_a_password() {
    let (_folder, right) = file(&format!("{PASSWORD}\n"));
    let login =
        "{\"ansible_user\": \"operator\", \"ansible_ssh_common_args\": \"-o UserKnownHostsFile=/dev/null\"}";
    let ran = clouder(&["adhoc", "cp-1", "-e", login, "--connection-password-file", &right, "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("hint: the host's key is not known"), "{}", ran.shown);
}

/// What all processes of this machine were started with.
fn seen() -> Vec<u8> {
    let mut seen = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        for name in ["cmdline", "environ"] {
            seen.extend(std::fs::read(process.path().join(name)).unwrap_or_default());
            seen.push(b'\n');
        }
    }
    seen
}

#[test]
fn passwords_are_in_no_argument_and_no_environment() {
    let (_folder, right) = file(&format!("{PASSWORD}\n"));
    let login = by_password();
    let mut running = Command::new(program("clouder"))
        .args(["adhoc", "all", "-i", &inventory(), "-e", &login, "--connection-password-file", &right])
        .args(["-b", "--become-password-file", &right, "-m", "command", "-a", "sleep 2"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (mut all, mut ssh) = (Vec::new(), false);
    while running.try_wait().unwrap().is_none() {
        let now = seen();
        ssh |= now.windows(b"SSH_ASKPASS=".len()).any(|part| part == b"SSH_ASKPASS=");
        all.extend(now);
    }
    assert!(running.wait().unwrap().success());
    assert!(ssh, "ssh was never seen: this test would not see the password either");
    assert!(!all.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
}
