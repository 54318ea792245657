//! Inventories, variables and limits.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::project::{BINARY, PING, Project, bomb};

#[test]
fn inventories_that_cannot_be_read_or_understood() {
    let bomb = bomb();
    let files: [(&str, &[u8], &str); 16] = [
        ("binary", BINARY, "this is not UTF-8 text: it holds the byte 0xFF"),
        ("binary.yml", BINARY, "this is not UTF-8 text"),
        ("zeros.ini", b"web\0 x=1\n", "the control character U+0000 is in this line"),
        ("heading.ini", b"[web\nweb1\n", "has [ without ]"),
        ("section.ini", b"[web:hots]\nweb1\n", "hint: "),
        ("words.ini", b"web1 port=22 list of words\n", "expected key=value, found `list`"),
        ("range.ini", b"web[1:99999999999]\n", "is longer than a million"),
        ("circle.ini", b"[a:children]\nb\n[b:children]\na\n", "group `a` cannot be a child of `b`"),
        ("circle.yml", b"x: {children: {y: }}\ny: {children: {x: }}\n", "group `x` cannot be a child of `y`"),
        ("hosts.yml", b"all:\n  hosts: [web1]\n", "hosts must be a mapping, not a list"),
        (
            "quotes.yml",
            b"all:\n  vars:\n    a: {{ b }}\n",
            "a value that begins with a template must be quoted",
        ),
        ("open.json", b"{\"all\": ", "is never closed"),
        ("bomb.yml", &bomb, "aliases and merges make this text too large"),
        (
            "fails",
            b"#!/bin/sh\necho no cloud today >&2\nexit 3\n",
            "`--list` ended with exit status: 3: no cloud today",
        ),
        ("prints", b"#!/bin/sh\necho hello\n", "expected an object, found text"),
        ("lost", b"#!/no/such/program\n", "what its first line names to run it is not there"),
    ];
    let project = Project::new(&[("playbook.yml", PING.as_bytes())]);
    symlink("circular", project.path().join("circular")).unwrap();
    for (name, content, said) in files {
        project.write(name, content);
        let mode = if content.starts_with(b"#!") { 0o755 } else { 0o644 };
        fs::set_permissions(project.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        let ran = project.clouder(&["run", "-i", name, "playbook.yml"]);
        ran.is_refused(said);
        assert!(ran.told.contains(name), "{}", ran.told);
    }
    project.write("closed", b"a\n");
    fs::set_permissions(project.path().join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    for (name, said) in [
        ("closed", "cannot read closed: Permission denied"),
        ("missing", "cannot read missing: No such file or directory"),
        ("circular", "cannot read circular: Too many levels of symbolic links"),
        ("/dev/null/hosts", "Not a directory"),
        ("web[1:,", "`web[1:` has [ without ]"),
    ] {
        project.clouder(&["run", "-i", name, "playbook.yml"]).is_refused(said);
    }
}

#[test]
fn variables_that_cannot_be_read_or_understood() {
    let bomb = bomb();
    let project = Project::new(&[
        ("playbook.yml", PING.as_bytes()),
        ("binary.yml", BINARY),
        ("bomb.yml", &bomb),
        ("list.yml", b"- a\n"),
        ("binary/inventory", b"a\n"),
        ("binary/host_vars/a.yml", BINARY),
        ("bomb/inventory", b"a\n"),
        ("bomb/group_vars/all.yml", &bomb),
    ]);
    for (file, said) in [
        ("@binary.yml", "this is not UTF-8 text"),
        ("@bomb.yml", "aliases and merges make this text too large"),
        ("@list.yml", "extra variables must be a mapping, not a list"),
        ("@missing.yml", "cannot read missing.yml"),
        ("one two", "extra variables are key=value pairs"),
    ] {
        project.run("playbook.yml", &["-e", file]).is_refused(said);
    }
    project.clouder(&["run", "-i", "binary/inventory", "playbook.yml"]).is_refused("this is not UTF-8 text");
    project.clouder(&["run", "-i", "bomb/inventory", "playbook.yml"]).is_refused("too large");
    // While the run is under way, only the host that reads it fails.
    for (file, said) in
        [("binary.yml", "not UTF-8"), ("bomb.yml", "too large"), ("missing.yml", "missing.yml")]
    {
        let play = format!(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_vars: \"{{{{ file }}}}\"\n      when: inventory_hostname == 'a'\n      vars: {{file: {file}}}\n    - ping:\n"
        );
        project.write("includes.yml", play.as_bytes());
        project.run("includes.yml", &[]).fails_on_one(said);
    }
}

#[test]
fn limits_that_leave_no_host() {
    let project = Project::new(&[("playbook.yml", PING.as_bytes())]);
    project.run("playbook.yml", &["-l", "nohost"]).is_refused("the limit `nohost` leaves no host to work on");
    project.run("playbook.yml", &["-l", "!all"]).is_refused("the limit `!all` leaves no host");
    project.clouder(&["adhoc", "a", "-i", "a,b,", "-l", "b", "-m", "ping"]).is_refused("leaves no host");
    project.run("playbook.yml", &["-l", "@missing"]).is_refused("missing");
    let ran = project.run("playbook.yml", &["-l", "b,nohost"]);
    ran.is(0, "the limit `nohost` matches no host");
    assert!(ran.told.contains("ok: [b]"), "{}", ran.told);
}
