//! `debug`: shows a text or the value of an expression.

use clouder_lang::yaml::Node;
use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value};

use super::{Action, Running, set_fact};
use crate::run::Step;
use crate::template::{TemplateError, to_json};

/// Shows a text, or what an expression is.
#[derive(Arguments)]
#[expect(dead_code, reason = "expressions are read from the task as written")]
pub struct DebugArgs {
    /// The text.
    pub msg: Option<Value>,
    /// The expression, without braces.
    pub var: Option<Value>,
    /// Shown only from this much `-v` on.
    #[arg(default = "0")]
    pub verbosity: Value,
}

/// The `debug` action.
pub struct Debug;

impl Action for Debug {
    type Args = DebugArgs;
    const NAME: &'static str = "debug";
    const SUMMARY: &'static str = "Shows a text or the value of an expression";

    fn run<'a>(_args: DebugArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let arguments = step.written_arguments()?;
            let argument = |name: &str| arguments.get(name);
            let is_given = |name: &str| match argument(name) {
                Some(node) if node.is_template() => {
                    let value = step.run.templates.evaluate(node, &step.scope);
                    !value.is_ok_and(|value| crate::template::is_omit(&value))
                }
                other => other.is_some(),
            };
            if is_given("msg") && is_given("var") {
                return Ok(Outcome::failed("'msg' and 'var' are incompatible options").into());
            }
            if let Some(node) = argument("verbosity") {
                let wanted = crate::template::to_text(&step.run.templates.evaluate(node, &step.scope)?);
                let Ok(level) = wanted.trim().parse::<i64>() else {
                    return Ok(
                        Outcome::failed(format!("`verbosity` must be a whole number, not {wanted}")).into()
                    );
                };
                if level > i64::from(step.run.options.verbosity) {
                    let outcome = Outcome { skipped: true, ..Outcome::default() };
                    return Ok(outcome.with("skipped_reason", "Verbosity threshold not met.").into());
                }
            }
            let mut result = Map::new();
            if let Some(var) = argument("var").filter(|_| is_given("var")) {
                let (name, value) = shown(var, step)?;
                result.insert(name, value);
            } else {
                let value = match argument("msg").filter(|_| is_given("msg")) {
                    Some(node) => to_json(&step.run.templates.evaluate(node, &step.scope)?),
                    None => Value::from("Hello world!"),
                };
                result.insert("msg".to_owned(), value);
            }
            // `msg` may hold any value, not just text, so it goes where all fields go.
            Ok(Outcome { result, ..Outcome::new(false) }.into())
        })
    }
}

/// An expression and its value, or that it has none. A template may make the expression. What cannot be decrypted is a
/// failure.
fn shown(var: &Node, step: &Step<'_>) -> Result<(String, Value), TemplateError> {
    let templates = &step.run.templates;
    let is_template = var.as_str().is_some_and(crate::template::is_template);
    let mut name = var.to_text().to_string();
    let value = if is_template || var.as_str().is_none() {
        match templates.evaluate(var, &step.scope) {
            Ok(made) if made.as_str().is_some_and(set_fact::is_variable_name) => {
                name = crate::template::to_text(&made);
                templates.expression(&Node::text(name.as_str(), var.span.clone()), &step.scope)
            }
            other => other,
        }
    } else {
        templates.expression(var, &step.scope)
    };
    let value = match value {
        Ok(value) if value.is_undefined() => Value::from("VARIABLE IS NOT DEFINED!"),
        Ok(value) => to_json(&value),
        Err(error) if error.sealed.is_some() => return Err(error),
        Err(error) => Value::from(format!("<< error 1 - {error} >>")),
    };
    Ok((name, value))
}
