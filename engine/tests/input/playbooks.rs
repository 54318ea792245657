//! Playbooks that are none, lead to themselves, or are large.

use std::os::unix::fs::symlink;

use crate::project::{BINARY, PING, Project, bomb};

#[test]
fn playbooks_that_are_none() {
    let bomb = bomb();
    let project = Project::new(&[
        ("binary.yml", BINARY),
        ("zeros.yml", b"- hosts: all\0\n"),
        ("folder/playbook.yml", PING.as_bytes()),
        ("bomb.yml", &bomb),
        ("deep.yml", &b"[".repeat(1_000_000)),
    ]);
    symlink("circular.yml", project.path().join("circular.yml")).unwrap();
    for (name, said) in [
        ("binary.yml", "this is not UTF-8 text"),
        ("zeros.yml", "the control character U+0000 is not allowed in YAML"),
        ("folder", "cannot read folder: it is a folder"),
        ("missing.yml", "cannot read missing.yml: there is no such file"),
        ("circular.yml", "Too many levels of symbolic links"),
        ("bomb.yml", "aliases and merges make this text too large"),
        ("deep.yml", "lists and mappings are nested more than 200 deep"),
    ] {
        project.run(name, &[]).is_refused(said);
        project.clouder(&["check", name]).is_refused(said);
    }
}

#[test]
fn roles_and_imports_that_lead_to_each_other() {
    let project = Project::new(&[
        ("playbook.yml", b"- hosts: all\n  gather_facts: false\n  roles: [one]\n"),
        ("roles/one/meta/main.yml", b"dependencies: [two]\n"),
        ("roles/two/meta/main.yml", b"dependencies: [one]\n"),
        ("includes.yml", b"- hosts: all\n  gather_facts: false\n  tasks:\n    - include_role: {name: \"{{ 'one' }}\"}\n      when: inventory_hostname == 'a'\n    - ping:\n"),
        ("itself.yml", b"- hosts: all\n  gather_facts: false\n  tasks:\n    - include_role: {name: itself}\n      when: inventory_hostname == 'a'\n    - ping:\n"),
        ("roles/itself/tasks/main.yml", b"- include_role: {name: itself}\n"),
        ("long.yml", b"- hosts: all\n  gather_facts: false\n  roles: [link0]\n"),
        ("imports.yml", b"- import_playbook: imports.yml\n"),
    ]);
    project
        .run("playbook.yml", &[])
        .is_refused("this goes round in a circle: role one → role two → role one");
    project.run("imports.yml", &[]).is_refused("this goes round in a circle");
    project
        .run("includes.yml", &[])
        .fails_on_one("this goes round in a circle: role one → role two → role one");
    project.run("itself.yml", &[]).fails_on_one("includes lead to includes without an end");
    for link in 0..600 {
        let next = format!("dependencies: [link{}]\n", link + 1);
        project.write(&format!("roles/link{link}/meta/main.yml"), next.as_bytes());
    }
    let ran = project.run("long.yml", &[]);
    ran.is_refused("imports and roles lead to each other more than 500 deep");
    assert!(ran.told.lines().count() < 30, "{}", ran.told);
}

/// Repeats something until it has so many bytes.
fn filled(head: &str, size: usize, part: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = head.to_owned();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text += &part(number);
    }
    text.into_bytes()
}

#[test]
fn playbooks_of_ten_megabytes() {
    const SIZE: usize = 10_000_000;
    let tasks = "- hosts: all\n  gather_facts: false\n  tasks:\n";
    let many = filled(tasks, SIZE, |number| {
        format!(
            "    - name: task {number}\n      command: echo \"{{{{ item }}}}\"\n      loop: [1, 2, {number}]\n      when: x is defined\n"
        )
    });
    let one_line = filled(&format!("{tasks}    - command: echo "), SIZE, |_| "'some words' ".to_owned());
    let json = filled("[{\"hosts\": \"all\", \"tasks\": [{\"ping\": {}}", SIZE, |number| {
        format!(", {{\"name\": \"task {number}\", \"command\": \"echo {{{{ item }}}}\"}}")
    });
    let json = [json, b"]}]".to_vec()].concat();
    let operators =
        filled(&format!("{tasks}    - ping:\n      when: a"), SIZE, |number| format!(" or a{number}"));
    // Each looks for the nearest of all handlers.
    let mut handlers = filled(tasks, SIZE / 5, |number| {
        format!("    - ping:\n      notify: [handler {number}, missing {number}]\n")
    });
    handlers.extend(filled("  handlers:\n", SIZE / 5, |number| {
        format!("    - name: handler {number}\n      ping:\n")
    }));
    let mistakes = filled(tasks, SIZE / 20, |_| "    - pong: x\n      whn: a\n".to_owned());
    for (name, text, code, said) in [
        ("many", many, 0, "many.yml: no errors"),
        ("one-line", one_line, 0, "one-line.yml: no errors"),
        ("json", json, 0, "json.yml: no errors"),
        ("operators", operators, 1, "an expression has more than 1000 operators in a row"),
        ("handlers", handlers, 1, "no handler is called `missing 0` or listens to it"),
        ("mistakes", mistakes, 1, "more errors and warnings are not shown"),
    ] {
        let file = format!("{name}.yml");
        let project = Project::new(&[(&file, &text)]);
        let ran = project.clouder(&["check", &file]);
        assert!(ran.told.len() < 1_000_000, "{name} shows {} bytes", ran.told.len());
        ran.is(code, said);
    }
}
