//! No text makes the loader panic or run for ever.

use proptest::prelude::*;

use super::tests::Project;

/// Lines that playbooks are made of, and some they are not.
fn line() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "- hosts: all",
        "hosts:",
        "tasks:",
        "- name: x",
        "- ping:",
        "ping: data=x",
        "- command: ls {{ x }}",
        "block:",
        "- block:",
        "rescue:",
        "always: []",
        "- include_tasks: a.yml",
        "- import_tasks: playbook.yml",
        "- import_playbook: playbook.yml",
        "roles: [r]",
        "- import_role: {name: r}",
        "when: x",
        "loop: [1]",
        "with_items: x",
        "vars: {a: b}",
        "handlers:",
        "notify: x",
        "- role: r",
        "args: {a: b}",
        "- meta: noop",
        "loop_control: {loop_var: y}",
        "- x: &a [*a]",
        "register: x",
        "- action: ping",
        "- local_action: {module: ping}",
        "tags: a,b",
        "<<: {a: b}",
        "- [a, b]",
        "- null",
        "- \"{{ x",
        "? [x]",
        "\t",
        "---",
        "vars_prompt: [{name: x}]",
    ]);
    (0_usize..4, words).prop_map(|(depth, word)| format!("{}{word}", "  ".repeat(depth)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_playbook_panics(lines in prop::collection::vec(line(), 0..14)) {
        let text = lines.join("\n");
        let project = Project::new(&[
            ("playbook.yml", &text),
            ("a.yml", &text),
            ("roles/r/tasks/main.yml", &text),
            ("roles/r/meta/main.yml", &text),
        ]);
        project.check();
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        Project::new(&[("playbook.yml", &text)]).check();
    }
}
