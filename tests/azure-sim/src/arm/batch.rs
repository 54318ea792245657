//! Several requests in one.

use serde_json::{Value, json};

use super::{Call, answer};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::{Request, Response};
use crate::json::{list, text};

/// How many requests may be in one.
const MOST: usize = 500;

/// Answers each request of a batch, in order.
pub fn run(cloud: &mut Cloud, call: &Call<'_>) -> Result<Response> {
    if !call.is("POST") {
        return Err(call.not_allowed());
    }
    let body = call.body()?;
    let requests = list(&body, "/requests");
    if requests.is_empty() || requests.len() > MOST {
        return Err(Failure::bad(
            "InvalidBatchRequest",
            format!("A batch must have between 1 and {MOST} requests; this one has {}.", requests.len()),
        ));
    }
    let mut responses = Vec::new();
    for one in requests {
        let url = text(one, "/url");
        let content = &one["content"];
        let request = Request {
            method: text(one, "/httpMethod").to_ascii_uppercase(),
            target: url.strip_prefix(call.origin).unwrap_or(url).to_owned(),
            headers: Vec::new(),
            body: if content.is_null() { Vec::new() } else { content.to_string().into_bytes() },
        };
        cloud.begun = None;
        let response = if request.path().eq_ignore_ascii_case("/batch") {
            call.not_allowed().response()
        } else {
            answer(cloud, &request, call.origin).unwrap_or_else(|failure| failure.response())
        };
        let headers = response.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let content = response.body.clone().unwrap_or_default();
        responses.push(json!({
            "name": one["name"], "httpStatusCode": response.status, "headers": Value::Object(headers.collect()),
            "contentLength": content.to_string().len(), "content": content,
        }));
    }
    Ok(Response::json(200, json!({"responses": responses})))
}
