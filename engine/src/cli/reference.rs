//! `docs/commands.md`: every command's help, as the program itself shows it.

#![cfg(test)]

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use super::Cli;

/// A command and those below it.
fn describe(command: &mut Command, name: &str, text: &mut String) {
    let mut below: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .filter(|name| name != "help")
        .collect();
    if below.is_empty() || name == "clouder" {
        let help = command.clone().bin_name(name).render_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    below.sort();
    for inner in below {
        if let Some(inner_command) = command.find_subcommand_mut(&inner) {
            describe(inner_command, &format!("{name} {inner}"), text);
        }
    }
}

#[test]
fn the_reference_is_what_the_program_says() {
    let mut text = "# Commands\n\nWhat `--help` of each command says. Written by a test: `INSTA_UPDATE=always cargo test -p clouder \
                    reference` writes it anew.\n"
        .to_owned();
    let mut command = Cli::command().term_width(100);
    command.build();
    describe(&mut command, "clouder", &mut text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/commands.md is old: INSTA_UPDATE=always cargo test -p clouder reference");
}
