use std::fs;
use std::path::Path;

use clouder_lang::{Severity, Source};
use tempfile::TempDir;

use super::*;
use crate::playbook::check::{Syntax, check};
use crate::playbook::{Invocation, Origin, Places};

/// A project with these files.
pub(super) struct Project {
    folder: TempDir,
}

impl Project {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn loader(&self) -> Loader {
        let places = Places { project: self.path().to_owned(), ..Places::default() };
        let files = Files::new(places, Arc::default());
        Loader::new(files, Box::new(|node, _| Ok(node.to_text().replace("{{ x }}", "value"))))
    }

    fn load(&self) -> LoadedPlaybook {
        self.loader().load_playbook(&self.path().join("playbook.yml"))
    }

    /// Loads and checks it, whatever is found.
    pub(super) fn check(&self) {
        struct Nothing;
        impl Syntax for Nothing {
            fn text(&self, _: &Node) -> Vec<Diagnostic> {
                Vec::new()
            }
            fn expression(&self, _: &Node) -> Vec<Diagnostic> {
                Vec::new()
            }
            fn file(&self, _: &Arc<Source>) -> Vec<Diagnostic> {
                Vec::new()
            }
        }
        let checked = check(&self.loader(), &self.path().join("playbook.yml"), &Nothing, Severity::Error);
        for finding in checked.findings {
            assert!(!finding.to_string().is_empty());
        }
    }

    /// The playbook, which has no mistakes.
    fn playbook(&self) -> Playbook {
        let loaded = self.load();
        let told: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
        loaded.playbook
    }

    fn messages(&self) -> Vec<String> {
        self.load().findings.into_iter().map(|finding| finding.message).collect()
    }
}

