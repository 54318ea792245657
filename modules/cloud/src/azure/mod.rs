//! Azure, by its resource manager (ARM).
//!
//! Credentials are azure_identity's, requests go through azure_core's pipeline (retries, `Retry-After`, tokens); what ARM asks
//! of its clients beyond that is here: long-running operations followed to their end, pages, Azure's own errors.

mod account;
mod arm;
mod credentials;
mod locks;
mod operation;
mod web;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::http::Method;
use serde_json::{Value, json};

pub use self::account::{Account, CloudEnvironment, Given};
use self::arm::Arm;
use self::locks::Locks;
use crate::{Cloud, CloudError};

/// A subscription of Azure.
#[derive(Debug)]
pub struct Azure {
    arm: Arm,
    subscription: String,
    locks: Locks,
}

impl Azure {
    /// Connects to an account. Nothing is sent yet.
    ///
    /// # Errors
    /// When it is not said who is asking, or which subscription is meant.
    pub fn connect(account: &Account) -> Result<Self, CloudError> {
        let subscription = account.subscription.clone().ok_or_else(|| {
            CloudError::Login(
                "no subscription is named (subscription_id, AZURE_SUBSCRIPTION_ID, or a profile in ~/.azure/credentials)"
                    .to_owned(),
            )
        })?;
        Ok(Self { arm: Arm::new(account)?, subscription, locks: Locks::default() })
    }

    /// The rows of a query of Resource Graph over the subscription, all pages of them.
    ///
    /// # Errors
    /// When Azure cannot be reached or refuses.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>, CloudError> {
        let mut rows = Vec::new();
        let mut options = json!({"$top": 1000, "resultFormat": "objectArray"});
        loop {
            let body = json!({"subscriptions": [self.subscription], "query": query, "options": options});
            let path = "/providers/Microsoft.ResourceGraph/resources";
            let mut page = self.post(path, "2022-10-01", Some(&body)).await?;
            match page["data"].take() {
                Value::Array(more) => rows.extend(more),
                other => return Err(CloudError::Garbled(format!("expected rows, found {other}"))),
            }
            match page["$skipToken"].take() {
                Value::Null => return Ok(rows),
                token => options["$skipToken"] = token,
            }
        }
    }

    /// A path, in the subscription unless it is absolute: `resourceGroups/x` and `/subscriptions/…/resourceGroups/x`.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/subscriptions/{}/{path}", self.subscription)
        }
    }

    async fn change(
        &self,
        method: Method,
        path: &str,
        version: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, CloudError> {
        let path = self.absolute(path);
        let _turn = self.locks.turn(&path, body).await;
        operation::run(&self.arm, method, &path, version, body).await
    }
}

#[async_trait]
impl Cloud for Azure {
    fn subscription(&self) -> &str {
        &self.subscription
    }

    async fn get(&self, path: &str, version: &str) -> Result<Option<Value>, CloudError> {
        let url = self.arm.url(&self.absolute(path), version)?;
        match self.arm.send(Method::Get, url, None).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(CloudError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, path: &str, version: &str) -> Result<Vec<Value>, CloudError> {
        self.arm.list(self.arm.url(&self.absolute(path), version)?).await
    }

    async fn put(&self, path: &str, version: &str, body: &Value) -> Result<Value, CloudError> {
        Ok(self.change(Method::Put, path, version, Some(body)).await?.unwrap_or_default())
    }

    async fn patch(&self, path: &str, version: &str, body: &Value) -> Result<Value, CloudError> {
        Ok(self.change(Method::Patch, path, version, Some(body)).await?.unwrap_or_default())
    }

    async fn post(&self, path: &str, version: &str, body: Option<&Value>) -> Result<Value, CloudError> {
        Ok(self.change(Method::Post, path, version, body).await?.unwrap_or_default())
    }

    async fn read(&self, link: &str) -> Result<Option<String>, CloudError> {
        match self.arm.read(arm::link(link)?).await {
            Ok(text) => Ok(Some(text)),
            Err(CloudError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, path: &str, version: &str) -> Result<bool, CloudError> {
        match self.change(Method::Delete, path, version, None).await {
            Ok(answer) => Ok(answer.is_some()),
            Err(CloudError::Refused { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The subscriptions of a run: each account is connected to once.
#[derive(Debug, Default)]
pub struct Clouds(Mutex<HashMap<Account, Arc<Azure>>>);

impl Clouds {
    /// The subscription of an account.
    ///
    /// # Errors
    /// As [`Azure::connect`].
    pub fn azure(&self, account: &Account) -> Result<Arc<dyn Cloud>, CloudError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(azure) = known.get(account) {
            return Ok(Arc::clone(azure) as Arc<dyn Cloud>);
        }
        let azure = Arc::new(Azure::connect(account)?);
        known.insert(account.clone(), Arc::clone(&azure));
        Ok(azure)
    }
}
