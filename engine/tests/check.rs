//! Playbooks with mistakes, and what is said about them.
//!
//! Each folder below `check/` is one case: `playbook.yml` is checked, and `findings.snap` beside it holds what was found.
//! A new case needs a folder and no Rust; `INSTA_UPDATE=always cargo test -p clouder --test check` writes its snapshot.

mod cases;

use std::path::Path;
use std::sync::Arc;

use clouder::playbook::check::{Syntax, check};
use clouder::playbook::{Files, Loader, Places};
use clouder::template::{TemplateOptions, Templates};
use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Severity, Source};

/// The checks of the template engine.
struct Checks(Arc<Templates>);

impl Syntax for Checks {
    fn text(&self, node: &Node) -> Vec<Diagnostic> {
        self.0.check_text(node)
    }

    fn expression(&self, node: &Node) -> Vec<Diagnostic> {
        self.0.check_expression(node)
    }

    fn file(&self, source: &Arc<Source>) -> Vec<Diagnostic> {
        self.0.check_source(source)
    }
}

fn findings(case: &Path) -> String {
    let places = Places { project: case.to_owned(), ..Places::default() };
    let files = Files::new(places, Arc::default());
    let resolve = |node: &Node, _: Option<&_>| {
        Err(Diagnostic::error(format!("`{}` cannot be known while loading", node.to_text()), &node.span))
    };
    let loader = Loader::new(files, Box::new(resolve));
    let checked = check(
        &loader,
        &case.join("playbook.yml"),
        &Checks(Templates::new(TemplateOptions::default())),
        Severity::Error,
    );
    let told: String = checked.findings.iter().map(|finding| format!("{finding}\n\n")).collect();
    let folder = format!("{}/", case.display());
    told.replace(&folder, "").replace(&*case.display().to_string(), ".")
}

#[test]
fn findings_are_those_of_the_snapshots() {
    cases::compare("check", "findings", findings);
}