/// Tasks as an outline: `debug`, `[block | rescue | always]`.
fn outline(items: &[Item]) -> String {
    let one = |item: &Item| match item {
        Item::Task(task) => {
            let layers: Vec<String> = task
                .layer
                .chain()
                .filter_map(|layer| match &layer.origin {
                    Origin::Role(role) => Some(role.name.to_string()),
                    Origin::Tasks(path) => Some(path.file_name()?.to_string_lossy().into_owned()),
                    _ => None,
                })
                .collect();
            let layers = layers.join("<");
            let name = task
                .name
                .as_ref()
                .map_or_else(|| task.invocation.name.to_string(), |name| name.to_text().to_string());
            if layers.is_empty() { name } else { format!("{name}@{layers}") }
        }
        Item::Block(block) => {
            let parts = [&block.items, &block.rescue, &block.always];
            let last = parts.iter().rposition(|part| !part.is_empty()).map_or(1, |last| last + 1);
            format!("[{}]", parts[..last].iter().map(|part| outline(part)).collect::<Vec<_>>().join(" | "))
        }
    };
    items.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn plays_blocks_and_handlers() {
    let project = Project::new(&[(
        "playbook.yml",
        "- name: first\n  hosts: all\n  become: true\n  vars: {a: 1}\n  pre_tasks:\n    - ping:\n  tasks:\n    - block:\n        - command: ls\n      rescue:\n        - debug: msg=x\n      always:\n        - name: end\n          meta: noop\n      when: x\n  handlers:\n    - name: restart\n      listen: [a, b]\n      command: ls\n- hosts: [a, b]\n",
    )]);
    let playbook = project.playbook();
    assert_eq!(playbook.plays.len(), 2);
    let play = &playbook.plays[0];
    assert_eq!(outline(&play.pre_tasks), "ping");
    assert_eq!(outline(&play.tasks), "[command | debug | end]");
    let Item::Task(handler) = &play.handlers[0] else { panic!("a task") };
    assert_eq!(handler.listen.len(), 2);
    assert_eq!(play.layer.keywords.become_.as_ref().unwrap().as_bool(), Some(true));
    let Item::Block(block) = &play.tasks[0] else { panic!("a block") };
    assert_eq!(block.layer.keywords.when.len(), 1);
    assert_eq!(block.layer.chain().count(), 2);
}

#[test]
fn arguments_in_all_their_forms() {
    let project = Project::new(&[(
        "playbook.yml",
        r#"
- hosts: all
  tasks:
    - command: ls -l creates=/x chdir="/a b"
    - ansible.builtin.command: {cmd: ls}
      args: {chdir: /tmp}
    - ping: "{{ arguments }}"
    - ping:
      args: "{{ arguments }}"
    - ping: data=x
      args: "{{ arguments }}"
    - action: ping data=x
    - local_action: {module: ping, data: y}
    - action: "{{ module }} data=x"
    - community.general.ping:
    - a.b.c: {d: e}
"#,
    )]);
    let playbook = project.playbook();
    let told: Vec<String> = playbook.plays[0]
        .tasks
        .iter()
        .map(|item| {
            let Item::Task(task) = item else { panic!("a task") };
            let Invocation { name, arguments, free_form, .. } = &task.invocation;
            let free_form =
                free_form.as_ref().map(|node| format!(" + {}", node.to_text())).unwrap_or_default();
            let delegate = task.keywords.delegate_to.as_ref().map(|node| format!(" @{}", node.to_text()));
            format!(
                "{name} {}{free_form}{}",
                clouder_lang::yaml::to_json(arguments),
                delegate.unwrap_or_default()
            )
        })
        .collect();
    let expected = [
        r#"command {"creates":"/x","chdir":"/a b"} + ls -l"#,
        r#"command {"chdir":"/tmp","cmd":"ls"}"#,
        r#"ping "{{ arguments }}""#,
        r#"ping "{{ arguments }}""#,
        r#"ping {"_variable_params":"{{ arguments }}","data":"x"}"#,
        r#"ping {"data":"x"}"#,
        r#"ping {"data":"y"} @localhost"#,
        r#"{{ module }} {"data":"x"}"#,
        "ping {}",
        r#"a.b.c {"d":"e"}"#,
    ];
    assert_eq!(told, expected);
}

#[test]
fn loops_and_their_control() {
    let project = Project::new(&[(
        "playbook.yml",
        "- hosts: all\n  tasks:\n    - ping:\n      loop: [1, 2]\n      loop_control: {loop_var: x, label: y}\n    - ping:\n      with_dict: \"{{ d }}\"\n      register: result\n      until: result is success\n    - ping:\n      with_a.b.c: [x]\n",
    )]);
    let playbook = project.playbook();
    let loops: Vec<Option<String>> = playbook.plays[0]
        .tasks
        .iter()
        .map(|item| match item {
            Item::Task(task) => task.loop_.as_ref().unwrap().lookup.as_ref().map(|name| name.to_string()),
            Item::Block(_) => None,
        })
        .collect();
    assert_eq!(loops, [None, Some("dict".to_owned()), Some("a.b.c".to_owned())]);
}

#[test]
fn imports_are_put_in_place() {
    let project = Project::new(&[
        (
            "playbook.yml",
            "- import_playbook: other/site.yml\n  vars: {a: strong, b: 2}\n  when: c\n  tags: t,u\n",
        ),
        (
            "other/site.yml",
            "- hosts: all\n  vars: {a: weak}\n  tasks:\n    - import_tasks: \"{{ x }}.yml\"\n      when: d\n    - import_tasks: deep/one.yml\n",
        ),
        ("other/value.yml", "- ping:\n"),
        ("other/deep/one.yml", "- import_tasks: two.yml\n"),
        ("other/deep/two.yml", "- debug:\n"),
    ]);
    let playbook = project.playbook();
    let play = &playbook.plays[0];
    assert_eq!(outline(&play.tasks), "[ping@value.yml] [[debug@two.yml<one.yml]]");
    let keywords = &play.layer.keywords;
    assert_eq!(
        keywords.vars.as_ref().unwrap().as_mapping().unwrap().get("a").unwrap().as_str(),
        Some("strong")
    );
    assert_eq!((keywords.when.len(), keywords.tags.len()), (1, 2));
    assert_eq!(play.folder, project.path().join("other"));
}

#[test]
fn roles_bring_their_files_and_dependencies() {
    let project = Project::new(&[
        (
            "playbook.yml",
            "- hosts: all\n  roles:\n    - web\n    - {role: web, level: 81, tags: x, when: y, vars: {a: 1}}\n  tasks:\n    - import_role: {name: web, tasks_from: extra}\n",
        ),
        (
            "roles/web/meta/main.yml",
            "allow_duplicates: true\ndependencies:\n  - {role: base, level: 3}\n  - src: https://x/y.git/log.git\n",
        ),
        ("roles/web/tasks/main.yml", "- import_tasks: more.yml\n"),
        ("roles/web/tasks/more.yml", "- ping:\n"),
        ("roles/web/tasks/extra.yml", "- debug:\n"),
        ("roles/web/handlers/main.yml", "- name: restart\n  ping:\n"),
        ("roles/web/defaults/main.yml", "port: 80\n"),
        ("roles/web/vars/main/a.yml", "a: 1\n"),
        ("roles/web/vars/main/b.yaml", "b: 1\n"),
        ("roles/web/meta/argument_specs.yml", "argument_specs: {main: {options: {}}}\n"),
        ("roles/base/tasks/main.yaml", "- command: ls\n"),
        ("roles/log/handlers/main.yml", "[]\n"),
    ]);
    let playbook = project.playbook();
    let play = &playbook.plays[0];
    let web = &play.roles[0];
    assert_eq!(outline(&web.tasks), "[ping@more.yml<web]");
    assert_eq!(outline(&web.handlers), "restart@web");
    assert_eq!((web.role.defaults.len(), web.role.vars.len()), (1, 2));
    assert!(web.role.allow_duplicates && web.role.argument_spec.is_some());
    let dependencies: Vec<&str> = web.role.dependencies.iter().map(|used| &*used.role.name).collect();
    assert_eq!(dependencies, ["base", "log"]);
    assert_eq!(outline(&web.role.dependencies[0].tasks), "command@base");
    let again = &play.roles[1];
    let parameters = again.keywords.vars.as_ref().unwrap().as_mapping().unwrap();
    assert!(parameters.get("level").is_some() && parameters.get("a").is_some() && parameters.len() == 2);
    let dependency = &again.role.dependencies[0].layer;
    let conditions: usize = dependency.chain().map(|layer| layer.keywords.when.len()).sum();
    assert_eq!(conditions, 1, "what stands around a role stands around what it depends on");
    assert_eq!(outline(&play.tasks), "[[command@base] [] debug@web]");
    let Item::Block(block) = &play.tasks[0] else { panic!("a block") };
    assert_eq!(&*block.role.as_ref().unwrap().role.name, "web");
}

#[test]
fn layers_of_a_role_override_file_by_file() {
    let project = Project::new(&[
        ("playbook.yml", "- hosts: all\n  roles: [base, whole]\n"),
        ("roles/base/defaults/main.yml", "a: project\n"),
        ("org/roles/base/templates/x.j2", "org"),
        ("org/roles/base/tasks/main.yml", "- ping:\n"),
        ("org/roles/base/defaults/main.yml", "a: org\nb: org\n"),
        ("org/roles/base/templates/y.j2", "org"),
        ("roles/base/templates/y.j2", "project"),
        ("roles/whole/tasks/main.yml", "- ping:\n"),
        ("org/roles/whole/handlers/main.yml", "- name: x\n  ping:\n"),
    ]);
    let places = Places {
        project: project.path().to_owned(),
        organisation: vec![project.path().join("org")],
        ..Places::default()
    };
    let files = Files::new(places, Arc::default());
    let loader = Loader::new(files, Box::new(|node, _| Ok(node.to_text().to_string())));
    let loaded = loader.load_playbook(&project.path().join("playbook.yml"));
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    let base = &loaded.playbook.plays[0].roles[0];
    assert_eq!(outline(&base.tasks), "ping@base");
    let weak_first: Vec<_> = base.role.defaults.iter().map(|node| node.as_mapping().unwrap().len()).collect();
    assert_eq!(weak_first, [2, 1]);
    let file =
        |name: &str| fs::read_to_string(base.role.file(loader.files(), "templates", name).unwrap()).unwrap();
    assert_eq!((file("x.j2").as_str(), file("y.j2").as_str()), ("org", "project"));
    assert!(loaded.playbook.plays[0].roles[1].handlers.is_empty(), "a role with tasks of its own is whole");
}

#[test]
fn circles_are_told() {
    let project = Project::new(&[
        (
            "playbook.yml",
            "- hosts: all\n  roles: [a]\n  tasks:\n    - import_tasks: one.yml\n- import_playbook: playbook2.yml\n",
        ),
        ("playbook2.yml", "- import_playbook: playbook2.yml\n"),
        ("one.yml", "- import_tasks: two.yml\n"),
        ("two.yml", "- import_tasks: one.yml\n"),
        ("roles/a/meta/main.yml", "dependencies: [b]\n"),
        ("roles/b/meta/main.yml", "dependencies: [a]\n"),
    ]);
    let messages = project.messages();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages.iter().any(|message| message.ends_with("role a → role b → role a")), "{messages:?}");
    assert!(messages.iter().all(|message| message.starts_with("this goes round in a circle")));
}

