//! Containers of this machine, and hosts that hold little, or let little be done.

use clouder_fleet::{ADMIN, OPERATOR, PASSWORD};
use clouder_tests::{Container, clouder_alone, file, host, machine_image, program, shell_image};

/// Writes a file twice, and runs a command.
const PLAY: &str = "- hosts: box\n  gather_facts: false\n  tasks:\n    - copy: {content: hello, dest: /made, mode: \"0640\"}\n    - command: /bin/sh -c 'read -r text </made; echo \"$text from $0\"'\n      register: said\n      changed_when: false\n    - assert: {that: said.stdout == 'hello from /bin/sh'}\n    - raw: echo raw\n      register: said\n      changed_when: false\n    - assert: {that: \"said.stdout == 'raw\\n'\"}\n";

#[test]
fn nothing_but_a_shell_is_needed() {
    for bare in Container::bare(&[]) {
        let ((_one, inventory), (_two, play)) = (bare.inventory(), file(PLAY));
        let first = clouder_alone(&["run", &play, "-i", &inventory]);
        assert!(first.recap("box").starts_with("ok=5 changed=1 unreachable=0 failed=0 "), "{}", first.shown);
        let second = clouder_alone(&["run", &play, "-i", &inventory]);
        assert!(second.recap("box").starts_with("ok=5 changed=0 "), "{}", second.shown);
        // There is nothing there to look with.
        assert_eq!(
            bare.shell("command -v ls cat mkdir chmod uname; echo /.clouder-agent-*; echo /tmp*"),
            bare.shell("echo /.clouder-agent-????????????????????????; echo '/tmp*'")
        );
    }
}

#[test]
fn the_controller_needs_no_more_to_work_on_itself() {
    let bare = Container::start(shell_image(), &[]);
    let (_folder, play) = file(PLAY);
    for file in [program("clouder"), program("clouder-agent"), play.into()] {
        bare.put(&file);
    }
    for changed in [1, 0] {
        let said = bare.shell("/clouder run -i box, -c local /file.yml");
        let expected = format!("ok=5    changed={changed}    unreachable=0    failed=0");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn a_user_who_is_not_root_needs_no_more() {
    for bare in Container::bare(&["-u", "1234:1234"]) {
        let (_folder, inventory) = bare.inventory();
        let make = ["adhoc", "box", "-i", &inventory, "-m", "tempfile", "-a", "path=/dev/shm"];
        let ran = clouder_alone(&make);
        assert!(ran.shown.contains("\"uid\": 1234"), "{}", ran.shown);
        let ran = clouder_alone(&[&make[..], &["-e", "ansible_user=0"]].concat());
        assert!(ran.shown.contains("\"uid\": 0"), "{}", ran.shown);
    }
}

#[test]
fn where_nothing_can_be_put_that_is_told() {
    let bare = Container::start(shell_image(), &["--read-only"]);
    let (_folder, inventory) = bare.inventory();
    let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "ping"]);
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("`docker cp` cannot put it into the container"), "{}", ran.shown);
}

#[test]
fn a_container_that_does_not_run_is_told() {
    for stopped in Container::bare(&[]) {
        let engine = stopped.engine;
        stopped.act("kill");
        let (_folder, inventory) = stopped.inventory();
        for (module, arguments) in [("ping", ""), ("raw", "echo here")] {
            let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", module, "-a", arguments]);
            assert_eq!(ran.code, 4, "{}", ran.shown);
            assert!(ran.shown.contains(&format!("hint: start it with `{engine} start ")), "{}", ran.shown);
        }
        stopped.act("rm");
        let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "ping"]);
        assert_eq!(ran.code, 4, "{}", ran.shown);
        assert!(ran.shown.contains(&format!("hint: `{engine} ps` lists what runs")), "{}", ran.shown);
    }
}

#[test]
fn users_are_logged_in_and_become_within() {
    let podman = Container::of_podman(&machine_image(), &[]);
    for (engine, name) in [("docker", host("cp-1").container()), ("podman", &podman.name)] {
        users_of(engine, name);
    }
}

