//! A cluster that `clouder` works on, be its machines there already or made at Azure, and what tests do to it.

use std::process::Command;

use clouder_fleet::Output;
use clouder_tests::{Ran, cut_off};

/// What reaches an API server on its own machine.
const KUBECTL: &str = "kubectl --kubeconfig=/etc/kubernetes/admin.conf";

pub(crate) trait Cluster {
    /// What `clouder k8s` calls it.
    fn name(&self) -> &str;

    /// `clouder`, which knows the cluster.
    fn program(&self) -> Command;

    /// What `clouder run` needs to be told to work on it.
    fn place(&self) -> Vec<String>;

    /// The name of a node: that of the machine `cp-1`, say.
    fn node(&self, machine: &str) -> String;

    /// The container that a machine is.
    fn container(&self, machine: &str) -> String;

    /// `clouder`, with these words.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program();
        command.args(words);
        command
    }

    /// Runs `clouder k8s`.
    fn try_k8s(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(&["k8s"]).args(words))
    }

    /// Runs `clouder k8s`, which must succeed.
    fn k8s(&self, words: &[&str]) -> Ran {
        succeeded(words, self.try_k8s(words))
    }

    /// Runs `clouder k8s`, which must fail and say why.
    fn k8s_refuses(&self, words: &[&str], why: &str) {
        refused(words, why, &self.try_k8s(words));
    }

    /// Runs `clouder k8s`, and kills it as soon as it shows a text; what had begun elsewhere goes on there.
    fn cut_off(&self, words: &[&str], at: &str) {
        cut_off(self.command(&["k8s"]).args(words), at);
    }

    /// `clouder run`, with a playbook.
    fn playbook(&self, words: &[&str]) -> Command {
        let mut command = self.program();
        command.arg("run").args(self.place()).args(words);
        command
    }

    /// Runs a playbook.
    fn try_play(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.playbook(words))
    }

    /// Runs a playbook, which must succeed.
    fn play(&self, words: &[&str]) -> Ran {
        succeeded(words, self.try_play(words))
    }

    /// Runs a playbook, which must fail and say why.
    fn play_refuses(&self, words: &[&str], why: &str) {
        refused(words, why, &self.try_play(words));
    }

    /// Runs a playbook, and kills it as soon as it shows a text.
    fn cut_off_play(&self, words: &[&str], at: &str) {
        cut_off(&mut self.playbook(words), at);
    }

    /// Runs a playbook, which must change nothing anywhere.
    fn leaves_alone(&self, words: &[&str]) {
        let ran = self.play(words);
        assert!(ran.left_alone(&[]), "{words:?}: {}", ran.shown);
    }

    /// Runs a line of shell on a machine, as root and without ssh: for looking at what became of it.
    fn exec(&self, machine: &str, line: &str) -> Output {
        let container = self.container(machine);
        clouder_fleet::run("docker", &["exec", &container, "/bin/sh", "-c", line]).unwrap()
    }

    /// Runs a line of shell on a machine, which must succeed; returns what it says.
    fn shell(&self, machine: &str, line: &str) -> String {
        let output = self.exec(machine, line);
        assert_eq!(output.code, 0, "{machine}: {line}: {}{}", output.stdout, output.stderr);
        output.stdout
    }

    /// Runs kubectl on the first control plane.
    fn kubectl(&self, line: &str) -> String {
        self.kubectl_on("cp-1", line)
    }

    /// Runs kubectl on a control plane.
    fn kubectl_on(&self, machine: &str, line: &str) -> String {
        self.shell(machine, &format!("{KUBECTL} {line}"))
    }

    /// Gives the API server objects.
    fn apply(&self, objects: &str) {
        self.apply_as("kubectl", objects);
    }

    /// Gives the API server objects in somebody's name.
    fn apply_as(&self, manager: &str, objects: &str) {
        let apply = format!("{KUBECTL} apply --server-side --field-manager={manager} -f -");
        self.shell("cp-1", &format!("cat <<'END' | {apply}\n{objects}\nEND"));
    }
}

/// What ran must have succeeded.
fn succeeded(words: &[&str], ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{words:?}: {}", ran.shown);
    ran
}

/// What ran must have failed and said why.
fn refused(words: &[&str], why: &str, ran: &Ran) {
    assert!(ran.code != 0 && ran.shown.contains(why), "{words:?}: {why}: {}", ran.shown);
}
