//! What a step calls: an action on the controller, a module of a cloud, or a module on the host.

use std::sync::Arc;
use std::time::Duration;

use clouder_modules::Outcome;
use serde_json::{Map, Value as Json};

use super::background::Way;
use super::step::Step;
use super::{Run, StepError};
use crate::action::{self, Done, Payload};
use crate::connection::Contents;
use crate::playbook::OwnModule;
use crate::template::to_json;

impl Run {
    /// Calls the action or module of a step.
    pub(super) async fn invoke(&self, step: &Step<'_>) -> Result<Done, StepError> {
        let Json::Object(arguments) = to_json(&step.arguments) else {
            return Err(StepError::Failed("the arguments of a task must be a mapping".to_owned()));
        };
        let way = self.way(step)?;
        if let Some(module) = self.own_module(step) {
            let (request, contents) = action::own_module::request(&module, arguments, step)?;
            return self.call(step, way, action::own_module::RUNNER, request, Some(contents)).await;
        }
        if let Some(action) = action::find(&step.module) {
            let done = within(step.settings.timeout, (action.run)(arguments, step)).await?;
            // What the controller has a part in is done at once.
            return Ok(match way {
                Way::Background(_) if step.module.as_ref() != "async_status" => {
                    Done { outcome: self.started_and_done(done.outcome), ..done }
                }
                _ => done,
            });
        }
        if let Some(module) = clouder_cloud::modules::find(&step.module) {
            let work = action::cloud::run(module, arguments, step);
            return Ok(match way {
                Way::Background(limit) => self.in_background(limit, work),
                Way::Foreground(limit) => self.in_foreground(step, limit, async { Ok(work.await) }).await?,
            }
            .into());
        }
        let Some(module) = clouder_modules::find(&step.module) else {
            return Err(StepError::Failed(format!("clouder has no module `{}`", step.module)));
        };
        self.call(step, way, module.name, arguments, None).await
    }

    /// The module that a step calls, where that is no part of clouder.
    fn own_module(&self, step: &Step<'_>) -> Option<Arc<OwnModule>> {
        let is_ours = || {
            action::find(&step.module).is_some()
                || clouder_modules::find(&step.module).is_some()
                || clouder_cloud::modules::find(&step.module).is_some()
        };
        match &step.own {
            Some(own) => Some(Arc::clone(own)),
            None if is_ours() => None,
            None => self.loader.foreign_module(&step.module),
        }
    }

    /// Calls a module of the host.
    async fn call(
        &self,
        step: &Step<'_>,
        way: Way,
        name: &'static str,
        arguments: Map<String, Json>,
        contents: Option<Arc<Payload>>,
    ) -> Result<Done, StepError> {
        let contents = contents.map(|contents| contents as Arc<dyn Contents>);
        let limit = match way {
            Way::Background(limit) => {
                return Ok(self.start(step, name, arguments, contents, limit).await?.into());
            }
            Way::Foreground(limit) => limit,
        };
        let work = Box::pin(step.module(name, arguments, contents, None));
        Ok(self.in_foreground(step, limit, work).await?.into())
    }

    /// Waits for a module, at most as long as the step may take.
    async fn in_foreground(
        &self,
        step: &Step<'_>,
        limit: Option<Duration>,
        work: impl Future<Output = Result<Outcome, StepError>>,
    ) -> Result<Outcome, StepError> {
        let outcome = within(step.settings.timeout.or(limit), work).await;
        match (limit, outcome) {
            (Some(limit), Err(StepError::Failed(_))) if step.settings.timeout.is_none() => {
                let message =
                    format!("async task did not complete within the requested time - {}s", limit.as_secs());
                Ok(Outcome::failed(message))
            }
            (Some(_), outcome) => Ok(self.waited_for(outcome?)),
            (None, outcome) => outcome,
        }
    }
}

/// A future with a time limit.
async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, StepError>>,
) -> Result<T, StepError> {
    match limit {
        None => work.await,
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(StepError::Failed(format!("timed out after {} seconds", limit.as_secs()))),
        },
    }
}
