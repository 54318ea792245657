//! Azure Resource Manager: which request goes where.

mod batch;
mod follow;
mod group;
mod list;
mod resource;
mod subscription;

use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::{Request, Response, decoded};
use crate::kind::{self, Kind};
use crate::{authorization, compute, graph, network, storage};

pub use list::page;
pub use resource::{cleaned, missing};

/// A request, and what is told about it.
#[derive(Debug)]
pub struct Call<'request> {
    /// The request.
    pub request: &'request Request,
    /// Where the simulator is reached.
    pub origin: &'request str,
    /// The api-version.
    pub version: String,
    /// The decoded path, without its end's slash.
    pub path: String,
}

impl Call<'_> {
    /// Whether the request is of this method.
    #[must_use]
    pub fn is(&self, method: &str) -> bool {
        self.request.method == method
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn body(&self) -> Result<serde_json::Value> {
        let body = &self.request.body;
        let read = if body.is_empty() { Ok(serde_json::json!({})) } else { serde_json::from_slice(body) };
        read.map_err(|error| {
            Failure::bad(
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{error}'."),
            )
        })
    }

    /// What is answered to methods that are not there.
    #[must_use]
    pub fn not_allowed(&self) -> Failure {
        Failure::new(
            405,
            "HttpMethodNotAllowed",
            format!("The request has unsupported http method '{}'.", self.request.method),
        )
    }
}

/// Answers a request to Azure Resource Manager.
///
/// # Errors
/// What it refuses.
pub fn answer(cloud: &mut Cloud, request: &Request, origin: &str) -> Result<Response> {
    let path = decoded(request.path()).trim_end_matches('/').to_owned();
    let version = request.parameter("api-version").unwrap_or_default();
    let call = Call { request, origin, version, path };
    let lower = call.path.to_ascii_lowercase();
    let words: Vec<&str> = call.path.split('/').skip(1).collect();
    let lower_words: Vec<&str> = lower.split('/').skip(1).collect();
    if let ["subscriptions", subscription, ..] = lower_words.as_slice()
        && !subscription.eq_ignore_ascii_case(&cloud.settings.subscription)
    {
        return Err(Failure::new(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{}' could not be found.", words[1]),
        ));
    }
    if call.version.is_empty() {
        return Err(Failure::bad(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    }
    match lower_words.as_slice() {
        ["subscriptions"] | ["subscriptions", _] | ["subscriptions", _, "locations"] | ["tenants"] => {
            subscription::answer(cloud, &call, &lower_words)
        }
        ["batch"] => batch::run(cloud, &call),
        ["subscriptions", _, "resourcegroups"] => group::list(cloud, &call),
        ["subscriptions", _, "resourcegroups", _] => group::answer(cloud, &call, words[3]),
        ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"] => {
            list::everything(cloud, &call)
        }
        ["subscriptions", _, "operationresults", id] => follow::location(cloud, &call, id),
        ["subscriptions", _, "providers"]
        | ["subscriptions", _, "providers", _]
        | ["subscriptions", _, "providers", _, "register"] => subscription::providers(cloud, &call, &words),
        _ => match lower.rfind("/providers/") {
            Some(at) => provided(cloud, &call, at),
            None => Err(Failure::new(
                404,
                "InvalidResourceType",
                format!("No route is there for the path '{}'.", call.path),
            )),
        },
    }
}

/// Answers a request whose path names a provider, which is at this place in it.
fn provided(cloud: &mut Cloud, call: &Call<'_>, at: usize) -> Result<Response> {
    let scope = call.path[..at].to_owned();
    let rest: Vec<&str> = call.path[at + "/providers/".len()..].split('/').collect();
    let Some((provider, rest)) = rest.split_first() else { return Err(call.not_allowed()) };
    let lower: Vec<String> = rest.iter().map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let ["locations", _, "operations", id] = lower.as_slice() {
        return follow::status(cloud, call, id);
    }
    if let ["locations", _, "operationresults", id] = lower.as_slice() {
        return follow::location(cloud, call, id);
    }
    let asked = match provider.to_ascii_lowercase().as_str() {
        "microsoft.authorization" => return authorization::answer(cloud, call, &scope, rest),
        "microsoft.resourcegraph" => return graph::answer(cloud, call, rest),
        "microsoft.compute" => compute::answer(cloud, call, &lower)?,
        "microsoft.network" => network::answer(cloud, call, &lower)?,
        "microsoft.storage" => storage::answer(cloud, call, &scope, rest)?,
        "microsoft.managedidentity" => None,
        _ => {
            return Err(Failure::new(
                404,
                "InvalidResourceNamespace",
                format!("The resource namespace '{provider}' is invalid."),
            ));
        }
    };
    if let Some(response) = asked {
        return Ok(response);
    }
    // Types are at even places, names at odd ones; what comes after a name and is no type is an action.
    let types = |rest: &[&str]| rest.iter().step_by(2).copied().collect::<Vec<_>>().join("/");
    let name = types(rest);
    match kind::find(provider, &name) {
        Some(kind) if rest.len().is_multiple_of(2) => {
            checked_version(call, kind, true)?;
            resource::answer(cloud, call, kind)
        }
        Some(kind) => {
            checked_version(call, kind, false)?;
            list::of_kind(cloud, call, kind, &scope)
        }
        None if call.is("POST") && !rest.len().is_multiple_of(2) && rest.len() > 1 => {
            let (action, rest) = rest.split_last().unwrap_or((&"", rest));
            let Some(kind) = kind::find(provider, &types(rest)) else {
                return Err(unknown_type(call, provider, &name));
            };
            checked_version(call, kind, true)?;
            resource::act(cloud, call, kind, action)
        }
        // What is a part of a resource can be looked at by itself.
        None if call.is("GET") && rest.len() > 2 => resource::part(cloud, call, provider, rest),
        None => Err(unknown_type(call, provider, &name)),
    }
}

fn unknown_type(call: &Call<'_>, provider: &str, name: &str) -> Failure {
    Failure::bad(
        "InvalidResourceType",
        format!(
            "The resource type '{name}' could not be found in the namespace '{provider}' for api version '{}'. The supported api-versions are ''.",
            call.version
        ),
    )
}

/// Refuses api-versions that the kind is not served in.
fn checked_version(call: &Call<'_>, kind: &Kind, is_one: bool) -> Result<()> {
    check_version(call, kind.provider, kind.name, kind.versions, is_one)
}

/// Refuses api-versions that are not among these.
///
/// # Errors
/// As Azure Resource Manager words it for a single resource, or for a list of them.
pub fn check_version(
    call: &Call<'_>,
    provider: &str,
    name: &str,
    versions: &[&str],
    is_one: bool,
) -> Result<()> {
    if versions.contains(&call.version.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    let (version, all) = (&call.version, versions.join(", "));
    if is_one {
        let locations = crate::cloud::LOCATIONS.map(|(name, ..)| name).join(", ");
        return Err(Failure::bad(
            "NoRegisteredProviderFound",
            format!(
                "No registered resource provider found for location 'westeurope' and API version '{version}' for type '{name}'. The supported api-versions are '{all}'. The supported locations are '{locations}'."
            ),
        ));
    }
    Err(Failure::bad(
        "InvalidResourceType",
        format!(
            "The resource type '{name}' could not be found in the namespace '{provider}' for api version '{version}'. The supported api-versions are '{all}'."
        ),
    ))
}
