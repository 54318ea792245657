//! Sending requests: azure_core's transport, by the HTTP library that clouder has anyway. Connections are kept and shared.

use std::io::ErrorKind as Io;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{AsyncRawResponse, HttpClient, Request};
use azure_core::{Error, Result};
use clouder_modules::system::http::system_trust;
use ureq::Agent;
use ureq::http::{Method, Request as HttpRequest};

use crate::CloudError;

/// How long one request may take. What takes Azure longer is an operation, which is asked for again.
const LIMIT: Duration = Duration::from_secs(120);

/// The most that is read of one answer, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Sends requests.
#[derive(Debug)]
pub(super) struct Web {
    agent: Agent,
    /// Origins of this machine that speak http, as `https://…`.
    plain: Vec<String>,
}

impl Web {
    /// `origins` may be `http://…` when they are this machine's.
    pub(super) fn new(origins: &[&str]) -> std::result::Result<Self, CloudError> {
        let mut plain = Vec::new();
        for origin in origins {
            if let Some(rest) = origin.strip_prefix("http://") {
                let host = rest.split(['/', ':']).next().unwrap_or_default();
                if !matches!(host, "127.0.0.1" | "localhost") && !rest.starts_with("[::1]") {
                    return Err(CloudError::Login(format!(
                        "{origin} would send tokens unencrypted: use https"
                    )));
                }
                plain.push(format!("https://{}", rest.trim_end_matches('/')));
            }
        }
        let needs_trust = plain.len() < origins.len();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(LIMIT))
            .max_idle_connections_per_host(32)
            .max_idle_connections(64);
        let config = if needs_trust {
            config.tls_config(system_trust().map_err(|error| CloudError::Unreachable(error.to_string()))?)
        } else {
            config
        };
        Ok(Self { agent: config.build().into(), plain })
    }

    /// Where a request really goes.
    fn address(&self, url: &str) -> String {
        let is = |origin: &&String| {
            url.strip_prefix(origin.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        match self.plain.iter().find(is) {
            Some(_) => url.replacen("https://", "http://", 1),
            None => url.to_owned(),
        }
    }
}

#[async_trait]
impl HttpClient for Web {
    async fn execute_request(&self, request: &Request) -> Result<AsyncRawResponse> {
        let method = Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
        let mut sent = HttpRequest::builder().method(method).uri(self.address(request.url().as_str()));
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::SeekableStream(_) => {
                return Err(Error::with_message(ErrorKind::DataConversion, "streams are not sent"));
            }
        };
        let sent = sent.body(body).map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
        let agent = self.agent.clone();
        let answered = tokio::task::spawn_blocking(move || {
            let mut answer = agent.run(sent)?;
            let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec()?;
            Ok::<_, ureq::Error>((answer, body))
        });
        let (answer, body) = answered
            .await
            .map_err(|error| Error::new(ErrorKind::Io, error))?
            .map_err(|error| Error::new(kind(&error), error))?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(answer.status().as_u16().into(), headers, body))
    }
}

/// Whether what went wrong may go better the next time: then azure_core tries again, for minutes. A name that is not known, or
/// an address where nobody listens, is most likely a wrong one; a certificate that is not trusted stays so.
fn kind(error: &ureq::Error) -> ErrorKind {
    match error {
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            ErrorKind::Other
        }
        ureq::Error::Io(error) if matches!(error.kind(), Io::ConnectionRefused | Io::InvalidData) => {
            ErrorKind::Other
        }
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_speak_http() {
        let web = Web::new(&["http://127.0.0.1:80", "http://localhost:1/"]).unwrap();
        assert_eq!(web.address("https://127.0.0.1:80/a?b"), "http://127.0.0.1:80/a?b");
        assert_eq!(web.address("https://localhost:1"), "http://localhost:1");
        assert_eq!(web.address("https://127.0.0.1:8080/a"), "https://127.0.0.1:8080/a");
        for origin in ["http://management.azure.com", "http://127.0.0.1.evil.org", "http://localhost.evil"] {
            assert!(Web::new(&[origin]).unwrap_err().to_string().contains("use https"), "{origin}");
        }
    }
}
