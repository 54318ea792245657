//! Requests to the resource manager: tokens, retries, pages, Azure's errors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::Error;
use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{AUTHORIZATION, HeaderName};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{
    ClientOptions, Context, ExponentialRetryOptions, HttpClient, Method, Pipeline, RawResponse, Request,
    RetryOptions, StatusCode, Transport, Url,
};
use serde_json::Value;

use super::web::Web;
use super::{Account, credentials};
use crate::CloudError;

/// How long a request is tried again, in minutes.
const PATIENCE: i64 = 10;

/// The id that Azure knows a request by.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Puts a token into each request. azure_core's own policy refuses to do so for http, which a simulator on this machine speaks;
/// that the origin is the right one is seen to by [`Arm::send`].
#[derive(Debug)]
struct Token {
    account: Account,
    web: Arc<dyn HttpClient>,
    scope: String,
    credential: Mutex<Arc<dyn TokenCredential>>,
}

impl Token {
    fn new(account: &Account, web: Arc<dyn HttpClient>, scope: String) -> Result<Self, CloudError> {
        let credential = Mutex::new(credentials::credential(account, options(&web))?);
        Ok(Self { account: account.clone(), web, scope, credential })
    }

    fn credential(&self) -> Arc<dyn TokenCredential> {
        Arc::clone(&self.credential.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A credential that holds no token yet, in place of one whose token was refused. Of requests that are refused at once, the
    /// first replaces it.
    fn renewed(&self, refused: &Arc<dyn TokenCredential>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let mut credential = self.credential.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&credential, refused) {
            *credential = credentials::credential(&self.account, options(&self.web))
                .map_err(|error| Error::with_message(ErrorKind::Credential, error.to_string()))?;
        }
        Ok(Arc::clone(&credential))
    }

    async fn put(&self, request: &mut Request, by: &Arc<dyn TokenCredential>) -> azure_core::Result<()> {
        let token = by.get_token(&[&self.scope], None).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        Ok(())
    }
}

#[async_trait::async_trait]
impl Policy for Token {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let credential = self.credential();
        self.put(request, &credential).await?;
        let answer = next[0].send(context, request, &next[1..]).await?;
        if answer.status() != StatusCode::Unauthorized {
            return Ok(answer);
        }
        // A token can end before its time: it was revoked, or a clock is wrong.
        self.put(request, &self.renewed(&credential)?).await?;
        next[0].send(context, request, &next[1..]).await
    }
}

