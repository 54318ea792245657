//! Asking a cloud without a network between.

use std::time::{Duration, Instant};

use azure_sim::arm;
use azure_sim::cloud::{Cloud, Settings};
use azure_sim::http::{Request, Response};
use azure_sim::machine::Machines;
use azure_sim::scenario::Scenario;
use serde_json::{Value, json};

/// A cloud with one resource group, `g`.
pub struct Asked {
    /// The cloud.
    pub cloud: Cloud,
}

impl Asked {
    pub fn new(settings: Settings, scenario: &str, machines: Box<dyn Machines>) -> Self {
        let scenario = Scenario::parse(scenario).unwrap();
        let mut asked = Self { cloud: Cloud::new(settings, scenario, machines) };
        let body = json!({"location": "westeurope"});
        assert_eq!(asked.ask("PUT", "?api-version=2021-04-01", &body).status, 201);
        asked
    }

    /// Asks for something below the resource group; what begins with a slash is below the subscription.
    pub fn ask(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let base = format!("/subscriptions/{}", self.cloud.settings.subscription);
        let target = match path.chars().next() {
            Some('/') => format!("{base}{path}"),
            Some('?') => format!("{base}/resourceGroups/g{path}"),
            _ => format!("{base}/resourceGroups/g/providers/{path}"),
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request { method: method.to_owned(), target, headers: Vec::new(), body };
        self.cloud.settle();
        self.cloud.begun = None;
        let asked = self
            .cloud
            .scenario
            .meet(method, request.path())
            .and_then(|course| {
                self.cloud.course = course;
                arm::answer(&mut self.cloud, &request, "http://sim")
            })
            .unwrap_or_else(|failure| failure.response());
        self.cloud.course = Default::default();
        asked
    }

    /// Asks, and waits until what it began has ended; returns how.
    pub fn done(&mut self, method: &str, path: &str, body: &Value) -> Result<Response, Value> {
        let response = self.ask(method, path, body);
        if response.status >= 400 {
            return Err(response.body.unwrap_or_default()["error"].clone());
        }
        let Some(id) = self.cloud.begun.clone() else { return Ok(response) };
        let deadline = Instant::now() + Duration::from_secs(240);
        loop {
            assert!(Instant::now() < deadline, "{method} {path} has not ended");
            self.cloud.settle();
            match &self.cloud.operations[&id].outcome {
                Some((Ok(()), _)) => return Ok(response),
                Some((Err(failure), _)) => return Err(failure.body()),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}