#[test]
fn what_is_included_while_running() {
    let project = Project::new(&[
        (
            "playbook.yml",
            "- hosts: all\n  tasks:\n    - include_tasks: {file: x.yml, apply: {become: true}}\n",
        ),
        ("tasks/x.yml", "- ping:\n"),
        ("roles/r/tasks/main.yml", "- debug:\n"),
        ("roles/r/tasks/other.yml", "- ping:\n"),
        ("broken.yml", "- pong:\n- ping: x y\n"),
        ("vars.yml", "a: 1\n"),
        ("list.yml", "- a\n"),
    ]);
    let playbook = project.playbook();
    let loader = project.loader();
    let Item::Task(task) = &playbook.plays[0].tasks[0] else { panic!("a task") };
    assert!(task.apply.as_ref().unwrap().become_.is_some());
    let file = loader.find_tasks("x.yml", &task.file, &task.layer).unwrap();
    assert_eq!(outline(&loader.load_tasks(&file, &task.layer, false).unwrap()), "ping");
    let error = loader.find_tasks("y.yml", &task.file, &task.layer).unwrap_err();
    assert!(error.to_string().contains("tasks/y.yml"), "{error}");
    let found = loader.load_tasks(&project.path().join("broken.yml"), &task.layer, false).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
    let options = RoleOptions { tasks_from: Some("other.yml".to_owned()), ..RoleOptions::default() };
    let used = loader.load_role("r", &options, &task.layer, &task.span).unwrap();
    assert_eq!(outline(&used.tasks), "ping@r");
    assert!(loader.load_role("nope", &options, &task.layer, &task.span).is_err());
    assert_eq!(
        loader
            .load_vars(&loader.find_vars_file(project.path(), "vars.yml").unwrap())
            .unwrap()
            .unwrap()
            .as_mapping()
            .unwrap()
            .len(),
        1
    );
    assert!(loader.load_vars(&project.path().join("list.yml")).is_err());
}

