//! What shall go wrong: a file of rules.

use std::path::Path;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use crate::failure::Failure;
use crate::operation::Style;

/// A scenario.
#[derive(Debug, Default)]
pub struct Scenario {
    rules: Vec<(Rule, Option<GlobMatcher>, u64)>,
    /// How long tokens are good for, in seconds.
    pub token_lifetime: Option<u64>,
    /// How long clients are told that they are.
    pub token_told: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token_lifetime: Option<u64>,
    #[serde(default)]
    token_told: Option<u64>,
    #[serde(default)]
    rules: Vec<Rule>,
}

/// Which requests, and what becomes of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rule {
    /// Methods; all if none.
    method: Vec<String>,
    /// The path, with `*` for anything within a segment and `**` beyond it.
    path: Option<String>,
    /// How many that match are let through first.
    after: u64,
    /// Only each so-manieth from then on.
    every: Option<u64>,
    /// How many are dealt with in all.
    count: Option<u64>,
    /// Answers with this, instead of doing anything or when it is done.
    answer: Option<Answer>,
    /// Ends the operation as failed.
    fail: Option<Fault>,
    /// How long the operation takes, in seconds.
    latency: Option<f64>,
    /// How clients learn of its end.
    style: Option<StyleName>,
    /// Whether a machine boots.
    boots: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
    retry_after: Option<u64>,
    /// Whether what was asked for is done all the same: it is the answer that is lost.
    #[serde(default)]
    done: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    code: String,
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StyleName {
    AzureAsyncOperation,
    Location,
    ProvisioningState,
}

/// What shall become of the operation that a request begins.
#[derive(Debug, Default)]
pub struct Course {
    /// What it ends with.
    pub fault: Option<Failure>,
    /// How long it takes.
    pub latency: Option<Duration>,
    /// How clients learn of its end.
    pub style: Option<Style>,
    /// Whether a machine does not boot.
    pub never_boots: bool,
    /// What is answered once it is done.
    pub answer: Option<Failure>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When it cannot be read, or says what cannot be said.
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("scenario {}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
        Self::parse(&text).map_err(|error| told(&error))
    }

    /// Reads a scenario from its text.
    ///
    /// # Errors
    /// When it says what cannot be said.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let mut rules = Vec::new();
        for rule in file.rules {
            let glob = rule
                .path
                .as_ref()
                .map(|path| GlobBuilder::new(path).case_insensitive(true).literal_separator(true).build());
            let matcher =
                glob.transpose().map_err(|error| error.to_string())?.map(|glob| glob.compile_matcher());
            rules.push((rule, matcher, 0));
        }
        Ok(Self { rules, token_lifetime: file.token_lifetime, token_told: file.token_told })
    }

    /// What becomes of a request.
    ///
    /// # Errors
    /// What is answered instead of doing anything.
    pub fn meet(&mut self, method: &str, path: &str) -> Result<Course, Failure> {
        let mut course = Course::default();
        for (rule, matcher, seen) in &mut self.rules {
            let right_method =
                rule.method.is_empty() || rule.method.iter().any(|one| one.eq_ignore_ascii_case(method));
            if !right_method || matcher.as_ref().is_some_and(|matcher| !matcher.is_match(path)) {
                continue;
            }
            *seen += 1;
            let Some(number) = seen.checked_sub(rule.after).filter(|number| *number > 0) else { continue };
            let every = rule.every.unwrap_or(1).max(1);
            if number % every != 0 || rule.count.is_some_and(|count| number / every > count) {
                continue;
            }
            if let Some(answer) = &rule.answer {
                let usual = match answer.status {
                    409 => "AnotherOperationInProgress",
                    429 => "TooManyRequests",
                    500 => "InternalServerError",
                    503 => "ServerUnavailable",
                    _ => "Refused",
                };
                let code = answer.code.as_deref().unwrap_or(usual);
                let message = answer.message.as_deref().unwrap_or("The scenario has this request fail.");
                let mut failure = Failure::new(answer.status, code, message);
                failure.retry_after = answer.retry_after;
                if !answer.done {
                    return Err(failure);
                }
                course.answer = Some(failure);
            }
            if let Some(fault) = &rule.fail {
                let message = fault.message.as_deref().unwrap_or("The scenario has this operation fail.");
                course.fault = Some(Failure::conflict(&fault.code, message));
            }
            if let Some(seconds) = rule.latency {
                course.latency = Duration::try_from_secs_f64(seconds).ok();
            }
            if let Some(style) = rule.style {
                course.style = Some(match style {
                    StyleName::AzureAsyncOperation => Style::Operation,
                    StyleName::Location => Style::Location,
                    StyleName::ProvisioningState => Style::State,
                });
            }
            course.never_boots |= rule.boots == Some(false);
        }
        Ok(course)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_third_request_fails_and_others_go_their_way() {
        let text = "rules:\n- {method: [PUT], path: '**/virtualMachines/*', every: 3, count: 2, answer: {status: 500}}\n- {path: '**', after: 1, count: 1, fail: {code: SkuNotAvailable}, latency: 0.5, style: location}\n";
        let mut scenario = Scenario::parse(text).unwrap();
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualmachines/a";
        let statuses: Vec<u16> = (0..10)
            .map(|_| scenario.meet("PUT", path).map_or_else(|failure| failure.status, |_| 0))
            .collect();
        assert_eq!(statuses, [0, 0, 500, 0, 0, 500, 0, 0, 0, 0]);
        let mut scenario = Scenario::parse(text).unwrap();
        assert!(scenario.meet("GET", "/x").unwrap().fault.is_none());
        let course = scenario.meet("GET", "/x").unwrap();
        assert_eq!(course.fault.unwrap().code, "SkuNotAvailable");
        assert_eq!((course.latency, course.style), (Some(Duration::from_millis(500)), Some(Style::Location)));
    }

    #[test]
    fn an_answer_can_be_lost_after_all_was_done() {
        let mut scenario = Scenario::parse("rules: [{answer: {status: 500, done: true}}]").unwrap();
        let course = scenario.meet("PUT", "/x").unwrap();
        assert_eq!(course.answer.unwrap().status, 500);
    }

    #[test]
    fn a_word_that_is_not_known_is_refused() {
        assert!(Scenario::parse("rules: [{methods: [GET]}]").is_err());
        assert!(Scenario::parse("rules: [{path: 'a[', answer: {status: 500}}]").is_err());
    }
}
