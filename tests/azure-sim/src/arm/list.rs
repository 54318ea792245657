//! Lists, page by page.

use serde_json::{Value, json};

use super::{Call, group};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::http::{Response, encoded};
use crate::id::{ResourceId, group_of};
use crate::json::{list, text};
use crate::kind::Kind;
use crate::{compute, kind};

/// One page of a list; the client asks for the next with what the link says.
#[must_use]
pub fn page(cloud: &Cloud, call: &Call<'_>, values: impl Iterator<Item = Value>) -> Response {
    let start: usize = call.request.parameter("$skiptoken").and_then(|text| text.parse().ok()).unwrap_or(0);
    let size =
        call.request.parameter("$top").and_then(|text| text.parse().ok()).unwrap_or(cloud.settings.page);
    let mut rest = values.skip(start);
    let value: Vec<Value> = rest.by_ref().take(size).collect();
    let mut body = json!({"value": value});
    if rest.next().is_some() {
        let parameters =
            crate::http::fields(call.request.target.split_once('?').map_or("", |(_, query)| query));
        let mut query: Vec<String> = parameters
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"))
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        query.push(format!("$skiptoken={}", start + size));
        body["nextLink"] = json!(format!("{}{}?{}", call.origin, call.request.path(), query.join("&")));
    }
    Response::json(200, body)
}

/// Lists resources of a kind: of a resource group, of the subscription, or those within another.
pub fn of_kind(cloud: &Cloud, call: &Call<'_>, kind: &Kind, scope: &str) -> Result<Response> {
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    if let Some(group) = group_of(scope) {
        cloud.group(group)?;
    }
    if let Some(property) = kind.within {
        let parent = call.path.rsplit_once('/').and_then(|(parent, _)| ResourceId::parse(parent));
        let parent = parent.ok_or_else(|| Failure::bad("InvalidResourceType", "There is no such list."))?;
        let resource = cloud.store.get(&parent.key()).ok_or_else(|| super::resource::missing(&parent))?;
        let shown = cloud.shown(resource);
        let parts = list(&shown, &format!("/properties/{property}")).to_vec();
        return Ok(page(cloud, call, parts.into_iter()));
    }
    let name = kind.full_name();
    let prefix = format!("{}/", scope.to_ascii_lowercase());
    let found = cloud.store.of_kind(&prefix, &name);
    let asks = |name: &str| call.request.parameter(name).unwrap_or_default();
    if name == "Microsoft.Compute/virtualMachines" && asks("statusOnly").eq_ignore_ascii_case("true") {
        return Ok(page(cloud, call, found.map(|machine| compute::machine::status_only(cloud, machine))));
    }
    let expanded = asks("$expand").eq_ignore_ascii_case("instanceView");
    let shown = found.map(|resource| {
        let mut value = cloud.shown(resource);
        if expanded && name == "Microsoft.Compute/virtualMachines" {
            value["properties"]["instanceView"] = compute::machine::instance_view(cloud, resource);
        }
        value
    });
    Ok(page(cloud, call, shown))
}

/// Lists all resources of a resource group or of the subscription, by what they have in common.
pub fn everything(cloud: &Cloud, call: &Call<'_>) -> Result<Response> {
    group::check_version(call)?;
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let scope = call.path.rsplit_once('/').map_or("", |(scope, _)| scope);
    if let Some(group) = group_of(scope) {
        cloud.group(group)?;
    }
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let wanted = filter
        .strip_prefix("resourceType eq '")
        .and_then(|rest| rest.strip_suffix('\''))
        .map(str::to_ascii_lowercase);
    let tag = if wanted.is_some() { None } else { tag_filter(call)? };
    let prefix = format!("{}/", scope.to_ascii_lowercase());
    let found = cloud.store.under(&prefix).filter(|resource| {
        let full = resource.id.full_kind().to_ascii_lowercase();
        kind::find(&resource.id.provider, &resource.id.kind()).is_some_and(|kind| kind.tracked)
            && wanted.as_ref().is_none_or(|wanted| *wanted == full)
            && has_tag(&resource.value, tag.as_ref())
    });
    let shown = found.map(|resource| {
        let mut value = json!({});
        for field in ["id", "name", "type", "location", "tags", "sku", "zones", "identity", "kind"] {
            if let Some(found) = resource.value.get(field) {
                value[field] = found.clone();
            }
        }
        value
    });
    Ok(page(cloud, call, shown))
}

/// The tag that a list is narrowed to, by name and perhaps by value.
pub fn tag_filter(call: &Call<'_>) -> Result<Option<(String, Option<String>)>> {
    let Some(filter) = call.request.parameter("$filter").filter(|filter| !filter.is_empty()) else {
        return Ok(None);
    };
    let quoted: Vec<&str> = filter.split('\'').collect();
    match quoted.as_slice() {
        [before, name, after] if before.trim() == "tagName eq" && after.trim().is_empty() => {
            Ok(Some(((*name).to_owned(), None)))
        }
        [before, name, between, value, _]
            if before.trim() == "tagName eq" && between.trim() == "and tagValue eq" =>
        {
            Ok(Some(((*name).to_owned(), Some((*value).to_owned()))))
        }
        _ => Err(Failure::bad(
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{filter}' specified in the query string."),
        )),
    }
}

/// Whether a document has the tag that a list is narrowed to.
pub fn has_tag(value: &Value, filter: Option<&(String, Option<String>)>) -> bool {
    let Some((name, wanted)) = filter else { return true };
    let Some(tags) = value["tags"].as_object() else { return false };
    let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.is_some_and(|(_, value)| wanted.as_ref().is_none_or(|wanted| text(value, "") == wanted))
}
