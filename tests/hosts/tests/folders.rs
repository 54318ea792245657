//! Folders that programs may not be run from, and full ones, on a machine that is reached over ssh. A program of its own:
//! the folders are those of all tests.

use std::sync::{Mutex, PoisonError};

use clouder_fleet::{ADMIN, FleetError, OPERATOR, PASSWORD};
use clouder_tests::{Ran, clouder, docker, file, host, program};

static ALONE: Mutex<()> = Mutex::new(());

/// All folders that a user who is not root may be given an agent in, besides the home.
const SHARED: [&str; 3] = ["/var/tmp", "/tmp", "/dev/shm"];

/// File systems over folders of `cp-1`; they go when this is dropped.
struct Mounted(Vec<String>);

impl Mounted {
    /// Mounts a file system in memory with these options over each folder; a home stays one that can be logged into.
    fn over(folders: &[&str], options: &str) -> Result<Self, FleetError> {
        let mut mounted = Self(Vec::new());
        for folder in folders {
            mounted.0.push((*folder).to_owned());
            let mount = format!("mount -t tmpfs -o mode=1777,{options} none {folder}");
            host("cp-1").succeed(&if *folder == home() {
                format!(
                    "{mount} && chown {ADMIN} {folder} && chmod 755 {folder} && install -d -o {ADMIN} -m 700 {folder}/.ssh \
                     && install -o {ADMIN} -m 600 /root/.ssh/authorized_keys {folder}/.ssh"
                )
            } else {
                mount
            })?;
        }
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            let _ = host("cp-1").exec(&format!("umount -l {folder}"));
        }
    }
}

fn home() -> String {
    format!("/home/{ADMIN}")
}

/// Runs a play on both machines, on which tasks run as a user who is not root.
fn run(tasks: &str) -> Ran {
    let (_folder, path) = file(&format!(
        "- hosts: all\n  gather_facts: false\n  vars: {{ansible_user: {ADMIN}}}\n  tasks:\n{tasks}"
    ));
    clouder(&["run", &path])
}

#[test]
fn programs_run_where_neither_home_nor_tmp_lets_them() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let _mounted = Mounted::over(&[&home(), "/tmp", "/dev/shm"], "noexec").unwrap();
    host("cp-1").succeed("rm -rf /var/tmp/.clouder-*").unwrap();
    let (_folder, script) = file("#!/bin/sh\necho \"run by $(id -un)\"\n");
    let tasks = format!(
        "    - script: {script}\n      register: said\n    - debug: {{var: said.stdout}}\n    - command: id -un\n      become: true\n      become_user: operator\n      register: said\n    - debug: {{var: said.stdout}}\n"
    );
    let ran = run(&tasks);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    for who in [format!("run by {ADMIN}"), "operator".to_owned()] {
        assert_eq!(ran.shown.matches(&format!("\"said.stdout\": \"{who}")).count(), 2, "{}", ran.shown);
    }
    // It is found again, and looked for by no other name.
    let ran = run("    - ping:\n");
    assert_eq!(ran.code, 0, "{}", ran.shown);
    let agents = "find / -xdev -path '*clouder*' -name 'agent-*' -user";
    let found =
        host("cp-1").succeed(&format!("{agents} {ADMIN}; find {} /tmp /dev/shm -type f -perm /111", home()));
    let found = found.unwrap();
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.starts_with("/var/tmp/.clouder-"), "{found}");
}

#[test]
fn a_controller_works_on_itself_and_becomes_another_user_there() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let machine = host("cp-1");
    for name in ["clouder", "clouder-agent"] {
        let to = format!("{}:/usr/local/bin/{name}", machine.container());
        docker(&["cp", &program(name).display().to_string(), &to]);
    }
    let _mounted = Mounted::over(&[&home(), "/tmp"], "noexec").unwrap();
    let (_folder, script) = file("#!/bin/sh\necho \"run by $(id -un)\"\n");
    docker(&["cp", &script, &format!("{}:/srv/script", machine.container())]);
    machine
        .succeed(&format!("chmod 755 /srv/script; echo '{PASSWORD}' >/srv/right; echo wrong >/srv/wrong"))
        .unwrap();
    let local = "clouder adhoc here -i here, -c local -m script -a /srv/script";
    for (user, options, code, said) in [
        (ADMIN, "", 0, "run by admin"),
        (ADMIN, "-b", 0, "run by root"),
        (OPERATOR, "-b --become-password-file /srv/right", 0, "run by root"),
        (OPERATOR, "-b --become-method su --become-password-file /srv/right", 0, "run by root"),
        (OPERATOR, "-b --become-password-file /srv/wrong", 2, "Incorrect sudo password"),
        (OPERATOR, "-b", 2, "Missing sudo password"),
    ] {
        let ran =
            machine.exec(&format!("cd /; runuser -u {user} -- env HOME=/home/{user} {local} {options}"));
        let ran = ran.unwrap();
        assert_eq!(ran.code, code, "{user} {options}: {ran:?}");
        assert!(ran.stdout.contains(said), "{user} {options}: {ran:?}");
    }
}

