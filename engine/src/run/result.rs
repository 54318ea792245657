//! What came of a step, and the forms it is shown and registered in.

use std::sync::Arc;

use clouder_lang::yaml::Node;
use clouder_modules::Outcome;
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::action::{Done, Effect};
use crate::report::Status;
use crate::template::TemplateError;

/// Why a step has no result of a module.
#[derive(Debug, Error)]
pub enum StepError {
    /// The task failed before a module could.
    #[error("{0}")]
    Failed(String),
    /// The host could not be reached, or was lost.
    #[error("{0}")]
    Unreachable(String),
    /// A template has no value.
    #[error("{}", .0.diagnostic)]
    Template(#[from] TemplateError),
}

/// What came of one element of a task on one host.
#[derive(Clone, Debug, Default)]
pub(super) struct StepResult {
    pub(super) outcome: Outcome,
    pub(super) effects: Vec<Effect>,
    /// Of a loop: what its turns came to, as a playbook reads it, or nothing where nobody will read it.
    pub(super) turns: Option<Vec<Json>>,
    pub(super) unreachable: bool,
    /// The failure does not count.
    pub(super) ignored: bool,
    /// Nothing of it may be shown.
    pub(super) hidden: bool,
    /// The host it really ran on.
    pub(super) delegated_to: Option<Arc<str>>,
    /// Facts belong to that host.
    pub(super) delegate_facts: bool,
}

impl From<Result<Done, StepError>> for StepResult {
    fn from(result: Result<Done, StepError>) -> Self {
        match result {
            Ok(Done { outcome, effects, hidden }) => Self { outcome, effects, hidden, ..Self::default() },
            Err(StepError::Unreachable(message)) => {
                let outcome = Outcome { msg: Some(message), ..Outcome::default() };
                Self { outcome: outcome.with("unreachable", true), unreachable: true, ..Self::default() }
            }
            Err(error) => Self { outcome: Outcome::failed(error.to_string()), ..Self::default() },
        }
    }
}

impl StepResult {
    /// A step whose conditions did not hold.
    pub(super) fn skipped(condition: &Node) -> Self {
        let outcome = Outcome { skipped: true, ..Outcome::default() };
        let condition = clouder_lang::yaml::to_json(condition);
        let outcome =
            outcome.with("skip_reason", "Conditional result was False").with("false_condition", condition);
        Self { outcome, ..Self::default() }
    }

    pub(super) fn failed(&self) -> bool {
        self.outcome.failed || self.unreachable
    }

    pub(super) fn status(&self) -> Status {
        match self {
            result if result.failed() && result.ignored => Status::Ignored,
            result if result.unreachable => Status::Unreachable,
            result if result.outcome.failed => Status::Failed,
            result if result.outcome.skipped => Status::Skipped,
            result if result.outcome.changed => Status::Changed,
            _ => Status::Ok,
        }
    }

    /// The result as a playbook reads it from a registered variable.
    pub(super) fn registered(&self) -> Map<String, Json> {
        let mut map = registered(&self.outcome);
        map.extend(self.turns.clone().map(|turns| ("results".to_owned(), turns.into())));
        map
    }

    /// The result as reports may show it. What came of the turns of a loop they have been told one by one.
    pub(super) fn shown(&self) -> Map<String, Json> {
        let mut shown = if self.hidden { self.censored() } else { registered(&self.outcome) };
        if self.turns.is_some() {
            shown.insert("results".to_owned(), Json::Array(Vec::new()));
        }
        shown
    }

    fn censored(&self) -> Map<String, Json> {
        let mut shown = Map::new();
        let reason =
            "the output has been hidden due to the fact that 'no_log: true' was specified for this result";
        shown.insert("censored".to_owned(), reason.into());
        shown.insert("changed".to_owned(), self.outcome.changed.into());
        if self.outcome.failed {
            shown.insert("failed".to_owned(), true.into());
        }
        shown
    }
}

/// An outcome flat, with texts also as lists of lines; `failed` is there unless nothing was tried.
pub(super) fn registered(outcome: &Outcome) -> Map<String, Json> {
    let Ok(Json::Object(mut map)) = serde_json::to_value(outcome) else { return Map::new() };
    if !outcome.skipped && !map.contains_key("unreachable") {
        map.entry("failed").or_insert(false.into());
    }
    for name in ["stdout", "stderr"] {
        let lines = map.get(name).and_then(Json::as_str).map(lines_of);
        if let Some(lines) = lines {
            map.insert(format!("{name}_lines"), lines);
        }
    }
    map
}

/// As Python's `splitlines`, for the line ends that occur in command output.
fn lines_of(text: &str) -> Json {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let count = if text.is_empty() || text.ends_with('\n') { lines.len() - 1 } else { lines.len() };
    Json::from(lines[..count].to_vec())
}
