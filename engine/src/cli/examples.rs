//! The commands that the documentation shows are ones that the program takes.

#![cfg(test)]

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::Cli;
use crate::playbook::split_words;

/// The commands of a page, each with its line: what stands in blocks of `sh`, with lines that go on joined.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let (text, more) = match line.trim_end().strip_suffix('\\') {
                Some(text) => (text, true),
                None => (line, false),
            };
            match found.last_mut().filter(|_| goes_on) {
                Some((_, command)) => command.push_str(text),
                None => found.push((number + 1, text.to_owned())),
            }
            goes_on = more;
        }
    }
    found
}

/// The commands of a line of shell, up to a comment.
fn each(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default();
    let words = split_words(line).unwrap();
    words.split(|word| ["&&", "|", ";"].contains(&word.as_str())).map(<[String]>::to_vec).collect()
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "playbooks/README.md", "roles/README.md"]
        .map(|page| root.join(page))
        .into_iter()
        .collect();
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|page| page.extension().is_some_and(|extension| extension == "md")));
    pages
}

#[test]
fn commands_that_are_shown_can_be_given() {
    let mut tried = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (number, line) in commands(&text) {
            for command in each(&line) {
                if command.first().is_none_or(|word| word != "clouder") {
                    continue;
                }
                tried += 1;
                if let Err(error) = Cli::try_parse_from(&command) {
                    assert_eq!(error.exit_code(), 0, "{}:{number}: {line}\n{error}", page.display());
                }
            }
        }
    }
    assert!(tried > 40, "only {tried} commands were found");
}

/// Where pages lead to is there.
#[test]
fn pages_that_are_named_are_there() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: there is no {target}", page.display());
        }
    }
}
