//! `vars_prompt`: variables of a play that a person is asked for.

use std::sync::Arc;

use clouder_inventory::Variables;
use clouder_lang::Diagnostic;
use clouder_lang::yaml::{Node, Yaml};

use super::Run;
use crate::playbook::Play;
use crate::template::{Scope, Value, encrypted, to_text};

impl Run {
    /// Asks what `vars_prompt` asks, except for what extra variables already say.
    pub(super) fn prompts(&self, play: &Play, scope: &Arc<dyn Scope>) -> Result<Variables, Box<Diagnostic>> {
        let mut answers = Variables::new();
        for node in &play.vars_prompt {
            let prompt = self.templates.evaluate(node, scope).map_err(|error| error.diagnostic)?;
            let Some(name) = option(&prompt, "name").map(|name| to_text(&name)) else { continue };
            if self.variables.extra.contains_key(name.as_str()) {
                continue;
            }
            let mut answer = self.answer(&name, &prompt, node)?;
            if let Some(kind) = option(&prompt, "encrypt") {
                let salt = option(&prompt, "salt").map(|salt| to_text(&salt));
                let size = option(&prompt, "salt_size").and_then(|size| usize::try_from(size).ok());
                answer = encrypted(&answer, &to_text(&kind), salt, size).map_err(|reason| {
                    Box::new(Diagnostic::error(format!("cannot encrypt `{name}`: {reason}"), &node.span))
                })?;
            }
            // What is typed may hold templates, unless the question says that it is not safe.
            let value = if is_true(&prompt, "unsafe", false) {
                Yaml::Raw(answer.into())
            } else {
                Yaml::String(answer.into())
            };
            answers.insert(Arc::from(name), Node::new(value, node.span.clone()));
        }
        Ok(answers)
    }

    /// What is typed, or the default: where nobody can be asked, or when nothing is typed.
    fn answer(&self, name: &str, prompt: &Value, node: &Node) -> Result<String, Box<Diagnostic>> {
        let default = option(prompt, "default").map(|value| to_text(&value));
        let question = match (option(prompt, "prompt"), &default) {
            (Some(words), Some(default)) => format!("{} [{default}]", to_text(&words)),
            (Some(words), None) => to_text(&words),
            (None, _) => format!("input for {name}"),
        };
        let Some(ask) = &self.options.ask else {
            return default.ok_or_else(|| {
                let message = format!("nobody is there to answer `{question}`");
                Box::new(Diagnostic::error(message, &node.span).hint(format!("give it with -e {name}=…")))
            });
        };
        let private = is_true(prompt, "private", true);
        let ask = |question: &str| {
            (ask.0)(question, private).map_err(|error| {
                Box::new(Diagnostic::error(format!("no answer to `{question}`: {error}"), &node.span))
            })
        };
        let mut answer = ask(&question)?;
        if is_true(prompt, "confirm", false) {
            while ask(&format!("confirm {question}"))? != answer {
                answer = ask(&format!("***** VALUES ENTERED DO NOT MATCH ****\n{question}"))?;
            }
        }
        Ok(if answer.is_empty() { default.unwrap_or_default() } else { answer })
    }
}

/// An option of a question, if it has a value.
fn option(prompt: &Value, name: &str) -> Option<Value> {
    prompt.get_attr(name).ok().filter(|value| !value.is_undefined() && !value.is_none())
}

/// An option that is yes or no, as Ansible reads such texts.
fn is_true(prompt: &Value, name: &str, usual: bool) -> bool {
    option(prompt, name).map_or(usual, |value| match value.as_str() {
        Some(text) => {
            matches!(text.to_lowercase().as_str(), "y" | "yes" | "on" | "1" | "true" | "t" | "1.0")
        }
        None => value.is_true(),
    })
}
