//! `validate_argument_spec`: checks variables against an argument specification.

use std::sync::Arc;

use clouder_lang::yaml::Node;
use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value};

use super::{Action, Running};
use crate::playbook::argument_spec;
use crate::run::Step;
use crate::template::to_json;

/// Checks variables against an argument specification; also runs by itself before a role that has one.
#[derive(Arguments)]
pub struct ValidateArgumentSpecArgs {
    /// The specification: options by name.
    pub argument_spec: Map<String, Value>,
    /// Values that win over the variables of those names.
    pub provided_arguments: Option<Map<String, Value>>,
}

/// The `validate_argument_spec` action.
pub struct ValidateArgumentSpec;

impl Action for ValidateArgumentSpec {
    type Args = ValidateArgumentSpecArgs;
    const NAME: &'static str = "validate_argument_spec";
    const SUMMARY: &'static str = "Checks variables against an argument specification";
    const OPEN: bool = true;

    fn run<'a>(args: ValidateArgumentSpecArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let mut provided = Map::new();
            for name in args.argument_spec.keys() {
                if let Some(value) = Arc::clone(&step.scope).variable(name) {
                    provided.insert(name.clone(), to_json(&value?));
                }
            }
            if let Some(given) = &args.provided_arguments {
                provided.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            let spec = Node::from_json(&Value::Object(args.argument_spec), &step.task.span);
            let errors = argument_spec::validate(&spec, &provided);
            if errors.is_empty() {
                return Ok(Outcome::new(false).message("The arg spec validation passed").into());
            }
            let outcome = Outcome::failed(format!("Validation of arguments failed:\n{}", errors.join("\n")));
            Ok(outcome.with("argument_errors", errors).into())
        })
    }
}
