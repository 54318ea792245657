//! Tasks in the background: `async` with `poll: 0`, and `async_status` that asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouder_modules::Outcome;
use serde_json::{Map, Value as Json};

use super::{Run, Step, StepError};
use crate::connection::{Call, Contents};
use crate::template::to_text;

/// Tasks that were started in the background, by their ids.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<HashMap<String, Option<Outcome>>>);

impl Jobs {
    fn set(&self, id: &str, outcome: Option<Outcome>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), outcome);
    }

    /// What became of a task: unknown, still running, or its outcome.
    pub fn get(&self, id: &str) -> Option<Option<Outcome>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Forgets a task.
    pub fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// How a task runs.
pub(super) enum Way {
    /// In the foreground, perhaps within so many seconds.
    Foreground(Option<Duration>),
    /// In the background, within so many seconds.
    Background(Duration),
}

impl Run {
    /// Whether a step runs in the background.
    pub(super) fn way(&self, step: &Step<'_>) -> Result<Way, StepError> {
        let number = |node: &Option<clouder_lang::yaml::Node>, usual: u64| match node {
            Some(node) => {
                let text = to_text(&self.templates.evaluate(node, &step.scope)?);
                text.trim().parse::<f64>().map(|number| number.max(0.0) as u64).map_err(|_| {
                    StepError::Failed(format!("`async` and `poll` need whole numbers, not `{text}`"))
                })
            }
            None => Ok(usual),
        };
        let seconds = number(&step.task.async_seconds, 0)?;
        // In check mode nothing is started.
        if seconds == 0 || step.settings.check {
            return Ok(Way::Foreground(None));
        }
        let limit = Duration::from_secs(seconds);
        Ok(if number(&step.task.poll, self.options.poll_interval)? == 0 {
            Way::Background(limit)
        } else {
            Way::Foreground(Some(limit))
        })
    }

    /// Starts a module in the background and tells how to ask for it.
    pub(super) async fn start(
        &self,
        step: &Step<'_>,
        name: &'static str,
        arguments: Map<String, Json>,
        contents: Option<Arc<dyn Contents>>,
        limit: Duration,
    ) -> Result<Outcome, StepError> {
        let agent = step.agent().await?;
        let (diff, environment) = (step.settings.diff, step.settings.environment.clone());
        Ok(self.in_background(limit, async move {
            let call = Call {
                module: name,
                arguments,
                check: false,
                diff,
                environment: &environment,
                contents,
                give_to: None,
                output: None,
                queue: None,
            };
            agent.call(call).await.unwrap_or_else(|error| Outcome::failed(error.to_string()))
        }))
    }

    /// Goes on with work in the background and tells how to ask for it.
    pub(super) fn in_background(
        &self,
        limit: Duration,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> Outcome {
        let id = self.job_id();
        self.jobs.set(&id, None);
        let (jobs, job) = (Arc::clone(&self.jobs), id.clone());
        tokio::spawn(async move {
            let outcome = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Outcome::failed(format!("Job reached maximum time limit of {} seconds.", limit.as_secs()))
            });
            jobs.set(&job, Some(outcome));
        });
        self.started(&id)
    }

    /// Keeps the outcome of an action that cannot run in the background as if it had.
    pub(super) fn started_and_done(&self, outcome: Outcome) -> Outcome {
        let id = self.job_id();
        self.jobs.set(&id, Some(outcome));
        self.started(&id)
    }

    /// The outcome of a task that was waited for, though it might have run in the background.
    pub(super) fn waited_for(&self, outcome: Outcome) -> Outcome {
        outcome.with("started", true).with("finished", true).with("ansible_job_id", self.job_id())
    }

    fn started(&self, id: &str) -> Outcome {
        Outcome::new(true)
            .with("started", true)
            .with("finished", false)
            .with("ansible_job_id", id)
            .with("results_file", results_file(id))
    }

    fn job_id(&self) -> String {
        format!("j{}.{}", self.next_task_id(), std::process::id())
    }
}

/// Where Ansible would keep the result.
pub(crate) fn results_file(id: &str) -> String {
    format!("{}/.ansible_async/{id}", std::env::var("HOME").unwrap_or_default())
}