/// How requests are sent: again, for some time, when that may help.
fn options(web: &Arc<dyn HttpClient>) -> ClientOptions {
    ClientOptions {
        transport: Some(Transport::new(Arc::clone(web))),
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: 20,
            max_total_elapsed: azure_core::time::Duration::minutes(PATIENCE),
            max_delay: azure_core::time::Duration::seconds(8),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The resource manager.
#[derive(Debug)]
pub(super) struct Arm {
    base: Url,
    pipeline: Pipeline,
    /// Without a token.
    open: Pipeline,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer(RawResponse);

impl Arm {
    pub(super) fn new(account: &Account) -> Result<Self, CloudError> {
        let endpoint = account.endpoint.as_deref().unwrap_or(account.environment.endpoint());
        let authority = account.authority.as_deref().unwrap_or(account.environment.authority());
        let base: Url = format!("{}/", endpoint.trim_end_matches('/'))
            .parse()
            .map_err(|error| CloudError::Login(format!("`{endpoint}` is no address: {error}")))?;
        let web: Arc<dyn HttpClient> = Arc::new(Web::new(&[endpoint, authority])?);
        let audience = if account.endpoint.is_some() { account.environment.endpoint() } else { endpoint };
        let token: Arc<dyn Policy> =
            Arc::new(Token::new(account, Arc::clone(&web), format!("{audience}/.default"))?);
        let name = (Some("clouder"), Some(env!("CARGO_PKG_VERSION")));
        let pipeline = |policies| Pipeline::new(name.0, name.1, options(&web), vec![], policies, None);
        Ok(Self { base, pipeline: pipeline(vec![token]), open: pipeline(vec![]) })
    }

    /// The address of a path.
    pub(super) fn url(&self, path: &str, version: &str) -> Result<Url, CloudError> {
        let mut url =
            self.base.join(path).map_err(|error| CloudError::Garbled(format!("`{path}`: {error}")))?;
        if url.origin() != self.base.origin() {
            return Err(CloudError::Garbled(format!("`{path}` is no path")));
        }
        url.query_pairs_mut().append_pair("api-version", version);
        Ok(url)
    }

    /// Sends a request, again if need be.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Answer, CloudError> {
        // Links come from the server: the token goes to no other.
        if url.origin() != self.base.origin() {
            return Err(CloudError::Garbled(format!(
                "it points to {}, which is not Azure's",
                url.origin().ascii_serialization()
            )));
        }
        let mut request = Request::new(url, method);
        request.insert_header("accept", "application/json");
        if let Some(body) = body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.to_string());
        }
        match self.pipeline.send(&Context::new(), &mut request, None).await {
            Ok(answer) => Ok(Answer(answer)),
            Err(error) => Err(told(&error)),
        }
    }

    /// What a link leads to, read without a token.
    pub(super) async fn read(&self, url: Url) -> Result<String, CloudError> {
        if url.scheme() != "https" && url.origin() != self.base.origin() {
            return Err(CloudError::Garbled("it points to what is not encrypted".to_owned()));
        }
        let mut request = Request::new(url, Method::Get);
        let answer =
            self.open.send(&Context::new(), &mut request, None).await.map_err(|error| told(&error))?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// All pages of a list.
    pub(super) async fn list(&self, mut url: Url) -> Result<Vec<Value>, CloudError> {
        let mut found = Vec::new();
        loop {
            let mut page = self.send(Method::Get, url, None).await?.json()?;
            match page["value"].take() {
                Value::Array(items) => found.extend(items),
                other => return Err(CloudError::Garbled(format!("expected a list, found {other}"))),
            }
            match page["nextLink"].as_str() {
                Some(next) if !next.is_empty() => url = link(next)?,
                _ => return Ok(found),
            }
        }
    }
}

/// A link that the server gave.
pub(super) fn link(text: &str) -> Result<Url, CloudError> {
    text.parse().map_err(|error| CloudError::Garbled(format!("`{text}` is no link: {error}")))
}

impl Answer {
    /// Its status.
    pub(super) fn status(&self) -> u16 {
        self.0.status().into()
    }

    /// A header.
    pub(super) fn header(&self, name: &'static str) -> Option<String> {
        self.0.headers().get_optional_string(&HeaderName::from_static(name))
    }

    /// How long to wait before asking again, if it says so.
    pub(super) fn wait(&self) -> Option<Duration> {
        let seconds: u64 = self.header("retry-after")?.parse().ok()?;
        Some(Duration::from_secs(seconds.min(60)))
    }

    /// Its content; nothing, when there is none.
    pub(super) fn json(&self) -> Result<Value, CloudError> {
        let bytes: &[u8] = self.0.body();
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(bytes).map_err(|error| CloudError::Garbled(error.to_string()))
    }
}

/// An error with Azure's own words in it.
fn told(error: &Error) -> CloudError {
    match error.kind() {
        ErrorKind::HttpResponse { status, raw_response: Some(answer), .. } => {
            let request = answer.headers().get_optional_string(&REQUEST_ID);
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            refused((*status).into(), &body["error"], request)
        }
        ErrorKind::HttpResponse { status, .. } => refused((*status).into(), &Value::Null, None),
        ErrorKind::Credential => CloudError::Login(chain(error)),
        _ => CloudError::Unreachable(chain(error)),
    }
}

/// A refusal, from the `error` of an answer. Details say more than the outermost message does.
pub(super) fn refused(status: u16, error: &Value, request: Option<String>) -> CloudError {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let code = text(&error["code"]).unwrap_or_else(|| format!("HTTP {status}"));
    let mut message = text(&error["message"]).unwrap_or_else(|| "Azure gives no reason".to_owned());
    for detail in error["details"].as_array().into_iter().flatten() {
        if let Some(more) = text(&detail["message"]).filter(|more| *more != message) {
            message = format!("{message} ({}: {more})", text(&detail["code"]).unwrap_or_default());
        }
    }
    CloudError::Refused { status, code, message, request }
}

/// An error and what caused it.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
