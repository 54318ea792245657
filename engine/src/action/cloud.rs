//! Modules that act on a cloud, from the controller.

use clouder_cloud::modules::{Call, Entry};
use clouder_modules::Outcome;
use serde_json::{Map, Value};

use crate::run::Step;

/// Runs one for a step, with the environment of the task.
pub async fn run(module: &'static Entry, arguments: Map<String, Value>, step: &Step<'_>) -> Outcome {
    let environment = &step.settings.environment;
    let variable = |name: &str| environment.get(name).cloned().or_else(|| std::env::var(name).ok());
    let call = Call {
        check: step.settings.check,
        diff: step.settings.diff,
        clouds: &step.run.clouds,
        endpoint: step.run.options.azure_endpoint.as_deref(),
        variable: &variable,
    };
    (module.run)(arguments, call).await
}