#[test]
fn roles_of_collections() {
    let project = Project::new(&[
        (
            "playbook.yml",
            "- hosts: all\n  roles: [my.own.web]\n- import_playbook: my.own.site\n- hosts: all\n  collections: [a.b, my.own]\n  roles: [web]\n",
        ),
        ("collections/ansible_collections/my/own/roles/web/tasks/main.yml", "- ping:\n"),
        ("collections/ansible_collections/my/own/playbooks/site.yml", "- hosts: all\n"),
    ]);
    let playbook = project.playbook();
    assert_eq!(outline(&playbook.plays[0].roles[0].tasks), "ping@my.own.web");
    assert_eq!(playbook.plays.len(), 3);
    assert_eq!(outline(&playbook.plays[2].roles[0].tasks), "ping@my.own.web");
}

#[test]
fn large_and_binary_playbooks() {
    let task = "    - name: a task\n      command: echo {{ item }}\n      loop: [1, 2, 3]\n      when: x is defined\n";
    let text = format!("- hosts: all\n  tasks:\n{}", task.repeat(10_000_000 / task.len()));
    let project = Project::new(&[("playbook.yml", &text)]);
    let started = std::time::Instant::now();
    assert_eq!(project.playbook().plays[0].tasks.len(), 10_000_000 / task.len());
    // Seconds on a quiet machine are a fraction of this.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    fs::write(project.path().join("playbook.yml"), b"\x7fELF\x02\x01\x01\x00\xff").unwrap();
    assert!(project.messages()[0].contains("not UTF-8"));
    fs::write(project.path().join("playbook.yml"), b"\x7fELF\x02\x01").unwrap();
    assert!(project.messages()[0].contains("control character"));
    assert!(Project::new(&[]).messages()[0].contains("there is no such file"));
    assert!(Project::new(&[("playbook.yml", "# nothing\n")]).messages()[0].contains("is empty"));
}
