//! What a kind of store can do.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::web::{Answer, WebError};

/// A kind of store. Names are made of letters, digits, `-`, `.`, `_` and `/`.
pub(super) trait Backend: Debug + Send + Sync {
    /// Begins an object; returns what its parts are sent with.
    fn begin(&self, name: &str, metadata: &BTreeMap<&str, String>) -> Result<String, WebError>;
    /// Sends a part, numbers from 1 on; returns what the object is put together by.
    fn part(&self, name: &str, upload: &str, number: u16, part: &[u8]) -> Result<String, WebError>;
    /// Puts an object together of its parts: only now it is there.
    fn complete(
        &self,
        name: &str,
        upload: &str,
        parts: &[String],
        metadata: &BTreeMap<&str, String>,
    ) -> Result<(), WebError>;
    /// Gives an object up that was begun.
    fn abort(&self, name: &str, upload: &str) -> Result<(), WebError>;
    /// What is said of an object, if it is there.
    fn look(&self, name: &str) -> Result<Option<Looked>, WebError>;
    /// The names of all objects that begin so.
    fn list(&self, prefix: &str) -> Result<Vec<String>, WebError>;
    /// Deletes an object.
    fn delete(&self, name: &str) -> Result<(), WebError>;
}

/// What is said of an object.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) size: u64,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Looked {
    /// What an answer says of an object, whose metadata are headers that begin so.
    pub(super) fn of(answer: Result<Answer, WebError>, begins: &str) -> Result<Option<Self>, WebError> {
        let answer = match answer {
            Err(WebError::Refused { status: 404, .. }) => return Ok(None),
            other => other?,
        };
        let pairs = answer.headers.iter();
        let metadata = pairs.filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(begins)?.to_owned(), value.to_str().ok()?.to_owned()))
        });
        let size = answer.header("content-length").and_then(|text| text.parse().ok());
        let size = size.ok_or_else(|| WebError::Unclear("an object has no length".to_owned()))?;
        Ok(Some(Self { size, metadata: metadata.collect() }))
    }
}
