//! What the tests of modules share.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::context::NoExchange;
use crate::{Arguments as _, Context, Module, Outcome};

/// A context of a run without a controller, that shows differences.
pub(crate) fn context() -> Context {
    Context {
        check: false,
        diff: true,
        environment: BTreeMap::new(),
        scratch: std::env::temp_dir(),
        cancelled: Arc::default(),
        exchange: Box::new(NoExchange),
    }
}

/// Runs a module with arguments as a playbook would give them.
pub(crate) fn run<M: Module>(arguments: Value, check: bool) -> Outcome {
    let mut context = context();
    context.check = check;
    let Value::Object(arguments) = arguments else { panic!("arguments are a mapping") };
    match M::Args::read(arguments) {
        Ok(arguments) => M::run(arguments, &mut context).unwrap_or_else(|error| error.into_outcome()),
        Err(error) => Outcome::failed(error.to_string()),
    }
}

/// The contract of every module: check mode predicts the change and makes none, the run makes it, a second run
/// changes nothing. Returns the outcome of the run that changed.
pub(crate) fn changes_once<M: Module>(arguments: &Value) -> Outcome {
    let predicted = run::<M>(arguments.clone(), true);
    assert!(!predicted.failed && predicted.changed, "check mode predicts a change: {predicted:?}");
    let again = run::<M>(arguments.clone(), true);
    assert!(again.changed, "check mode changed something: {again:?}");
    let first = run::<M>(arguments.clone(), false);
    assert!(!first.failed && first.changed, "the run changes: {first:?}");
    let second = run::<M>(arguments.clone(), false);
    assert!(!second.failed && !second.changed, "the second run does not: {second:?}");
    let check = run::<M>(arguments.clone(), true);
    assert!(!check.changed, "nor is a change predicted then: {check:?}");
    first
}
