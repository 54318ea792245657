//! `clouder explain`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clouder_lang::{Severity, Span};
use serde_json::{Value as Json, json};

use super::options::{InventoryOptions, Output, VaultOptions};
use super::setup::{Setup, items_of};
use super::{Failure, print, vault};
use crate::config::Config;
use crate::playbook::{Item, Keywords, Origin, Play, Task};
use crate::run::RunOptions;
use crate::template::{Scope as _, to_json};
use crate::vars::{Explanation, TaskVariables};

/// How much of a value is shown where it is hidden by another.
const SHOWN: usize = 80;

/// Shows the value of a variable of a host, where it is from, and what it hides.
#[derive(Args)]
pub(super) struct ExplainCommand {
    /// The host
    host: String,
    /// The variable
    variable: String,
    /// Playbooks whose plays count, too: files, or the names of built-in ones
    #[arg(value_name = "PLAYBOOK")]
    playbooks: Vec<PathBuf>,
    /// As this task of the playbook sees it
    #[arg(long, value_name = "NAME", requires = "playbooks")]
    task: Option<String>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    inventory: InventoryOptions,
    #[command(flatten)]
    vault: VaultOptions,
}

/// What is known of the variable in a play, or outside of all.
struct Finding {
    /// The play's name and where it is written.
    play: Option<(String, Span)>,
    explanation: Explanation,
    /// What sets it while the play runs, or for some tasks only.
    others: Vec<(&'static str, Span)>,
}

impl ExplainCommand {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, config: &Arc<Config>) -> Result<i32, Failure> {
        let keyring = vault::of_run(config, &self.vault)?;
        let playbook = self.playbooks.first().cloned().unwrap_or_else(|| PathBuf::from("site.yml"));
        let setup = Setup::new(config, &self.inventory, &keyring, &playbook, RunOptions::new(config))?;
        let outside = setup.scope_of_host(&self.host)?;
        let mut findings = Vec::new();
        let mut names = outside.names();
        for path in &self.playbooks {
            for play in &setup.load(path, Severity::Warning)?.plays {
                if setup.select(&setup.pattern(play)?)?.iter().any(|host| **host == *self.host) {
                    findings.extend(self.of_play(&setup, play, &mut names)?);
                }
            }
        }
        if let (Some(task), true) = (&self.task, findings.is_empty()) {
            let message = format!("no play has a task `{task}` for {}", self.host);
            return Err(Failure::new(message, "`clouder run --list-tasks` shows the tasks"));
        }
        if findings.is_empty() {
            let explanation = outside.explain(&self.variable);
            findings.push(Finding { play: None, explanation, others: Vec::new() });
        }
        findings.retain(|finding| finding.explanation.value.is_some() || !finding.others.is_empty());
        if findings.is_empty() {
            return Err(self.unknown(&names));
        }
        match self.output {
            Output::Text => {
                let texts: Vec<String> = findings.iter().map(|finding| self.text(finding)).collect();
                print(&texts.join("\n"));
            }
            Output::Json => print(&format!("{:#}\n", Json::from_iter(findings.iter().map(Finding::json)))),
        }
        Ok(0)
    }

    fn of_play(
        &self,
        setup: &Setup,
        play: &Play,
        names: &mut Vec<Arc<str>>,
    ) -> Result<Option<Finding>, Failure> {
        let items = items_of(play);
        let task = self.task.as_ref().map(|name| find(&items, name));
        if matches!(task, Some(None)) {
            return Ok(None);
        }
        let scope: TaskVariables = setup.scope_of_play(play, &items, &self.host, task.flatten())?;
        names.extend(scope.names());
        let mut others = Vec::new();
        if task.is_none() {
            setters(&items, &self.variable, &mut others);
            // What is around several blocks is around each.
            let mut places = std::collections::HashSet::new();
            others.retain(|(_, span)| places.insert(span.to_string()));
        }
        let name = match &play.name {
            Some(name) => name.to_text().to_string(),
            None => setup.pattern(play)?,
        };
        let explanation = scope.explain(&self.variable);
        Ok(Some(Finding { play: Some((name, play.span.clone())), explanation, others }))
    }

