//! `set_fact`: sets variables of a host.

use std::sync::Arc;

use clouder_lang::yaml::Node;
use clouder_modules::{Arguments, Outcome};
use serde_json::Map;

use super::{Action, Done, Effect, Running};
use crate::run::{Step, StepError};
use crate::template::{to_json, to_text};

/// Sets variables that later tasks of the host see. Each other argument is a variable.
#[derive(Arguments)]
pub struct SetFactArgs {
    /// Whether they count as gathered facts, too.
    #[arg(default = "false")]
    pub cacheable: bool,
}

/// The `set_fact` action.
pub struct SetFact;

impl Action for SetFact {
    type Args = SetFactArgs;
    const NAME: &'static str = "set_fact";
    const SUMMARY: &'static str = "Sets variables of a host";
    const OPEN: bool = true;

    fn run<'a>(args: SetFactArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut effects = Vec::new();
            let mut facts = Map::new();
            for key in step.arguments.try_iter().map_err(|error| StepError::Failed(error.to_string()))? {
                let written = to_text(&key);
                if written == "cacheable" {
                    continue;
                }
                // Names of facts may be templates.
                let node = Node::text(written.as_str(), step.task.invocation.arguments.span.clone());
                let name = step.run.templates.evaluate_text(&node, &step.scope)?;
                if !is_variable_name(&name) {
                    return Err(StepError::Failed(format!(
                        "The variable name '{name}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores."
                    )));
                }
                let value = step.arguments.get_item(&key).unwrap_or_default();
                facts.insert(name.clone(), to_json(&value));
                effects.push(Effect::Set { name: Arc::from(name), value, cacheable: args.cacheable });
            }
            if effects.is_empty() {
                return Err(StepError::Failed(
                    "No key/value pairs provided, at least one is required for this action to succeed"
                        .to_owned(),
                ));
            }
            let outcome = Outcome::new(false).with("ansible_facts", facts);
            Ok(Done { outcome, effects, ..Done::default() })
        })
    }
}

/// Whether a text can be a variable's name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}
