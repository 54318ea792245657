//! What goes on after a request was answered.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::machine::Job;

/// How a client learns that an operation has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// There is nothing to wait for.
    Synchronous,
    /// 200 or 201 with `Azure-AsyncOperation`.
    Operation,
    /// 202 with `Azure-AsyncOperation` and `Location`.
    Accepted,
    /// 202 with `Location` alone.
    Location,
    /// 200 or 201, and the resource's own `provisioningState`.
    State,
}

/// What happens when an operation ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The resource is as it was asked for.
    Provisioned,
    /// The resource is gone.
    Removed,
    /// A part of the resource, by property and name, is gone.
    PartRemoved(&'static str, String),
    /// The machine has this power state.
    Power(&'static str),
    /// The resource group is gone.
    GroupRemoved,
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// The key of the resource it is about.
    pub target: String,
    /// The id that is shown when it is done; none for what is gone then.
    pub shown: Option<String>,
    /// What it does.
    pub effect: Effect,
    /// When it began.
    pub started: SystemTime,
    /// When it may end.
    pub due: Instant,
    /// What else must end before it does.
    pub job: Option<Arc<Job>>,
    /// What it ends with, decided beforehand.
    pub fault: Option<Failure>,
    /// How it ended, if it did, and when.
    pub outcome: Option<(Result<(), Failure>, SystemTime)>,
}

impl Operation {
    /// Whether it could end now.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.outcome.is_none() && self.due <= now && self.job.as_ref().is_none_or(|job| job.ended().is_some())
    }

    /// What a client is told that asks for its state.
    #[must_use]
    pub fn body(&self, resource: Option<&Value>) -> Value {
        let mut body = json!({"name": self.id, "startTime": timestamp(self.started)});
        match &self.outcome {
            None => body["status"] = json!("InProgress"),
            Some((outcome, ended)) => {
                body["endTime"] = json!(timestamp(*ended));
                match outcome {
                    Ok(()) => {
                        body["status"] = json!("Succeeded");
                        if let Some(resource) = resource {
                            body["properties"] = json!({"output": resource});
                        }
                    }
                    Err(failure) => {
                        body["status"] = json!("Failed");
                        body["error"] = failure.body();
                    }
                }
            }
        }
        body
    }
}

/// A time as Azure writes it.
#[must_use]
pub fn timestamp(time: SystemTime) -> String {
    let time = time::OffsetDateTime::from(time);
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
