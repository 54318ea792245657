//! How clients follow what goes on.

use super::Call;
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::operation::Style;

/// The response that begins an operation: its own status and body where there is something to show, and where to look.
pub fn begun(
    cloud: &Cloud,
    call: &Call<'_>,
    provider: &str,
    location: &str,
    style: Style,
    shown: Response,
) -> Response {
    let Some(id) = &cloud.begun else { return shown };
    let base = if provider.is_empty() {
        format!("{}/subscriptions/{}/operationresults/{id}", call.origin, cloud.settings.subscription)
    } else {
        format!(
            "{}/subscriptions/{}/providers/{provider}/locations/{location}/KIND/{id}",
            call.origin, cloud.settings.subscription
        )
    };
    let link = |kind: &str| format!("{}?api-version={}", base.replace("KIND", kind), call.version);
    let response = match style {
        Style::Synchronous | Style::State => shown,
        Style::Operation => shown.with("azure-asyncoperation", link("operations")),
        Style::Accepted => Response { status: 202, ..shown }
            .with("azure-asyncoperation", link("operations"))
            .with("location", link("operationResults")),
        Style::Location => Response::empty(202).with("location", link("operationResults")),
    };
    with_retry(cloud, style, response)
}

fn with_retry(cloud: &Cloud, style: Style, response: Response) -> Response {
    match cloud.settings.retry_after {
        0 => response,
        _ if style == Style::Synchronous => response,
        seconds => response.with("retry-after", seconds.to_string()),
    }
}

fn unknown(id: &str) -> Failure {
    Failure::new(404, "NotFound", format!("The entity was not found: operation '{id}'."))
}

/// Answers at `Azure-AsyncOperation`.
pub fn status(cloud: &Cloud, call: &Call<'_>, id: &str) -> Result<Response> {
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let operation = cloud.operations.get(id).ok_or_else(|| unknown(id))?;
    let resource = operation.shown.as_ref().and_then(|id| cloud.store.find(id));
    let resource = resource.map(|resource| cloud.shown(resource));
    let response = Response::json(200, operation.body(resource.as_ref()));
    Ok(if operation.outcome.is_none() { with_retry(cloud, Style::Operation, response) } else { response })
}

/// Answers at `Location`.
pub fn location(cloud: &Cloud, call: &Call<'_>, id: &str) -> Result<Response> {
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let operation = cloud.operations.get(id).ok_or_else(|| unknown(id))?;
    match &operation.outcome {
        None => {
            let link = format!("{}{}", call.origin, call.request.target);
            Ok(with_retry(cloud, Style::Location, Response::empty(202).with("location", link)))
        }
        Some((Err(failure), _)) => Err(failure.clone()),
        Some((Ok(()), _)) => {
            let resource = operation.shown.as_ref().and_then(|id| cloud.store.find(id));
            Ok(match resource {
                Some(resource) => Response::json(200, cloud.shown(resource)),
                None => Response::empty(if call.path.contains("/providers/") { 204 } else { 200 }),
            })
        }
    }
}
