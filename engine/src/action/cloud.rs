//! Modules that act on a cloud, from the controller.

use std::sync::Arc;

use clouder_cloud::modules::{Call, Entry};
use clouder_modules::Outcome;
use serde_json::{Map, Value};

use crate::run::Step;

/// Runs one for a step, with the environment of the task. It may outlive the step.
pub fn run(
    module: &'static Entry,
    arguments: Map<String, Value>,
    step: &Step<'_>,
) -> impl Future<Output = Outcome> + Send + use<> {
    let environment = step.settings.environment.clone();
    let (check, diff) = (step.settings.check, step.settings.diff);
    let clouds = Arc::clone(&step.run.clouds);
    let endpoint = step.run.options.azure_endpoint.clone();
    async move {
        let variable = |name: &str| environment.get(name).cloned().or_else(|| std::env::var(name).ok());
        let call = Call { check, diff, clouds: &clouds, endpoint: endpoint.as_deref(), variable: &variable };
        (module.run)(arguments, call).await
    }
}
