//! Sending requests to a store.

use std::time::Duration;

use clouder_modules::system::http::system_trust;
use thiserror::Error;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

use crate::cluster::{certificates, tls};

/// How long one request may take: one part of an archive is sent, or one page of a list is read.
const LIMIT: Duration = Duration::from_secs(300);
/// How often a request is sent that got no answer, or one that says to try again.
const TRIES: u32 = 4;
/// The most that is read of one answer, in bytes.
const LARGEST: u64 = 32 << 20;

/// Why a store did not do as it was asked.
#[derive(Debug, Error)]
pub enum WebError {
    /// There is no answer.
    #[error("{0} does not answer: {1}")]
    Silent(String, String),
    /// The answer is no.
    #[error("it answers {status}: {text}")]
    Refused {
        /// The status of HTTP.
        status: u16,
        /// What it says, shortened.
        text: String,
    },
    /// It cannot be asked like that.
    #[error("it cannot be asked: {0}")]
    Impossible(#[from] ureq::http::Error),
    /// The answer cannot be understood.
    #[error("it answers what cannot be understood: {0}")]
    Unclear(String),
}

impl WebError {
    fn may_go_better(&self) -> bool {
        match self {
            Self::Silent(..) => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..=599),
            Self::Impossible(_) | Self::Unclear(_) => false,
        }
    }
}

/// An answer that is yes.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Connections to a store, which are kept.
#[derive(Clone, Debug)]
pub(super) struct Web(Agent);

impl Web {
    /// Trusts the authorities in `authorities`, in PEM, or those of the system.
    pub(super) fn new(encrypted: bool, authorities: Option<&str>) -> Result<Self, String> {
        let config =
            Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(LIMIT));
        let config = match authorities {
            Some(text) => {
                let found = certificates(text);
                if found.is_empty() {
                    return Err("`ca` has no certificate in PEM".to_owned());
                }
                config.tls_config(tls(&found))
            }
            None if encrypted => config.tls_config(system_trust().map_err(|error| error.to_string())?),
            None => config,
        };
        Ok(Self(config.build().into()))
    }

    /// Sends a request that `make` makes anew each time, as signatures have a time in them.
    pub(super) fn send(
        &self,
        make: impl Fn() -> Result<Request<Vec<u8>>, WebError>,
    ) -> Result<Answer, WebError> {
        let mut pause = Duration::from_millis(500);
        for _ in 1..TRIES {
            match self.once(make()?) {
                Err(error) if error.may_go_better() => std::thread::sleep(pause),
                other => return other,
            }
            pause *= 3;
        }
        self.once(make()?)
    }

    fn once(&self, request: Request<Vec<u8>>) -> Result<Answer, WebError> {
        let place = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let silent = |error: ureq::Error| WebError::Silent(place.clone(), error.to_string());
        let mut answer = self.0.run(request).map_err(silent)?;
        let text = answer
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(silent)?;
        let status = answer.status().as_u16();
        if status < 300 {
            return Ok(Answer { headers: answer.headers().clone(), text });
        }
        let said = [inner(&text, "Code"), inner(&text, "Message")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(": ");
        Err(WebError::Refused { status, text: said.chars().take(300).collect() })
    }
}

/// What is in the first element of a name, of an answer whose form is known. Names that had to be escaped are not ours.
pub(super) fn inner<'a>(text: &'a str, element: &str) -> Option<&'a str> {
    all_inner(text, element).next()
}

/// What is in each element of a name.
pub(super) fn all_inner<'a>(text: &'a str, element: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (found, after) = after.split_once(&close)?;
        rest = after;
        Some(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found() {
        let text = "<a><Name>x</Name><Name>y/z</Name><NextMarker /></a>";
        assert_eq!(all_inner(text, "Name").collect::<Vec<_>>(), ["x", "y/z"]);
        assert_eq!((inner(text, "NextMarker"), inner(text, "Code")), (None, None));
    }
}