    fn unknown(&self, names: &[Arc<str>]) -> Failure {
        let message = format!("nothing says the variable `{}` of {}", self.variable, self.host);
        match clouder_lang::nearest(&self.variable, names.iter().map(|name| &**name)) {
            Some(nearest) => Failure::new(message, format!("did you mean `{nearest}`?")),
            None if self.playbooks.is_empty() => {
                Failure::new(message, "name a playbook to look into its plays and roles")
            }
            None => Failure::plain(message),
        }
    }

    fn text(&self, finding: &Finding) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        if let Some((name, span)) = &finding.play {
            let _ = writeln!(text, "play `{name}` ({span})");
        }
        let value = match &finding.explanation.value {
            Some(Ok(value)) => format!("= {}", to_json(value)),
            Some(Err(error)) => format!("has no value: {}", error.diagnostic.message),
            None => "is not set before the play runs".to_owned(),
        };
        let _ = writeln!(text, "{} {value}", self.variable);
        let definitions = &finding.explanation.definitions;
        if definitions.is_empty() && finding.explanation.value.is_some() {
            text += "  set by the run itself; nothing can change it\n";
        }
        for (number, definition) in definitions.iter().enumerate() {
            let word = if number == 0 { "from" } else { "hides" };
            let place = definition.span.as_ref().map(|span| format!("{span}, ")).unwrap_or_default();
            let _ =
                writeln!(text, "  {word:5} {place}{}: {}", definition.what, shortened(&definition.written));
        }
        for (what, span) in &finding.others {
            let _ = writeln!(text, "  also  {span}, {what}");
        }
        text
    }
}

impl Finding {
    fn json(&self) -> Json {
        let place = |span: &Span| {
            let position = span.position();
            json!({"file": span.source().name(), "line": position.line, "column": position.column})
        };
        let (value, error) = match &self.explanation.value {
            Some(Ok(value)) => (to_json(value), None),
            Some(Err(error)) => (Json::Null, Some(&error.diagnostic.message)),
            None => (Json::Null, None),
        };
        let definitions = self.explanation.definitions.iter().map(|definition| {
            let place = definition.span.as_ref().map(place);
            json!({"what": definition.what, "place": place, "written": definition.written})
        });
        let others = self.others.iter().map(|(what, span)| json!({"what": what, "place": place(span)}));
        json!({
            "play": self.play.as_ref().map(|(name, span)| json!({"name": name, "place": place(span)})),
            "value": value,
            "error": error,
            "definitions": definitions.collect::<Vec<_>>(),
            "others": others.collect::<Vec<_>>(),
        })
    }
}

fn shortened(value: &Json) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain("…".chars()).collect() }
}

/// The first task of a name.
fn find<'a>(items: &'a [Item], name: &str) -> Option<&'a Task> {
    items.iter().find_map(|item| match item {
        Item::Task(task) => {
            task.name.as_ref().is_some_and(|own| &*own.to_text() == name).then_some(task.as_ref())
        }
        Item::Block(block) => {
            [&block.items, &block.rescue, &block.always].into_iter().find_map(|items| find(items, name))
        }
    })
}

/// What among some tasks sets a variable while they run, or for some of them only.
fn setters(items: &[Item], name: &str, found: &mut Vec<(&'static str, Span)>) {
    let of_keywords =
        |keywords: &Keywords| Some(keywords.vars.as_ref()?.as_mapping()?.entry(name)?.key.span.clone());
    for item in items {
        match item {
            Item::Task(task) => {
                found.extend(of_keywords(&task.keywords).map(|span| ("vars of a task", span)));
                if task.register.as_deref() == Some(name) {
                    found.push(("register of a task", task.span.clone()));
                }
                let argument = task.invocation.arguments.as_mapping().and_then(|map| map.entry(name));
                if let (Some(entry), "set_fact") = (argument, task.invocation.name.as_ref()) {
                    found.push(("set_fact", entry.key.span.clone()));
                }
            }
            Item::Block(block) => {
                let around = block.layer.chain().take_while(|layer| !matches!(layer.origin, Origin::Play));
                let spans = around.filter_map(|layer| of_keywords(&layer.keywords));
                found.extend(spans.map(|span| ("vars of a block or a role", span)));
                for items in [&block.items, &block.rescue, &block.always] {
                    setters(items, name, found);
                }
            }
        }
    }
}
