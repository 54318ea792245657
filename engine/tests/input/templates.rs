//! Templates that are no text, have no end, or would fill the memory.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::project::{BINARY, Project, only_a};

#[test]
fn templates_that_are_no_text_or_have_no_end() {
    let project = Project::new(&[
        ("templates/binary", BINARY),
        ("templates/includes", b"{% include 'includes' %}"),
        ("templates/imports", b"{% import 'imports' as x %}{{ x }}"),
        ("templates/extends", b"{% extends 'extends' %}"),
        ("templates/calls", b"{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}"),
        ("templates/binary-inside", b"{% include 'binary' %}"),
    ]);
    let literal = only_a("template: {src: binary, dest: made}");
    project.write("literal.yml", literal.as_bytes());
    project.run("literal.yml", &[]).is_refused("this is not UTF-8 text: it holds the byte 0xFF");
    for (name, said) in [
        ("binary", "this is not UTF-8 text: it holds the byte 0xFF"),
        ("binary-inside", "this is not UTF-8 text: it holds the byte 0xFF"),
        ("includes", "templates lead to templates without an end"),
        ("imports", "templates lead to templates without an end"),
        ("extends", "templates extend each other without an end"),
        ("calls", "templates lead to templates without an end"),
    ] {
        let folder = project.path().display();
        let task = only_a(&format!("template: {{src: \"{{{{ '{name}' }}}}\", dest: {folder}/made}}"));
        project.write("playbook.yml", task.as_bytes());
        project.run("playbook.yml", &[]).fails_on_one(said);
        assert!(!project.path().join("made").exists(), "{name} left a file");
        let task = only_a(&format!("debug: {{msg: \"{{{{ lookup('template', '{name}') }}}}\"}}"));
        project.write("lookup.yml", task.as_bytes());
        project.run("lookup.yml", &[]).fails_on_one(said);
    }
}

#[test]
fn expressions_that_would_fill_the_memory() {
    let project = Project::new(&[]);
    for (expression, said) in [
        ("'a' * 10000000000", "the repetition is too long"),
        ("'a' | center(10000000000)", "the text would be too long"),
        ("'%10000000000s' | format('a')", "the text would be too long"),
        ("'%.70000f' | format(1.5)", "precision too big"),
        ("'{:10000000000}'.format('a')", "the text would be too long"),
        ("'a'.rjust(10000000000)", "the text would be too long"),
        ("'a' | indent(10000000000, true)", "the text would be too long"),
        ("range(10000000000) | list", "the range is too long"),
        ("range(10000) | product(range(10000))", "there are too many combinations"),
        ("range(30) | combinations(15)", "there are too many combinations"),
        ("lookup('sequence', 'count=10000000000')", "more than a million elements"),
        ("(['[' * 100000] | first) | from_json", "recursion limit"),
        ("('[' * 100000) | from_yaml", "nested more than 200 deep"),
        ("10 ** 100000000", "more than 38 digits"),
    ] {
        let task = only_a(&format!("debug: {{msg: \"{{{{ {expression} }}}}\"}}"));
        project.write("playbook.yml", task.as_bytes());
        project.run("playbook.yml", &[]).fails_on_one(said);
    }
}

#[test]
fn lists_and_mappings_that_would_hold_themselves() {
    let project = Project::new(&[]);
    for (changes, said) in [
        ("x.append(x)", "a list cannot hold itself"),
        ("x.append((1, [x]))", "a list cannot hold itself"),
        ("x.insert(0, {'a': x})", "a list cannot hold itself"),
        ("x.extend([x])", "a list cannot hold itself"),
        ("y.update({'a': y})", "a mapping cannot hold itself"),
        ("y.update(a=[y])", "a mapping cannot hold itself"),
        ("y.setdefault('a', y)", "a mapping cannot hold itself"),
        ("[x.append(y), y.update(a=x)]", "a mapping cannot hold itself"),
        ("[x.append([1]), x.remove(x)]", "x not in list"),
    ] {
        let text = format!("{{% set x = [] %}}{{% set y = {{}} %}}{{{{ {changes} }}}}");
        project.write("playbook.yml", only_a(&format!("debug: {{msg: \"{text}\"}}")).as_bytes());
        project.run("playbook.yml", &[]).fails_on_one(said);
    }
}

#[test]
fn interrupting_ends_a_template_without_an_end() {
    let endless = "{% for a in range(10000000) %}{% for b in range(10000000) %}{% endfor %}{% endfor %}";
    let play = only_a(&format!("debug: {{msg: \"{endless}\"}}"));
    let project = Project::new(&[("playbook.yml", play.as_bytes())]);
    let mut running = Command::new(env!("CARGO_BIN_EXE_clouder"))
        .args(["run", "-c", "local", "-i", "a,b,", "playbook.yml"])
        .current_dir(project.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(running.stdout.take().unwrap()).lines();
    assert!(shown.any(|line| line.unwrap().starts_with("TASK [debug]")), "the task is not begun");
    let started = Instant::now();
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(500));
        Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    }
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(99));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"));
}
