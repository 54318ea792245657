//! Machines that do not let us in, are not who they should be, or say nothing: told, and others go on.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clouder_fleet::{ADMIN, OPERATOR};
use clouder_tests::{Ran, clouder, file, fleet, host, inventory};

/// A play in which `cp-1` has a setting that keeps us out, and `worker-1` has not.
fn without_cp_1(name: &str, wrong: &str, right: &str) -> Ran {
    let (_folder, path) = file(&format!(
        "- hosts: all\n  gather_facts: false\n  vars:\n    {name}: \"{{{{ '{wrong}' if inventory_hostname == 'cp-1' else '{right}' }}}}\"\n  tasks:\n    - ping:\n"
    ));
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.recap("cp-1").starts_with("ok=0 changed=0 unreachable=1 "), "{}", ran.shown);
    assert!(ran.recap("worker-1").starts_with("ok=1 changed=0 unreachable=0 "), "{}", ran.shown);
    ran
}

/// A file beside the inventory.
fn beside_inventory(name: &str) -> String {
    Path::new(&inventory()).with_file_name(name).display().to_string()
}

#[test]
fn keys_that_are_wrong_missing_or_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let own = beside_inventory("id_ed25519");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path("other")]).status();
    assert!(made.unwrap().success());
    std::fs::copy(&own, path("open")).unwrap();
    std::fs::set_permissions(path("open"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(path("binary"), b"\x7fELF\0\xff\x1b[31m").unwrap();
    std::fs::set_permissions(path("binary"), std::fs::Permissions::from_mode(0o600)).unwrap();
    for (name, said) in [
        ("other", "hint: no key or password was accepted"),
        ("missing", "missing cannot be read: No such file or directory"),
        ("open", "are too open"),
        ("binary", "Load key "),
    ] {
        let ran = without_cp_1("ansible_ssh_private_key_file", &path(name), &own);
        assert!(ran.shown.contains("Permission denied"), "{name}: {}", ran.shown);
        assert!(ran.shown.contains(said), "{name}: {}", ran.shown);
    }
}

#[test]
fn host_keys_that_are_unknown_or_others() {
    let known = std::fs::read_to_string(beside_inventory("known_hosts")).unwrap();
    let (cp, worker) = (&host("cp-1").address, &host("worker-1").address);
    // The one machine seems to be the other.
    let others: String = known
        .lines()
        .filter(|line| line.contains(worker.as_str()))
        .map(|line| format!("{line}\n{}\n", line.replace(worker.as_str(), cp)))
        .collect();
    let (_folder, path) = file(&others);
    let arguments = |known: &str| format!("-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes");
    let right = arguments(&beside_inventory("known_hosts"));
    let ran = without_cp_1("ansible_ssh_common_args", &arguments(&path), &right);
    assert!(ran.shown.contains("hint: the host has another key than before"), "{}", ran.shown);
    let ran = without_cp_1("ansible_ssh_common_args", &arguments("/dev/null"), &right);
    assert!(ran.shown.contains("hint: the host's key is not known"), "{}", ran.shown);
}

#[test]
fn a_refused_connection_and_a_name_without_address_are_told_and_others_go_on() {
    let (_folder, path) = file(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n      vars:\n        ansible_port: \"{{ 1 if inventory_hostname == 'cp-1' else 22 }}\"\n",
    );
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(
        ran.shown.contains("Connection refused") && ran.shown.contains("hint: nothing listens there"),
        "{}",
        ran.shown
    );
    assert!(ran.recap("worker-1").starts_with("ok=1"), "{}", ran.shown);
    let ran = clouder(&["adhoc", "cp-1", "-e", "ansible_host=no-such-host.invalid", "-m", "ping"]);
    assert!(ran.shown.contains("hint: the name has no address"), "{}", ran.shown);
}

#[test]
fn connecting_is_tried_again_when_asked_for() {
    fleet();
    let started = std::time::Instant::now();
    let settings = "{\"ansible_port\": 1, \"ansible_ssh_retries\": 2}";
    let ran = clouder(&["adhoc", "cp-1", "-e", settings, "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(started.elapsed().as_secs() >= 4, "it did not wait between its tries");
    let ran = clouder(&["adhoc", "cp-1", "-e", "ansible_ssh_executable=/no/ssh", "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("there is no program `/no/ssh`"), "{}", ran.shown);
}

#[test]
fn a_machine_that_does_not_answer_costs_no_more_than_the_timeout() {
    fleet();
    let started = std::time::Instant::now();
    // An address of the fleet's network that nobody has.
    let gateway = fleet().gateway().unwrap();
    let network = gateway.rsplit_once('.').unwrap().0;
    let ran =
        clouder(&["adhoc", "cp-1", "-e", &format!("ansible_host={network}.250"), "-T", "2", "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(started.elapsed().as_secs() < 30, "{}", ran.shown);
}

#[test]
fn a_missing_password_for_sudo_fails_the_host_that_needs_it() {
    let (_folder, path) = file(&format!(
        "- hosts: all\n  gather_facts: false\n  become: true\n  vars:\n    ansible_user: \"{{{{ '{OPERATOR}' if inventory_hostname == 'cp-1' else '{ADMIN}' }}}}\"\n  tasks:\n    - ping:\n"
    ));
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 2, "{}", ran.shown);
    assert!(ran.shown.contains("Missing sudo password"), "{}", ran.shown);
    assert!(ran.recap("cp-1").starts_with("ok=0 changed=0 unreachable=0 failed=1 "), "{}", ran.shown);
    assert!(ran.recap("worker-1").starts_with("ok=1 changed=0 "), "{}", ran.shown);
}

/// A port of this machine on which somebody listens who says this and no more.
fn port(says: &'static str) -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        let mut callers = Vec::new();
        for mut caller in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut caller, says.as_bytes());
            callers.push(caller);
        }
    });
    Ok(port)
}

#[test]
fn hosts_that_hang_cost_no_more_than_the_timeout_and_others_go_on() {
    let line = "id hanger 2>/dev/null || useradd -m -s /usr/local/bin/hang hanger; \
                printf '#!/bin/sh\nexec sleep 60\n' >/usr/local/bin/hang; chmod 755 /usr/local/bin/hang; \
                install -d -o hanger -m 700 ~hanger/.ssh; install -o hanger -m 600 ~/.ssh/authorized_keys ~hanger/.ssh";
    host("cp-1").succeed(line).unwrap();
    let (silent, greets) = (port("").unwrap(), port("SSH-2.0-OpenSSH_9.9\r\n").unwrap());
    let local = "ansible_host: 127.0.0.1, ansible_port";
    let (_folder, more) = file(&format!(
        "all:\n  hosts:\n    silent: {{{local}: {silent}}}\n    greets: {{{local}: {greets}}}\n    cp-1: {{ansible_user: hanger}}\n"
    ));
    let (_play_folder, play) = file("- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n");
    let started = Instant::now();
    let ran = clouder(&["run", &play, "-T", "2", "-i", &more]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(ran.code, 4, "{}", ran.shown);
    for said in [
        "Connection timed out during banner exchange",
        "the connection timed out after 2 seconds",
        "the shell that logged in said nothing within 4 seconds; --timeout gives it more time",
    ] {
        assert!(ran.shown.contains(said), "{said}: {}", ran.shown);
    }
    for name in ["silent", "greets", "cp-1"] {
        assert!(ran.recap(name).starts_with("ok=0 changed=0 unreachable=1 "), "{}", ran.shown);
    }
    assert!(ran.recap("worker-1").starts_with("ok=1 changed=0 unreachable=0 "), "{}", ran.shown);
}
