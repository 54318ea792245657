//! What Azure says when it refuses.

use serde_json::{Value, json};

use crate::http::Response;

/// A refusal: a status, and a code and message as Azure words them.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// 400 and the others.
    pub status: u16,
    /// Such as `ResourceNotFound`.
    pub code: String,
    /// For people.
    pub message: String,
    /// What in the request it is about.
    pub target: Option<String>,
    /// Failures beneath, as code and message.
    pub details: Vec<(String, String)>,
    /// After how many seconds to try again.
    pub retry_after: Option<u64>,
}

/// What a request leads to.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A refusal of this status, code and message.
    #[must_use]
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// 400 with this code and message.
    #[must_use]
    pub fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// 409 with this code and message.
    #[must_use]
    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(409, code, message)
    }

    /// The same, about this part of the request.
    #[must_use]
    pub fn about(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// The same, with a failure beneath.
    #[must_use]
    pub fn because(mut self, code: &str, message: impl Into<String>) -> Self {
        self.details.push((code.to_owned(), message.into()));
        self
    }

    /// The same, to be tried again after some seconds.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The `error` object.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(target) = &self.target {
            error["target"] = json!(target);
        }
        if !self.details.is_empty() {
            let details =
                self.details.iter().map(|(code, message)| json!({"code": code, "message": message}));
            error["details"] = details.collect();
        }
        error
    }

    /// The whole response.
    #[must_use]
    pub fn response(&self) -> Response {
        let mut response = Response::json(self.status, json!({"error": self.body()}));
        response = response.with("x-ms-failure-cause", "gateway");
        if let Some(seconds) = self.retry_after {
            response = response.with("retry-after", seconds.to_string());
        }
        if self.status == 401 {
            let text = format!("Bearer error=\"invalid_token\", error_description=\"{}\"", self.message);
            response = response.with("www-authenticate", text);
        }
        response
    }
}
