//! Operations that take longer than a request: Azure says where to ask (`Azure-AsyncOperation`), where the result will be
//! (`Location`), or only shows in the resource how far it is (`provisioningState`).
//!
//! Source: "Track asynchronous Azure operations" in the documentation of Azure Resource Manager.

use std::time::{Duration, Instant};

use azure_core::http::{Method, Url};
use serde_json::Value;

use super::arm::{Answer, Arm, link, refused};
use crate::CloudError;

/// How long an operation may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long is waited first, where Azure does not say.
const SHORTEST: Duration = Duration::from_millis(250);

/// How long at most.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Sends a request that changes something and waits until that is done. Returns what there is then; `None` when there was
/// nothing to delete.
pub(super) async fn run(
    arm: &Arm,
    method: Method,
    path: &str,
    version: &str,
    body: Option<&Value>,
) -> Result<Option<Value>, CloudError> {
    let url = arm.url(path, version)?;
    let begun = begin(arm, method, &url, body).await?;
    if method == Method::Delete && begun.status() == 204 {
        return Ok(None);
    }
    let mut follow = Follow { arm, until: Instant::now() + LONGEST, usual: SHORTEST };
    let makes = matches!(method, Method::Put | Method::Patch);
    if let Some(operation) = begun.header("azure-asyncoperation") {
        follow.operation(&operation, begun.wait()).await?;
        if makes {
            return Ok(Some(arm.send(Method::Get, url, None).await?.json()?));
        }
        return match begun.header("location").filter(|_| method == Method::Post) {
            Some(location) => Ok(Some(arm.send(Method::Get, link(&location)?, None).await?.json()?)),
            None => Ok(Some(Value::Null)),
        };
    }
    if let (202, Some(location)) = (begun.status(), begun.header("location")) {
        let result = follow.location(&location, begun.wait()).await?;
        if makes {
            return Ok(Some(arm.send(Method::Get, url, None).await?.json()?));
        }
        return Ok(Some(result));
    }
    let mut resource = begun.json()?;
    let mut wait = begun.wait();
    while makes && !is_provisioned(&resource)? {
        follow.pause(wait).await?;
        let seen = arm.send(Method::Get, url.clone(), None).await?;
        wait = seen.wait();
        resource = seen.json()?;
    }
    Ok(Some(resource))
}

/// Sends the request, again as long as something else goes on with the resource or with what it needs: whoever began that, a
/// run that was cut off among them, cannot be waited for otherwise.
async fn begin(arm: &Arm, method: Method, url: &Url, body: Option<&Value>) -> Result<Answer, CloudError> {
    let until = Instant::now() + LONGEST;
    let mut wait = SHORTEST;
    loop {
        match arm.send(method, url.clone(), body).await {
            Err(CloudError::Refused { code, .. })
                if is(&code, &["AnotherOperationInProgress", "RetryableError"]) && Instant::now() < until => {
            }
            answered => return answered,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Whether a resource is as it is to be.
fn is_provisioned(resource: &Value) -> Result<bool, CloudError> {
    let Some(state) = resource["properties"]["provisioningState"].as_str() else { return Ok(true) };
    if is(state, &["Succeeded"]) {
        return Ok(true);
    }
    if is(state, &["Failed", "Canceled"]) {
        let message = format!("the resource is in the state {state}");
        return Err(CloudError::Refused {
            status: 0,
            code: "ProvisioningFailed".to_owned(),
            message,
            request: None,
        });
    }
    Ok(false)
}

fn is(state: &str, names: &[&str]) -> bool {
    names.iter().any(|name| state.eq_ignore_ascii_case(name))
}

struct Follow<'a> {
    arm: &'a Arm,
    until: Instant,
    /// How long to wait where Azure does not say: longer each time.
    usual: Duration,
}

impl Follow<'_> {
    async fn pause(&mut self, wait: Option<Duration>) -> Result<(), CloudError> {
        if Instant::now() >= self.until {
            return Err(CloudError::TooLong(LONGEST.as_secs()));
        }
        tokio::time::sleep(wait.unwrap_or(self.usual)).await;
        self.usual = (self.usual * 2).min(LONGEST_WAIT);
        Ok(())
    }

    async fn ask(&self, at: &str) -> Result<Answer, CloudError> {
        self.arm.send(Method::Get, link(at)?, None).await
    }

    async fn operation(&mut self, at: &str, mut wait: Option<Duration>) -> Result<(), CloudError> {
        loop {
            self.pause(wait).await?;
            let answer = self.ask(at).await?;
            wait = answer.wait();
            let told = answer.json()?;
            let status = told["status"].as_str().unwrap_or_default();
            if is(status, &["Succeeded"]) {
                return Ok(());
            }
            if is(status, &["Failed", "Canceled", "Cancelled"]) {
                return Err(refused(0, &told["error"], answer.header("x-ms-request-id")));
            }
        }
    }

    async fn location(&mut self, at: &str, mut wait: Option<Duration>) -> Result<Value, CloudError> {
        let mut at = at.to_owned();
        loop {
            self.pause(wait).await?;
            let answer = self.ask(&at).await?;
            if answer.status() != 202 {
                return answer.json();
            }
            wait = answer.wait();
            at = answer.header("location").unwrap_or(at);
        }
    }
}
