//! `assert`: fails unless conditions hold.

use clouder_lang::yaml::Node;
use clouder_modules::{Arguments, Outcome};
use serde_json::Value;

use super::{Action, Running};
use crate::run::{Step, StepError};
use crate::template::to_json;

/// Fails unless all conditions hold.
#[derive(Arguments)]
#[expect(dead_code, reason = "conditions are expressions: they are read from the task as written")]
pub struct AssertArgs {
    /// The conditions: expressions without braces.
    pub that: Option<Value>,
    /// What is said when one does not hold.
    #[arg(alias = "msg")]
    pub fail_msg: Option<Value>,
    /// What is said when all hold.
    pub success_msg: Option<Value>,
    /// Accepted for Ansible's sake: what is shown is the report's business.
    #[arg(default = "false")]
    pub quiet: Value,
}

/// The `assert` action.
pub struct Assert;

impl Action for Assert {
    type Args = AssertArgs;
    const NAME: &'static str = "assert";
    const SUMMARY: &'static str = "Fails unless conditions hold";
    const OPEN: bool = true;

    fn run<'a>(_args: AssertArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let arguments = step.written_arguments()?;
            let argument = |name: &str| arguments.get(name);
            let message = |names: &[&'static str]| {
                let found = names.iter().find_map(|name| argument(name).map(|node| (*name, node)));
                let Some((name, node)) = found else { return Ok(None) };
                let value = to_json(&step.run.templates.evaluate(node, &step.scope)?);
                if is_message(&value) {
                    return Ok(Some(value));
                }
                Err(StepError::Failed(format!("`{name}` must be a text or a list of texts, not {value}")))
            };
            if let Some(quiet) = argument("quiet") {
                step.run.flag(quiet, &step.scope)?;
            }
            let (fail_msg, success_msg) = (message(&["fail_msg", "msg"])?, message(&["success_msg"])?);
            let that = argument("that")
                .ok_or_else(|| StepError::Failed("missing required arguments: that".to_owned()))?;
            let conditions = match that.as_sequence() {
                Some(conditions) => conditions.to_vec(),
                None => conditions(that, step)?,
            };
            for condition in &conditions {
                if step.run.templates.condition(condition, &step.scope)? {
                    continue;
                }
                let mut outcome = Outcome { failed: true, ..Outcome::new(false) };
                outcome.result.insert("assertion".to_owned(), clouder_lang::yaml::to_json(condition));
                outcome.result.insert("evaluated_to".to_owned(), false.into());
                let message = fail_msg.unwrap_or_else(|| "Assertion failed".into());
                outcome.result.insert("msg".to_owned(), message);
                return Ok(outcome.into());
            }
            let mut outcome = Outcome::new(false);
            let message = success_msg.unwrap_or_else(|| "All assertions passed".into());
            outcome.result.insert("msg".to_owned(), message);
            Ok(outcome.into())
        })
    }
}

fn is_message(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(lines) => lines.iter().all(Value::is_string),
        _ => false,
    }
}

/// The conditions of a text: itself, or those of the list that it is a template of.
fn conditions(that: &Node, step: &Step<'_>) -> Result<Vec<Node>, StepError> {
    if !that.is_template() {
        return Ok(vec![that.clone()]);
    }
    let value = step.run.templates.evaluate(that, &step.scope)?;
    Ok(match to_json(&value) {
        Value::Array(conditions) => {
            conditions.iter().map(|condition| Node::from_json(condition, &that.span)).collect()
        }
        _ => vec![that.clone()],
    })
}
