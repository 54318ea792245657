//! `clouder doc`.

use std::fmt::Write as _;

use clap::Args;
use clouder_modules::args::{Constraint, Schema};

use super::{Failure, print};
use crate::action;

/// Shows what modules do and what arguments they take.
#[derive(Args)]
pub(super) struct DocCommand {
    /// The module; all of them if none is named
    module: Option<String>,
    /// Show data for editors: a JSON Schema of the arguments
    #[arg(long, requires = "module")]
    json_schema: bool,
    /// Show all modules, which is what is shown anyway when none is named
    #[arg(short, long, hide = true)]
    list: bool,
    /// What sort of thing is asked for
    #[arg(short, long = "type", hide = true, value_parser = ["module"])]
    kind: Option<String>,
}

impl DocCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self) -> Result<i32, Failure> {
        let Some(name) = self.module.as_ref().filter(|_| !self.list) else {
            print(&overview());
            return Ok(0);
        };
        let short = crate::playbook::short_name(name);
        let Some((summary, schema)) = lookup(short) else {
            let names = all();
            let hint = match clouder_lang::nearest(short, names.iter().map(|(name, _)| *name)) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "clouder doc shows all modules".to_owned(),
            };
            return Err(Failure::new(format!("there is no module `{name}`"), hint));
        };
        print(&if self.json_schema { json_schema(schema) } else { page(short, summary, schema) });
        Ok(0)
    }
}

fn all() -> Vec<(&'static str, &'static str)> {
    let actions = action::registry().iter().map(|entry| (entry.name, entry.summary));
    let modules = clouder_modules::registry().iter().filter(|entry| !entry.is_internal());
    let modules = modules.map(|entry| (entry.name, entry.summary));
    let of_clouds = clouder_cloud::modules::registry().iter().map(|entry| (entry.name, entry.summary));
    let mut all: Vec<_> = actions.chain(modules).chain(of_clouds).collect();
    all.sort_unstable();
    all.dedup_by_key(|(name, _)| *name);
    all
}

fn lookup(name: &str) -> Option<(&'static str, &'static Schema)> {
    let action = action::find(name).map(|entry| (entry.summary, (entry.schema)()));
    let of_host = || clouder_modules::find(name).map(|entry| (entry.summary, (entry.schema)()));
    let of_cloud = || clouder_cloud::modules::find(name).map(|entry| (entry.summary, (entry.schema)()));
    action.or_else(of_host).or_else(of_cloud)
}

fn overview() -> String {
    let mut text = String::new();
    for (name, summary) in all() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<24} {summary}");
    }
    text
}

/// A module's page.
fn page(name: &str, summary: &str, schema: &Schema) -> String {
    let mut text = format!("{name}: {summary}\n\n{}\n\nArguments:\n", schema.about());
    for parameter in
        schema.all().into_iter().filter(|parameter| !parameter.name.starts_with('_') || parameter.free_form)
    {
        let shown = if parameter.name == "_raw_params" { "(free text)" } else { parameter.name };
        let mut notes = vec![parameter.kind.describe()];
        if parameter.required {
            notes.push("required".to_owned());
        }
        if let Some(default) = parameter.default.filter(|default| !default.is_empty()) {
            notes.push(format!("default: {default}"));
        }
        if !parameter.aliases.is_empty() {
            notes.push(format!("also: {}", parameter.aliases.join(", ")));
        }
        if parameter.secret {
            notes.push("never shown".to_owned());
        }
        let _ = writeln!(text, "  {shown} ({})", notes.join("; "));
        for line in parameter.doc.lines() {
            let _ = writeln!(text, "      {line}");
        }
    }
    for constraint in schema.all_constraints() {
        let _ = writeln!(text, "  {}", rule(constraint));
    }
    text
}

fn rule(constraint: &Constraint) -> String {
    match constraint {
        Constraint::Exclusive(names) => format!("Only one of {} may be given.", names.join(", ")),
        Constraint::OneOf(names) => format!("One of {} must be given.", names.join(", ")),
        Constraint::RequiredIf { parameter, value, needed } => {
            format!("When {parameter} is {value}, {} must be given.", needed.join(" or "))
        }
        Constraint::RequiredBy { parameter, needed } => {
            format!("With {parameter}, {} must be given.", needed.join(" and "))
        }
    }
}

fn json_schema(schema: &Schema) -> String {
    let value = schema.to_json_schema();
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
