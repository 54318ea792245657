//! `clouder config`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clouder_lang::{Diagnostic, nearest};
use indexmap::IndexMap;
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
    /// Which settings are validated
    #[arg(short = 't', long = "type", value_enum, default_value_t = Kinds::Base, global = true)]
    kinds: Kinds,
    /// The ansible.cfg
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true)]
    file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Show each setting's value, and where it came from
    Dump,
    /// Show what settings there are, and where they can be set
    List,
    /// Show the ansible.cfg in use
    View,
    /// Show an ansible.cfg with all settings that are heeded, as they are unless set
    Init {
        /// Each line a comment
        #[arg(long)]
        disabled: bool,
    },
    /// Look for names in ansible.cfg that are no settings of Ansible's
    Validate,
}

/// Which settings.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Kinds {
    /// Those of Ansible itself
    Base,
    /// Those of plugins, too
    All,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For a person
    Display,
    /// As JSON
    Json,
    /// As a file of settings
    Ini,
}

impl ConfigCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Config) -> Result<i32, Failure> {
        let named = match &self.file {
            Some(file) => Some(Config::from_file(file)?),
            None => None,
        };
        let config = named.as_ref().unwrap_or(config);
        let settings = ALL.iter().copied().filter(|setting| !self.only_changed || config.is_set(setting));
        let text = match (self.action.unwrap_or(Action::Dump), self.format) {
            (Action::View, _) => view(config)?,
            (Action::Init { disabled }, _) => init(disabled),
            (Action::Validate, _) => validate(config, self.kinds)?,
            (Action::Dump, Format::Display | Format::Ini) => dump(config, settings),
            (Action::List, Format::Display | Format::Ini) => list(settings),
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

/// An `ansible.cfg` with what is so anyway.
fn init(disabled: bool) -> String {
    let mut sections: IndexMap<&str, String> = IndexMap::new();
    let ansibles =
        |setting: &&&Setting| setting.ini.first().is_some_and(|(section, _)| *section != "clouder");
    for setting in ALL.iter().filter(ansibles) {
        let Some((section, key)) = setting.ini.first() else { continue };
        let mark = if disabled { ";" } else { "" };
        let usual = match setting.kind {
            Kind::Flag if setting.default == "true" => "True".to_owned(),
            Kind::Flag => "False".to_owned(),
            _ => setting.default.replace("{home}", "~/.ansible"),
        };
        let lines = format!("# ({}) {}\n{mark}{key}={usual}\n\n", kind(setting.kind), setting.about.trim());
        sections.entry(section).or_default().push_str(&lines);
    }
    sections.iter().map(|(section, lines)| format!("[{section}]\n{lines}\n")).collect()
}

/// Sections and keys of Ansible's own settings, a pair on each line.
const ANSIBLES: &str = include_str!("../config/ansible_settings.txt");

/// Looks for names that are no settings; those of plugins are not known one by one.
fn validate(config: &Config, kinds: Kinds) -> Result<String, Failure> {
    let known: Vec<(&str, &str)> = ANSIBLES.lines().filter_map(|line| line.split_once(' ')).collect();
    let findings: Vec<Diagnostic> = config
        .written()?
        .into_iter()
        .filter_map(|(section, key, span)| {
            if known.contains(&(section.as_str(), key.as_str())) {
                return None;
            }
            if known.iter().any(|(name, _)| *name == section) {
                let nearest = nearest(&key, known.iter().filter(|pair| pair.0 == section).map(|pair| pair.1));
                let finding = Diagnostic::error(format!("unknown key `{key}` in [{section}]"), &span);
                return Some(match nearest {
                    Some(nearest) => finding.hint(format!("did you mean `{nearest}`?")),
                    None => finding,
                });
            }
            let message = format!("unknown section [{section}]");
            let hint = "settings of plugins are known with --type all";
            (kinds == Kinds::Base).then(|| Diagnostic::error(message, &span).hint(hint))
        })
        .collect();
    if findings.is_empty() { Ok("All configurations seem valid!\n".to_owned()) } else { Err(findings.into()) }
}

fn dump(config: &Config, settings: impl Iterator<Item = &'static Setting>) -> String {
    let mut lines: Vec<String> = settings
        .map(|setting| {
            let (value, origin) = config.get(setting);
            let value = template::to_text(&template::from_json(value.clone()));
            format!("{}({origin}) = {value}\n", setting.name)
        })
        .collect();
    lines.extend(config.file.as_ref().map(|path| format!("CONFIG_FILE() = {}\n", path.display())));
    lines.sort();
    lines.concat()
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
    let mut items = Value::Array(items.collect());
    items.sort_all_objects();
    super::inventory::pretty(&items)
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
