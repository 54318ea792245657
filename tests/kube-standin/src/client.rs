//! A client of the API.

use std::time::Duration;

use serde_json::Value;

use crate::failure::{Context as _, Failure, Result};
use crate::http::{Request, Response, encoded};
use crate::kubeconfig::{Credentials, Kubeconfig};
use crate::listing;
use crate::tls;

/// Talks to one API server.
#[derive(Debug, Clone)]
pub struct Client {
    config: Kubeconfig,
    timeout: Duration,
}

/// Why the API did not do as it was asked.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The HTTP status, 0 when the server did not answer.
    pub status: u16,
    /// One word, such as `NotFound`.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error.status {
            0 => Self::new(error.message),
            _ => Self::new(format!("Error from server ({}): {}", error.reason, error.message)),
        }
    }
}

impl ApiError {
    /// Whether the API answered that there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }
}

impl Client {
    /// A client that gives up after this time.
    #[must_use]
    pub fn new(config: Kubeconfig, timeout: Duration) -> Self {
        Self { config, timeout }
    }

    /// The kubeconfig it works by.
    #[must_use]
    pub fn config(&self) -> &Kubeconfig {
        &self.config
    }

    /// Gets an object, or a list.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn get(&self, path: &str) -> std::result::Result<Value, ApiError> {
        self.ask(Request { method: "GET".to_owned(), target: path.to_owned(), ..Request::default() })
    }

    /// Gets a list; none when it is still the one of this [`listing::tag`].
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub(crate) fn get_changed(
        &self,
        path: &str,
        tag: String,
    ) -> std::result::Result<Option<Value>, ApiError> {
        let headers = vec![(listing::HEADER.to_owned(), tag)];
        let request =
            Request { method: "GET".to_owned(), target: path.to_owned(), headers, ..Request::default() };
        match self.ask(request) {
            Err(error) if error.status == 304 => Ok(None),
            other => other.map(Some),
        }
    }

    /// Makes an object.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn create(&self, path: &str, object: &Value) -> std::result::Result<Value, ApiError> {
        self.send_object("POST", path, "application/json", object)
    }

    /// Replaces an object.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn replace(&self, path: &str, object: &Value) -> std::result::Result<Value, ApiError> {
        self.send_object("PUT", path, "application/json", object)
    }

    /// Changes some fields of an object.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn merge(&self, path: &str, change: &Value) -> std::result::Result<Value, ApiError> {
        self.send_object("PATCH", path, "application/merge-patch+json", change)
    }

    /// Applies an object on the server's side.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn apply(
        &self,
        path: &str,
        object: &Value,
        manager: &str,
        force: bool,
        dry_run: bool,
    ) -> std::result::Result<Value, ApiError> {
        let dry = if dry_run { "&dryRun=All" } else { "" };
        let path = format!("{path}?fieldManager={}&force={force}{dry}", encoded(manager));
        self.send_object("PATCH", &path, "application/apply-patch+yaml", object)
    }

    /// Makes an object, or replaces the one that is there.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn put(&self, collection: &str, object: &Value) -> std::result::Result<Value, ApiError> {
        match self.create(collection, object) {
            Err(error) if error.status == 409 => {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.replace(&format!("{collection}/{name}"), object)
            }
            other => other,
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// What the API answers instead, or that it does not.
    pub fn delete(&self, path: &str) -> std::result::Result<Value, ApiError> {
        self.ask(Request { method: "DELETE".to_owned(), target: path.to_owned(), ..Request::default() })
    }

    /// Sends any request, and returns the answer whatever its status.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn send(&self, mut request: Request) -> Result<Response> {
        let host = self.config.server.trim_start_matches("https://").to_owned();
        request.headers.push(("host".to_owned(), host));
        if let Credentials::Token(token) = &self.config.credentials {
            request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let exchange = || {
            let mut stream = tls::connect(&self.config, self.timeout)?;
            request.write(&mut stream)?;
            Response::read(&mut stream)
        };
        exchange().doing(format_args!("{} {}{}", request.method, self.config.server, request.target))
    }

    fn send_object(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        object: &Value,
    ) -> std::result::Result<Value, ApiError> {
        self.ask(Request {
            method: method.to_owned(),
            target: path.to_owned(),
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: object.to_string().into_bytes(),
        })
    }

    fn ask(&self, request: Request) -> std::result::Result<Value, ApiError> {
        let silent =
            |failure: Failure| ApiError { status: 0, reason: String::new(), message: failure.message };
        let response = self.send(request).map_err(silent)?;
        let value: Value = serde_json::from_slice(&response.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&response.body).into_owned()));
        if response.status < 300 {
            return Ok(value);
        }
        let text = |key: &str| value[key].as_str().unwrap_or("unknown").to_owned();
        Err(ApiError { status: response.status, reason: text("reason"), message: text("message") })
    }
}
