//! `clouder config`.

use std::fmt::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, print};
use crate::config::{ALL, Config, Kind, Setting};
use crate::template;

/// Shows settings, and where they come from.
#[derive(Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: Option<Action>,
    /// Only settings that somebody has set
    #[arg(long, global = true)]
    only_changed: bool,
    /// How they are shown
    #[arg(short, long, value_enum, default_value_t = Format::Display, global = true)]
    format: Format,
}

#[derive(Subcommand)]
enum Action {
    /// Show each setting's value, and where it came from
    Dump,
    /// Show what settings there are, and where they can be set
    List,
    /// Show the ansible.cfg in use
    View,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For a person
    Display,
    /// As JSON
    Json,
}

impl ConfigCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let settings = ALL.iter().copied().filter(|setting| !self.only_changed || config.is_set(setting));
        let text = match (self.action.unwrap_or(Action::Dump), self.format) {
            (Action::View, _) => view(config)?,
            (Action::Dump, Format::Display) => dump(config, settings),
            (Action::List, Format::Display) => list(settings),
            (Action::Dump, Format::Json) => json(settings.map(|setting| {
                let (value, origin) = config.get(setting);
                json!({"name": setting.name, "value": value, "origin": origin.to_string()})
            })),
            (Action::List, Format::Json) => json(settings.map(|setting| {
                let ini = setting.ini.iter().map(|(section, key)| json!({"section": section, "key": key}));
                json!({
                    "name": setting.name,
                    "description": setting.about.trim(),
                    "type": kind(setting.kind),
                    "default": setting.default,
                    "ini": ini.collect::<Vec<_>>(),
                    "env": setting.env,
                })
            })),
        };
        print(&text);
        Ok(0)
    }
}

fn view(config: &Config) -> Result<String, Failure> {
    let Some(path) = &config.file else {
        return Err(Failure::new(
            "there is no ansible.cfg here",
            "it is looked for where ANSIBLE_CONFIG says, in this folder, at ~/.ansible.cfg and /etc/ansible/ansible.cfg",
        ));
    };
    Ok(std::fs::read_to_string(path)?)
}

fn dump(config: &Config, settings: impl Iterator<Item = &'static Setting>) -> String {
    let mut text = String::new();
    for setting in settings {
        let (value, origin) = config.get(setting);
        let value = template::to_text(&template::from_json(value.clone()));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}({origin}) = {value}", setting.name);
    }
    text
}

fn list(settings: impl Iterator<Item = &'static Setting>) -> String {
    let mut text = String::new();
    for setting in settings {
        let usual = if setting.default.is_empty() { "nothing" } else { setting.default };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {}", setting.name, setting.about.trim());
        let _ = writeln!(text, "    {}, {usual} unless set", kind(setting.kind));
        for (section, key) in setting.ini {
            let _ = match *section {
                "clouder" => writeln!(text, "    clouder.toml: {key}"),
                section => writeln!(text, "    ansible.cfg: [{section}] {key}"),
            };
        }
        if !setting.env.is_empty() {
            let _ = writeln!(text, "    environment: {}", setting.env.join(", "));
        }
    }
    text
}

fn json(items: impl Iterator<Item = Value>) -> String {
    let items: Vec<Value> = items.collect();
    serde_json::to_string_pretty(&items).unwrap_or_default() + "\n"
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "yes or no",
        Kind::Integer => "whole number",
        Kind::Text => "text",
        Kind::List => "list",
        Kind::Path => "path",
        Kind::Paths => "paths separated by colons",
        Kind::Sources => "paths, or hosts, separated by commas",
    }
}
