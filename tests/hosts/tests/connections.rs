//! Reaching real machines, and not reaching them.

use clouder_fleet::{ADMIN, OPERATOR, PASSWORD};
use clouder_tests::{Ran, clouder, file, fleet, host};

fn user(name: &str) -> String {
    format!("ansible_user={name}")
}

#[test]
fn all_machines_answer() {
    let ran = clouder(&["adhoc", "all", "-m", "ping"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert_eq!(ran.shown.matches("\"ping\": \"pong\"").count(), 2, "{}", ran.shown);
}

/// Runs `id -un` as root, become from the user who is asked for a password.
fn becoming(method: &str, password_file: &str) -> Ran {
    let login = user(OPERATOR);
    let become_ = ["-b", "--become-method", method, "--become-password-file", password_file];
    let arguments =
        [&["adhoc", "cp-1", "-e", &login], &become_[..], &["-m", "command", "-a", "id -un"]].concat();
    clouder(&arguments)
}

#[test]
fn sudo_without_a_password() {
    let ran = clouder(&["adhoc", "cp-1", "-e", &user(ADMIN), "-b", "-m", "command", "-a", "id -un"]);
    assert!(ran.shown.contains("rc=0 >>\nroot\n"), "{}", ran.shown);
}

#[test]
fn sudo_and_su_with_a_password() {
    let (_folder, path) = file(&format!("{PASSWORD}\n"));
    for method in ["sudo", "su"] {
        let ran = becoming(method, &path);
        assert!(ran.shown.contains("rc=0 >>\nroot\n"), "{method}: {}", ran.shown);
        assert!(!ran.shown.contains(PASSWORD), "{method} shows the password");
    }
}

#[test]
fn a_missing_or_wrong_password_is_told_at_once() {
    fleet();
    let started = std::time::Instant::now();
    let (_folder, path) = file("wrong\n");
    for method in ["sudo", "su"] {
        let login = user(OPERATOR);
        let ran = clouder(&["adhoc", "cp-1", "-e", &login, "-b", "--become-method", method, "-m", "ping"]);
        assert_eq!(ran.code, 2, "{}", ran.shown);
        assert!(ran.shown.contains(&format!("Missing {method} password")), "{}", ran.shown);
        let ran = becoming(method, &path);
        assert_eq!(ran.code, 2, "{}", ran.shown);
        assert!(ran.shown.contains(&format!("Incorrect {method} password")), "{}", ran.shown);
    }
    assert!(started.elapsed().as_secs() < 60, "it waited for an answer");
}

#[test]
fn a_password_that_is_not_asked_for_is_not_read_as_input() {
    let (_folder, path) = file(&format!("{PASSWORD}\n"));
    // Root may become anybody without a password, whatever is given.
    let become_ = ["-b", "--become-method", "su", "--become-user", ADMIN, "--become-password-file", &path];
    let ran = clouder(&[&["adhoc", "cp-1", "-m", "command", "-a", "id -un"], &become_[..]].concat());
    assert!(ran.shown.contains(&format!("rc=0 >>\n{ADMIN}\n")), "{}", ran.shown);
    let ran = clouder(&[&["adhoc", "cp-1", "-m", "command", "-a", "cat"], &become_[..]].concat());
    assert!(ran.shown.contains("rc=0 >>\n\n"), "{}", ran.shown);
}

#[test]
fn raw_becomes_another_user_too() {
    let (_folder, path) = file(&format!("{PASSWORD}\n"));
    let (_wrong_folder, wrong) = file("wrong\n");
    for method in ["sudo", "su"] {
        let raw = |password: &[&str]| {
            let login = user(OPERATOR);
            let become_ = ["adhoc", "cp-1", "-e", &login, "-b", "--become-method", method];
            clouder(
                &[&become_[..], &["-m", "raw", "-a", "id -un; cat; echo last >&2; exit 3"], password]
                    .concat(),
            )
        };
        let ran = raw(&["--become-password-file", &path]);
        assert_eq!(ran.code, 2, "{}", ran.shown);
        for part in ["rc=3 >>\nroot\n", "last\n"] {
            assert!(ran.shown.contains(part), "{method}: {}", ran.shown);
        }
        let ran = raw(&["--become-password-file", &wrong]);
        assert!(ran.shown.contains(&format!("Incorrect {method} password")), "{}", ran.shown);
        let ran = raw(&[]);
        assert_eq!(ran.code, 2, "{}", ran.shown);
        assert!(ran.shown.contains(&format!("Missing {method} password")), "{}", ran.shown);
    }
}

#[test]
fn commands_run_where_ansible_runs_them() {
    let (folder, path) = file(
        "- hosts: cp-1\n  gather_facts: false\n  tasks:\n    - command: pwd\n      register: there\n    - command: pwd\n      become: true\n      become_user: admin\n      register: become\n    - command: pwd\n      delegate_to: localhost\n      vars: {ansible_connection: local}\n      register: here\n    - debug:\n        msg: \"{{ there.stdout }} {{ become.stdout }} {{ here.stdout }}\"\n",
    );
    let ran = clouder(&["run", &path]);
    // The second may not be where root logged in.
    let expected = format!("/root /home/{ADMIN} {}", folder.path().display());
    assert!(ran.shown.contains(&expected), "{}", ran.shown);
}

#[test]
fn loops_of_two_hosts_on_one_machine_keep_their_orders() {
    let log = format!("/tmp/order-{}", std::process::id());
    let (_folder, path) = file(&format!(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: echo {{{{ inventory_hostname }}}} {{{{ item }}}} >>{log}\n      delegate_to: cp-1\n      loop: \"{{{{ range(40) }}}}\"\n"
    ));
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    let order = host("cp-1").succeed(&format!("cat {log}; rm {log}")).unwrap();
    let expected: Vec<String> = (0..40).map(|turn| turn.to_string()).collect();
    for name in ["cp-1 ", "worker-1 "] {
        let turns: Vec<&str> = order.lines().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(turns, expected, "{order}");
    }
}

#[test]
fn an_agent_killed_within_a_task_is_told_and_others_go_on() {
    let (_folder, path) = file(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: \"[ $(uname -n) = worker-1 ] || kill -9 $PPID; echo alive\"\n    - ping:\n",
    );
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("the connection to the host was lost"), "{}", ran.shown);
    assert!(ran.recap("worker-1").starts_with("ok=2 changed=1"), "{}", ran.shown);
}

#[test]
fn nothing_runs_on_when_a_run_is_over() {
    let ran = clouder(&["adhoc", "worker-1", "-m", "ping"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    // Other tests may be at work on the machine: what they have there must go, too.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let left = || host("worker-1").succeed("ls -d /tmp/.clouder-* 2>/dev/null | wc -l").unwrap();
    while left().trim() != "0" {
        assert!(std::time::Instant::now() < deadline, "an agent left files behind");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
fn the_agent_is_private_and_found_again() {
    clouder(&["adhoc", "cp-1", "-m", "ping"]);
    let folder = host("cp-1")
        .succeed("stat -c '%a %U' /root/.cache/clouder; ls /root/.cache/clouder | wc -l")
        .unwrap();
    assert_eq!(folder, "700 root\n1\n");
}
