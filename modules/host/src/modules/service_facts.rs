//! `service_facts`: which services there are.

use serde_json::{Map, Value, json};

use crate::args::Arguments;
use crate::{Context, Module, ModuleError, Outcome};

/// Gathers services and how they stand, as the fact `services`.
#[derive(Arguments)]
pub struct ServiceFactsArgs {}

/// The `service_facts` module.
pub struct ServiceFacts;

impl Module for ServiceFacts {
    type Args = ServiceFactsArgs;
    const NAME: &'static str = "service_facts";
    const SUMMARY: &'static str = "Gathers which services there are";

    fn run(_args: ServiceFactsArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let mut services = Map::new();
        let list = |what: &str| {
            context
                .tool("systemctl")
                .arguments([what, "--no-pager", "--no-legend", "--plain", "--all", "--type=service"])
                .run()
        };
        if context.find_program("systemctl").is_some() {
            let files = list("list-unit-files")?.out();
            let enabled = |name: &str| {
                files.lines().map(str::split_whitespace).find_map(|mut words| {
                    (words.next() == Some(name)).then(|| words.next().unwrap_or_default().to_owned())
                })
            };
            for line in list("list-units")?.out().lines() {
                let words: Vec<&str> = line.trim_start_matches(['●', '*', ' ']).split_whitespace().collect();
                let [name, load, _, sub, ..] = words.as_slice() else { continue };
                let state = match (*load, *sub) {
                    ("not-found", _) => "stopped",
                    (_, "running") => "running",
                    (_, "failed") => "failed",
                    _ => "stopped",
                };
                let status = if *load == "loaded" {
                    enabled(name).unwrap_or_else(|| "unknown".to_owned())
                } else {
                    (*load).to_owned()
                };
                services.insert(
                    (*name).to_owned(),
                    json!({"name": name, "state": state, "status": status, "source": "systemd"}),
                );
            }
            for line in files.lines() {
                let mut words = line.split_whitespace();
                let (Some(name), Some(status)) = (words.next(), words.next()) else { continue };
                services.entry(name).or_insert_with(|| json!({"name": name, "state": if status == "enabled" { "inactive" } else { "unknown" }, "status": status, "source": "systemd"}));
            }
        }
        let mut outcome = Outcome::new(false);
        outcome.ansible_facts.insert("services".to_owned(), Value::Object(services));
        Ok(outcome)
    }
}
