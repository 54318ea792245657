//! Playbooks with mistakes, and what is said about them.
//!
//! Each folder below `check/` is one case: `playbook.yml` is checked, and `findings.snap` beside it holds what was found.
//! A new case needs a folder and no Rust; `INSTA_UPDATE=always cargo test -p clouder --test check` writes its snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clouder::playbook::check::{Syntax, check};
use clouder::playbook::{Files, Loader, Places};
use clouder_lang::yaml::Node;
use clouder_lang::{Diagnostic, Source};

/// Only braces are looked at.
struct Braces;

impl Syntax for Braces {
    fn text(&self, node: &Node) -> Vec<Diagnostic> {
        let text = node.to_text();
        let balanced = text.matches("{{").count() == text.matches("}}").count();
        if balanced { Vec::new() } else { vec![Diagnostic::error("a template is not closed", &node.span)] }
    }

    fn expression(&self, node: &Node) -> Vec<Diagnostic> {
        let complete = !node.to_text().trim_end().ends_with("==");
        if complete {
            Vec::new()
        } else {
            vec![Diagnostic::error("an expression is not complete", &node.span)]
        }
    }

    fn file(&self, source: &Arc<Source>) -> Vec<Diagnostic> {
        let span = clouder_lang::Span::new(Arc::clone(source), 0, source.text().len());
        self.text(&Node::text(source.text(), span))
    }
}

fn findings(case: &Path) -> String {
    let places = Places { project: case.to_owned(), ..Places::default() };
    let files = Files::new(places, Box::new(|_, _| Err("there is no password".to_owned())));
    let resolve = |node: &Node, _: Option<&_>| {
        Err(Diagnostic::error(format!("`{}` cannot be known while loading", node.to_text()), &node.span))
    };
    let loader = Loader::new(files, Box::new(resolve));
    let checked = check(&loader, &case.join("playbook.yml"), &Braces);
    let told: String = checked.findings.iter().map(|finding| format!("{finding}\n\n")).collect();
    let folder = format!("{}/", case.display());
    told.replace(&folder, "").replace(&*case.display().to_string(), ".")
}

#[test]
fn findings_are_those_of_the_snapshots() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let mut folders: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("findings", findings(&folder)));
    }
}
