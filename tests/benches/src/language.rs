//! The language alone: what the controller takes where no host is asked, and how much memory a host costs it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::contender::{Contender, Tools};
use crate::{Bench, BenchError, table};

/// How many tasks the playbook of many tasks has.
const TASKS: usize = 10_000;

/// With how many hosts memory is looked at.
const HOSTS: [usize; 3] = [500, 1_000, 2_000];

/// What each added host does.
const TASKS_OF_A_HOST: usize = 3;

impl Bench {
    /// Measures all, prints the tables and returns them.
    pub(crate) fn language(&self, tools: &Tools, contenders: &[Contender]) -> Result<String, BenchError> {
        let both = [Contender::Clouder, Contender::Ansible];
        let contenders: Vec<Contender> =
            both.into_iter().filter(|contender| contenders.contains(contender)).collect();
        let mut report = String::new();
        let mut show = |text: &str| {
            println!("{text}");
            report.push_str(text);
            report.push('\n');
        };
        let playbook = self.playbook("language-tasks.yml", &many_tasks())?;
        let samples = self.rounds(&contenders, "language", None, |contender| {
            Ok(Some(tools.on_controller(contender, &playbook)))
        })?;
        show(&table::of(&format!("{TASKS} templated tasks, no host"), TASKS, &samples));
        let playbook = self.playbook("language-hosts.yml", MANY_HOSTS)?;
        let mut memory = Vec::new();
        for count in HOSTS {
            let samples = self.rounds(&contenders, "language", None, |contender| {
                let mut command: Command = tools.on_controller(contender, &playbook);
                command.arg("-e").arg(format!("count={count}"));
                Ok(Some(command))
            })?;
            show(&table::of(
                &format!("{count} hosts added, no host reached"),
                count * TASKS_OF_A_HOST,
                &samples,
            ));
            memory.push((count, samples));
        }
        let slopes = table::slopes(&memory);
        show(&slopes);
        Ok(report)
    }

    fn playbook(&self, name: &str, text: &str) -> Result<PathBuf, BenchError> {
        let path = self.folder.join(name);
        let told = |source| BenchError::Io { what: path.display().to_string(), source };
        std::fs::write(&path, text).map_err(told)?;
        std::fs::canonicalize(&path).map_err(told)
    }
}

/// Names, conditions and arguments that are templates, over variables that lead to others.
fn many_tasks() -> String {
    let mut text = String::from(
        "- hosts: localhost
  gather_facts: false
  vars:
    base: 10
    parts: [a, b, c]
    greeting: \"hello {{ parts | join(',') }}\"
  tasks:
",
    );
    for number in 0..TASKS {
        let fact = number / 2 % 100;
        // Writing to a String cannot fail.
        let _ = if number % 2 == 0 {
            writeln!(
                text,
                "    - name: Set {number} of {{{{ base }}}}
      set_fact:
        fact_{fact}: \"{{{{ greeting | upper }}}} {{{{ base + {number} }}}}\"
      when: base > 5 and parts | length == 3"
            )
        } else {
            writeln!(
                text,
                "    - name: Say {number}
      debug:
        msg: \"{{{{ greeting }}}} {{{{ fact_{fact} }}}}\""
            )
        };
    }
    text
}

/// Hosts with variables, groups and tasks, none of which needs a connection.
const MANY_HOSTS: &str = "- hosts: localhost
  gather_facts: false
  tasks:
    - add_host:
        name: \"node-{{ item }}\"
        groups: [nodes, \"rack{{ item % 10 }}\"]
        number: \"{{ item }}\"
      loop: \"{{ range(count | int) | list }}\"
- hosts: nodes
  gather_facts: false
  tasks:
    - set_fact:
        label: \"{{ inventory_hostname }}-{{ number }}-{{ groups['nodes'] | length }}\"
    - debug:
        msg: \"{{ label }} {{ hostvars[groups['nodes'][0]].number }}\"
";
