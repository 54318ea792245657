//! Runs and connections that are cut off.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clouder_tests::{clouder, file, host, inventory, program, wait};

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    wait(what, Duration::from_secs(60), || is_so().then_some(()));
}

/// A run under way.
fn start(arguments: &[&str]) -> std::io::Result<Child> {
    Command::new(program("clouder"))
        .args(arguments)
        .args(["-i", &inventory()])
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .spawn()
}

/// Sends a signal; returns the exit code and what was shown.
fn signalled(running: Child, signal: &str) -> std::io::Result<(Option<i32>, String)> {
    Command::new("kill").args([signal, &running.id().to_string()]).status()?;
    let output = running.wait_with_output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Whether a process with this command line runs on the machine.
fn runs(machine: &str, line: &str) -> bool {
    host(machine).exec(&format!("pgrep -fx '{line}'")).is_ok_and(|found| found.code == 0)
}

#[test]
fn an_interrupted_run_ends_its_commands() {
    for (signal, seconds) in [("-INT", "3141"), ("-TERM", "3142")] {
        let line = format!("sleep {seconds}");
        let running = start(&["adhoc", "all", "-m", "command", "-a", &line]).unwrap();
        until("the command to run", || runs("cp-1", &line) && runs("worker-1", &line));
        let started = Instant::now();
        let (code, shown) = signalled(running, signal).unwrap();
        assert_eq!(code, Some(99), "{shown}");
        assert!(started.elapsed().as_secs() < 15, "it did not end at once");
        until("the command to end", || !runs("cp-1", &line) && !runs("worker-1", &line));
    }
}

#[test]
fn an_interrupted_copy_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let big = folder.path().join("big");
    // A sparse file: large, yet no burden here. All of it is read before any is sent.
    std::fs::File::create(&big).unwrap().set_len(2 << 30).unwrap();
    let arguments = format!("src={} dest=/root/interrupted/file", big.display());
    host("worker-1")
        .succeed("rm -rf /root/interrupted; mkdir /root/interrupted; echo old >/root/interrupted/file")
        .unwrap();
    // The folder of the host's agent that takes this content.
    let taken = "find /tmp/.clouder-* -name '*-*' -size +10M 2>/dev/null; true";
    let running = start(&["adhoc", "worker-1", "-m", "copy", "-a", &arguments]).unwrap();
    until("the copy to be under way", || !host("worker-1").succeed(taken).unwrap().is_empty());
    let (code, shown) = signalled(running, "-INT").unwrap();
    assert_eq!(code, Some(99), "{shown}");
    until("the content to go", || host("worker-1").succeed(taken).unwrap().is_empty());
    let left = host("worker-1").succeed("ls -A /root/interrupted; cat /root/interrupted/file").unwrap();
    assert_eq!(left, "file\nold\n");
}

#[test]
fn packages_are_installed_to_their_end_whatever_ends_the_run() {
    let machine = host("worker-1");
    // Its configuration takes a while, and dpkg cannot be left there.
    let package = "mkdir -p /root/slow/DEBIAN && cd /root/slow/DEBIAN && printf 'Package: clouder-slow\nVersion: 1\nArchitecture: \
         all\nMaintainer: nobody <nobody@example.org>\nDescription: slow\n' >control && printf '#!/bin/sh\nsleep 8\n' >postinst \
         && chmod 755 postinst && dpkg-deb --build /root/slow /root/slow.deb";
    let state = || machine.exec("dpkg-query --show --showformat '${Status}' clouder-slow").unwrap().stdout;
    let configures = "/bin/sh /var/lib/dpkg/info/clouder-slow.postinst configure.*";
    for signal in ["-INT", "-KILL"] {
        machine.succeed(&format!("dpkg --purge clouder-slow 2>/dev/null; {package}")).unwrap();
        let running = start(&["adhoc", "worker-1", "-m", "apt", "-a", "deb=/root/slow.deb"]).unwrap();
        until("it is configured", || runs("worker-1", configures));
        signalled(running, signal).unwrap();
        assert!(runs("worker-1", configures), "it was ended");
        until("it is installed", || state() == "install ok installed");
    }
    let again =
        clouder(&["adhoc", "worker-1", "-m", "apt", "-a", "name=clouder-slow state=absent purge=true"]);
    assert_eq!(again.code, 0, "{}", again.shown);
}

/// A line of shell for the controller that ends the ssh connections with a mark, and an argument that marks them.
fn marked(mark: &str) -> (String, String) {
    let pattern = format!("[M]ARK_{mark}_{}", std::process::id());
    let line = format!("kill $(pgrep -f '{pattern}'); sleep 1");
    (line, format!("ansible_ssh_extra_args: -o SetEnv={}=1", pattern.replace(['[', ']'], "")))
}

#[test]
fn a_connection_that_ended_between_tasks_is_made_again() {
    let (end, mark) = marked("between");
    let (_folder, path) = file(&format!(
        "- hosts: cp-1\n  gather_facts: false\n  vars:\n    {mark}\n  tasks:\n    - ping:\n    - command: sh -c \"{end}\"\n      delegate_to: localhost\n      vars: {{ansible_connection: local}}\n    - ping:\n    - raw: echo one\n    - command: sh -c \"{end}\"\n      delegate_to: localhost\n      vars: {{ansible_connection: local}}\n    - raw: echo two\n"
    ));
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert!(ran.recap("cp-1").starts_with("ok=6 "), "{}", ran.shown);
}

#[test]
fn a_connection_that_ends_within_a_task_is_told_and_made_again() {
    let (end, mark) = marked("within");
    let (_folder, path) = file(&format!(
        "- hosts: cp-1\n  gather_facts: false\n  vars:\n    {mark}\n  tasks:\n    - command: sleep 2718\n      ignore_unreachable: true\n    - ping:\n    - command: sleep 2719\n    - ping:\n"
    ));
    let running = start(&["run", &path]).unwrap();
    for seconds in ["2718", "2719"] {
        until("the command to run", || runs("cp-1", &format!("sleep {seconds}")));
        let ended = Command::new("/bin/sh").args(["-c", &end]).status().unwrap();
        assert!(ended.success());
        until("the command to end", || !runs("cp-1", &format!("sleep {seconds}")));
    }
    let output = running.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{shown}");
    assert_eq!(shown.matches("the connection to the host was lost").count(), 2, "{shown}");
    assert_eq!(shown.matches("ok: [cp-1]").count(), 1, "{shown}");
}

#[test]
fn a_connection_that_a_setting_ends_when_idle_lasts() {
    let (_folder, path) = file(
        "- hosts: cp-1\n  gather_facts: false\n  vars:\n    ansible_ssh_extra_args: -o ControlPersist=1s -o ControlMaster=auto\n  tasks:\n    - raw: echo one\n    - command: sleep 3\n      delegate_to: localhost\n      vars: {ansible_connection: local}\n    - raw: echo two\n",
    );
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
}
