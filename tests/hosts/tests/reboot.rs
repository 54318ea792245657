//! Rebooting machines. A program of its own: tests beside these would lose the machine.

use std::sync::Mutex;

use clouder_fleet::{ADMIN, FleetError};
use clouder_tests::{clouder, file, host};

/// One of these tests reboots the machine that the other one looks at.
static ALONE: Mutex<()> = Mutex::new(());

fn boot_id(name: &str) -> Result<String, FleetError> {
    host(name).succeed("cat /proc/sys/kernel/random/boot_id")
}

#[test]
fn a_host_reboots_and_the_play_goes_on() {
    let _alone = ALONE.lock();
    let (_folder, path) = file(&format!(
        "
- hosts: all
  gather_facts: false
  tasks:
    - shell: cat /proc/sys/kernel/random/boot_id; touch /run/before
      register: before
    - name: With shutdown, whose message must reach it as it is
      reboot: {{msg: \"it's \\\"so\\\" $(touch /root/evaluated)\", post_reboot_delay: 1}}
      register: rebooted
      when: inventory_hostname == 'worker-1'
    - assert: {{that: rebooted.rebooted and rebooted.elapsed >= 1 and rebooted is changed}}
      when: inventory_hostname == 'worker-1'
    - shell: cat /proc/sys/kernel/random/boot_id; ls /run/before /root/evaluated
      register: after
      failed_when: false
    - debug: {{msg: \"booted anew: {{{{ before.stdout != after.stdout_lines[0] }}}}, files: {{{{ after.stdout_lines[1:] }}}}\"}}
- hosts: worker-1
  gather_facts: false
  vars: {{ansible_user: {ADMIN}}}
  become: true
  tasks:
    - name: As another user, with its own command and marks of a boot
      reboot:
        reboot_command: systemctl reboot
        boot_time_command: systemctl show -p UserspaceTimestamp --value
        test_command: test -d /run/systemd/system && [ $(id -un) = root ]
        connect_timeout: 3
    - stat: {{path: /run/before}}
    - name: Without a module of its own
      shell: systemctl reboot
      ignore_unreachable: true
    - wait_for_connection: {{delay: 1, connect_timeout: 3, timeout: 60}}
    - command: id -un
      register: who
    - debug: {{msg: \"still {{{{ who.stdout }}}}\"}}
"
    ));
    let before = [boot_id("cp-1").unwrap(), boot_id("worker-1").unwrap()];
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 0, "{}", ran.shown);
    for said in [
        // The other host is as it was.
        "booted anew: False, files: ['/run/before']",
        "booted anew: True, files: []",
        "still root",
    ] {
        assert!(ran.shown.contains(said), "{said}: {}", ran.shown);
    }
    assert_eq!(boot_id("cp-1").unwrap(), before[0]);
    assert_ne!(boot_id("worker-1").unwrap(), before[1]);
}

#[test]
fn a_host_that_does_not_reboot_is_told_and_others_go_on() {
    let _alone = ALONE.lock();
    // A mark that is never the same stands for a boot: what comes after it needs none.
    let (_folder, path) = file(
        "
- hosts: all
  gather_facts: false
  tasks:
    - when: inventory_hostname == 'cp-1'
      ignore_errors: true
      block:
        - reboot: {reboot_command: sh -c 'echo not today >&2; exit 3'}
        - reboot: {reboot_command: no-such-command now}
        - reboot: {search_paths: [/nowhere, /]}
        - reboot: {boot_time_command: echo none >&2; exit 4}
        - reboot: {reboot_command: /bin/true, reboot_timeout: 1}
        - reboot: {reboot_command: /bin/true, boot_time_command: cat /proc/sys/kernel/random/uuid, test_command: exit 5, reboot_timeout: 1}
    - reboot: {reboot_command: /bin/false}
      when: inventory_hostname == 'cp-1'
    - ping:
",
    );
    let before = boot_id("cp-1").unwrap();
    let ran = clouder(&["run", &path]);
    assert_eq!(ran.code, 2, "{}", ran.shown);
    for said in [
        "Reboot command failed. Error was: rc: 3, stdout: , stderr: not today",
        "Unable to find command \"no-such-command\" in search paths: ['/sbin', '/bin', '/usr/sbin', '/usr/bin', '/usr/local/sbin']",
        "Unable to find command \"shutdown\" in search paths: ['/nowhere', '/']",
        "reboot: failed to get host boot time info, rc: 4, stdout: , stderr: none",
        "Timed out waiting for last boot time check (timeout=1): the host answers, but has not booted since",
        "Timed out waiting for post-reboot test command (timeout=1): rc: 5",
    ] {
        assert!(ran.shown.contains(said), "{said}: {}", ran.shown);
    }
    assert!(
        ran.recap("cp-1").contains("unreachable=0 failed=1 ") && ran.recap("cp-1").ends_with("ignored=6"),
        "{}",
        ran.shown
    );
    assert!(ran.recap("worker-1").starts_with("ok=1 "), "{}", ran.shown);
    assert_eq!(boot_id("cp-1").unwrap(), before);
}