#[test]
fn where_no_program_may_be_run_that_is_told_and_others_go_on() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = home();
    let all = [&[home.as_str()], &SHARED[..]].concat();
    let _mounted = Mounted::over(&all, "noexec").unwrap();
    let ran = run("    - ping:\n");
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert!(ran.shown.contains("cannot start the agent: no folder is fit for it: "), "{}", ran.shown);
    for folder in ["/home/admin/.cache/clouder", "/var/tmp/.clouder-", "/tmp/.clouder-", "/dev/shm/.clouder-"]
    {
        assert!(ran.shown.contains(folder), "{folder}: {}", ran.shown);
    }
    assert_eq!(ran.shown.matches("programs there cannot be executed").count(), 4, "{}", ran.shown);
    assert!(ran.recap("cp-1").starts_with("ok=0 changed=0 unreachable=1 "), "{}", ran.shown);
    assert!(ran.recap("worker-1").starts_with("ok=1 "), "{}", ran.shown);
}

#[test]
fn where_everything_is_full_that_is_told_and_nothing_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let home = home();
    let all = [&[home.as_str()], &SHARED[..]].concat();
    let _mounted = Mounted::over(&all, "exec,size=256k").unwrap();
    let ran = run("    - ping:\n");
    assert_eq!(ran.code, 4, "{}", ran.shown);
    assert_eq!(ran.shown.matches("(is the disk full?)").count(), 4, "{}", ran.shown);
    assert!(ran.recap("worker-1").starts_with("ok=1 "), "{}", ran.shown);
    let left = host("cp-1").succeed(&format!("find {} -type f ! -path '*/.ssh/*'", all.join(" "))).unwrap();
    assert_eq!(left, "");
}

#[test]
fn a_full_disk_keeps_the_old_file_and_others_go_on() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    host("cp-1").succeed("mkdir -p /srv/small").unwrap();
    host("worker-1").succeed("mkdir -p /srv/small; chmod 1777 /srv/small; rm -f /srv/small/file").unwrap();
    let _mounted = Mounted::over(&["/srv/small"], "size=1m").unwrap();
    host("cp-1").succeed(&format!("echo old >/srv/small/file; chown {ADMIN} /srv/small/file")).unwrap();
    let text = "x".repeat(2 << 20);
    let (_folder, template) = file(&format!("{text}{{{{ inventory_hostname }}}}"));
    let ran = run(&format!(
        "    - lineinfile: {{path: /srv/small/file, create: true, line: \"{{{{ 'y' * 2000000 }}}}\"}}\n      ignore_errors: true\n    - template: {{src: {template}, dest: /srv/small/file}}\n"
    ));
    assert_eq!(ran.code, 2, "{}", ran.shown);
    assert_eq!(
        ran.shown.matches("No space left on device").count(),
        2,
        "{}",
        &ran.shown[..ran.shown.len().min(3000)]
    );
    assert!(ran.recap("cp-1").starts_with("ok=1 changed=0 unreachable=0 failed=1 "), "{}", ran.recap("cp-1"));
    assert!(ran.recap("worker-1").starts_with("ok=2 changed=2 "), "{}", ran.recap("worker-1"));
    assert_eq!(host("cp-1").succeed("ls -A /srv/small; cat /srv/small/file").unwrap(), "file\nold\n");
    assert_eq!(
        host("worker-1").succeed("ls -A /srv/small; tail -c 8 /srv/small/file").unwrap(),
        "file\nworker-1"
    );
}