fn users_of(engine: &str, name: &str) {
    let (_folder, inventory) = file(&format!(
        "all:\n  hosts:\n    box:\n      ansible_connection: {engine}\n      ansible_host: {name}\n"
    ));
    let id = |arguments: &[&str]| {
        clouder_alone(
            &[&["adhoc", "box", "-i", &inventory, "-m", "command", "-a", "id -un"], arguments].concat(),
        )
    };
    let login = |user: &str| format!("ansible_user={user}");
    let ran = id(&[]);
    assert!(ran.shown.contains("rc=0 >>\nroot\n"), "{engine}: {}", ran.shown);
    let ran = id(&["-e", &login(ADMIN)]);
    assert!(ran.shown.contains(&format!("rc=0 >>\n{ADMIN}\n")), "{engine}: {}", ran.shown);
    let ran = id(&["-e", &login(ADMIN), "-b"]);
    assert!(ran.shown.contains("rc=0 >>\nroot\n"), "{engine}: {}", ran.shown);
    let (_folder, password) = file(&format!("{PASSWORD}\n"));
    for method in ["sudo", "su"] {
        let become_ = ["-b", "--become-method", method, "-e"];
        let ran = id(&[&become_[..], &[&login(OPERATOR), "--become-password-file", &password]].concat());
        assert!(ran.shown.contains("rc=0 >>\nroot\n"), "{engine}: {}", ran.shown);
        let ran = id(&[&become_[..], &[&login(OPERATOR)]].concat());
        assert_eq!(ran.code, 2, "{engine}: {}", ran.shown);
        assert!(ran.shown.contains(&format!("Missing {method} password")), "{engine}: {}", ran.shown);
    }
    let ran = id(&["-e", "ansible_user=nobody-there"]);
    assert_eq!(ran.code, 4, "{engine}: {}", ran.shown);
    assert!(
        ran.shown.contains("hint: ansible_user names a user of the container"),
        "{engine}: {}",
        ran.shown
    );
}

#[test]
fn folders_that_programs_may_not_be_run_from_are_passed_over() {
    let options = [
        "--tmpfs",
        "/root:noexec",
        "--tmpfs",
        "/tmp:noexec",
        "--tmpfs",
        "/var/tmp:noexec",
        "--tmpfs",
        "/dev/shm:noexec",
    ];
    let host = Container::start(&machine_image(), &options);
    let (_folder, inventory) = host.inventory();
    let (_script_folder, script) = file("#!/bin/sh\necho \"run from $0\"\n");
    let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "ping"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert_eq!(
        host.shell(
            "find / -xdev -name 'agent-*' -path '*clouder*'; find /root /tmp /var/tmp /dev/shm -type f"
        )
        .lines()
        .count(),
        1
    );
    // Neither are scripts of a playbook.
    let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "script", "-a", &script]);
    assert!(ran.shown.contains("run from /run/"), "{}", ran.shown);
}

#[test]
fn where_programs_may_be_run_from_nowhere_the_agent_comes_from_outside() {
    let all = ["/root", "/tmp", "/var/tmp", "/dev/shm", "/run"].map(|folder| format!("{folder}:noexec"));
    let options: Vec<&str> = all.iter().flat_map(|folder| ["--tmpfs", folder]).collect();
    let host = Container::start(&machine_image(), &options);
    let (_folder, inventory) = host.inventory();
    let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "ping"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert!(host.shell("echo /.clouder-*").starts_with("/.clouder-agent-"));
}

#[test]
fn a_full_disk_does_not_keep_the_agent_from_starting() {
    let options = ["--tmpfs", "/root:exec,size=256k", "--tmpfs", "/var/tmp:exec,size=256k"];
    let host = Container::start(&machine_image(), &options);
    let (_folder, inventory) = host.inventory();
    let ran = clouder_alone(&["adhoc", "box", "-i", &inventory, "-m", "ping"]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    assert_eq!(host.shell("find /root /var/tmp -type f; ls /tmp/.clouder-0 | wc -l"), "1");
}

#[test]
fn a_disk_that_becomes_full_leaves_no_half_file() {
    let host =
        Container::start(&machine_image(), &["--tmpfs", "/small:size=1m", "--tmpfs", "/tmp:exec,size=2m"]);
    let (_folder, inventory) = host.inventory();
    let content = tempfile::tempdir().unwrap();
    let big = content.path().join("big");
    // What cannot be compressed.
    let mut state = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(5 << 20)
    .collect();
    std::fs::write(&big, &bytes).unwrap();
    let (_play_folder, play) = file(&format!(
        "- hosts: box\n  gather_facts: false\n  tasks:\n    - copy: {{src: {0}, dest: /small/file}}\n      ignore_errors: true\n    - copy: {{src: {0}, dest: /roomy}}\n    - copy: {{src: {0}, dest: /small/file}}\n",
        big.display()
    ));
    host.shell("echo old >/small/file");
    let ran = clouder_alone(&["run", &play, "-i", &inventory]);
    assert_eq!(ran.code, 2, "{}", ran.shown);
    assert!(ran.recap("box").starts_with("ok=2 changed=1 unreachable=0 failed=1 "), "{}", ran.shown);
    assert!(ran.shown.contains("No space left on device"), "{}", ran.shown);
    // The temporary folder was too small, too: another was found.
    assert_eq!(host.shell("stat -c %s /roomy"), (5 << 20).to_string());
    assert_eq!(host.shell("ls -A /small; cat /small/file; ls -A /tmp"), "file\nold");
}
