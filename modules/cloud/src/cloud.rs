//! What a cloud can be asked for.

use async_trait::async_trait;
use serde_json::Value;

use crate::CloudError;

/// A cloud whose resources are JSON documents at paths, as Azure's are. Whatever changes something returns when it is done,
/// not when it was begun.
#[async_trait]
pub trait Cloud: std::fmt::Debug + Send + Sync {
    /// The subscription that paths without one are in.
    fn subscription(&self) -> &str;

    /// The resource at a path; `None` when there is none.
    ///
    /// # Errors
    /// When the cloud cannot be reached or refuses.
    async fn get(&self, path: &str, version: &str) -> Result<Option<Value>, CloudError>;

    /// All resources of a collection, every page of it.
    ///
    /// # Errors
    /// As [`Self::get`].
    async fn list(&self, path: &str, version: &str) -> Result<Vec<Value>, CloudError>;

    /// Makes a resource, or gives it another state; returns it as it is then.
    ///
    /// # Errors
    /// As [`Self::get`], and when what was begun fails.
    async fn put(&self, path: &str, version: &str, body: &Value) -> Result<Value, CloudError>;

    /// Changes parts of a resource; returns it as it is then.
    ///
    /// # Errors
    /// As [`Self::put`].
    async fn patch(&self, path: &str, version: &str, body: &Value) -> Result<Value, CloudError>;

    /// Does something with a resource, such as starting a machine; returns the answer.
    ///
    /// # Errors
    /// As [`Self::put`].
    async fn post(&self, path: &str, version: &str, body: Option<&Value>) -> Result<Value, CloudError>;

    /// What a link leads to that the cloud gave; `None` when it leads nowhere yet. Whoever has the link may read it, so it is not
    /// told who asks.
    ///
    /// # Errors
    /// As [`Self::get`], and when the link is not one that may be followed.
    async fn read(&self, link: &str) -> Result<Option<String>, CloudError>;

    /// Deletes a resource; whether there was one.
    ///
    /// # Errors
    /// As [`Self::put`].
    async fn delete(&self, path: &str, version: &str) -> Result<bool, CloudError>;
}
