//! Making, showing, changing and deleting one resource of any kind.

use serde_json::{Value, json};

use super::{Call, follow, group};
use crate::cloud::{Cloud, location, state};
use crate::compute;
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::id::ResourceId;
use crate::json::{list, merge, named, set, text};
use crate::kind::{self, Kind, Write};
use crate::operation::{Effect, Style};
use crate::schema::{Mistake, Schema};
use crate::store::Resource;

/// What is said of a resource that is not there.
pub fn missing(id: &ResourceId) -> Failure {
    if id.path.len() > 1 {
        return Failure::new(404, "NotFound", format!("Resource {id} not found."));
    }
    let group = id.group().unwrap_or_default();
    Failure::new(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{}/{}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            id.full_kind(),
            id.name()
        ),
    )
}

/// Answers a request about one resource.
pub fn answer(cloud: &mut Cloud, call: &Call<'_>, kind: &'static Kind) -> Result<Response> {
    let id = ResourceId::parse(&call.path).ok_or_else(|| call.not_allowed())?;
    let group_name = id.group().unwrap_or_default().to_owned();
    let group = cloud.group(&group_name)?.clone();
    if call.is("GET") || call.is("HEAD") {
        return show(cloud, call, kind, &id);
    }
    group::refuse_if_going(&group, &group_name)?;
    match call.request.method.as_str() {
        "PUT" => write(cloud, call, kind, &id, false),
        "PATCH" if kind.patch.is_some() => write(cloud, call, kind, &id, true),
        "DELETE" => delete(cloud, call, kind, &id),
        _ => Err(call.not_allowed()),
    }
}

fn show(cloud: &Cloud, call: &Call<'_>, kind: &Kind, id: &ResourceId) -> Result<Response> {
    if kind.within.is_some() {
        return shown_part(cloud, id).map(|(value, etag)| Response::json(200, value).with("etag", etag));
    }
    let resource = cloud.store.get(&id.key()).ok_or_else(|| missing(id))?;
    let mut value = cloud.shown(resource);
    let expand = call.request.parameter("$expand").unwrap_or_default();
    if kind.name == "virtualMachines" && expand.eq_ignore_ascii_case("instanceView") {
        value["properties"]["instanceView"] = compute::machine::instance_view(cloud, resource);
    }
    Ok(Response::json(200, value).with("etag", resource.etag()))
}

/// Shows a part of a resource that is no kind of its own, such as the IP configuration of a network interface.
pub fn part(cloud: &Cloud, call: &Call<'_>, provider: &str, rest: &[&str]) -> Result<Response> {
    let is_list = !rest.len().is_multiple_of(2);
    let id = if is_list { call.path.rsplit_once('/').map_or("", |(id, _)| id) } else { &call.path };
    let id = ResourceId::parse(id).ok_or_else(|| call.not_allowed())?;
    let parent = if is_list { Some(id.clone()) } else { id.parent() };
    let parent = parent.ok_or_else(|| call.not_allowed())?;
    let property = if is_list { rest.last() } else { rest.get(rest.len() - 2) }.copied().unwrap_or_default();
    let kind = kind::find(provider, &parent.kind());
    let part = kind.and_then(|kind| kind.parts.iter().find(|part| part.eq_ignore_ascii_case(property)));
    let (Some(kind), Some(part)) = (kind, part) else {
        return Err(super::unknown_type(call, provider, property));
    };
    super::checked_version(call, kind, !is_list)?;
    if !is_list {
        return shown_part(cloud, &id).map(|(value, etag)| Response::json(200, value).with("etag", etag));
    }
    let resource = cloud.store.get(&parent.key()).ok_or_else(|| missing(&parent))?;
    let shown = cloud.shown(resource);
    let parts = list(&shown, &format!("/properties/{part}")).to_vec();
    Ok(super::page(cloud, call, parts.into_iter()))
}

/// A part of a resource, and the ETag of the whole.
fn shown_part(cloud: &Cloud, id: &ResourceId) -> Result<(Value, String)> {
    let parent = id.parent().unwrap_or_else(|| id.clone());
    let resource = cloud.store.get(&parent.key()).ok_or_else(|| missing(&parent))?;
    let shown = cloud.shown(resource);
    let property = id.path.last().map(|(kind, _)| kind.as_str()).unwrap_or_default();
    let properties = shown["properties"].as_object().into_iter().flatten();
    let parts = properties.filter(|(name, _)| name.eq_ignore_ascii_case(property)).map(|(_, parts)| parts);
    let found = parts.filter_map(Value::as_array).find_map(|parts| named(parts, id.name()));
    found.map(|part| (part.clone(), resource.etag())).ok_or_else(|| missing(id))
}

/// The body of a request, against its schema.
pub fn cleaned(call: &Call<'_>, schema: &Schema, name: &str, provider: &str, partial: bool) -> Result<Value> {
    let body = call.body()?;
    schema.clean(name, &body, partial).map_err(|mistake| refused(call, provider, &mistake))
}

/// A mistake in a request, as its provider words it.
fn refused(call: &Call<'_>, provider: &str, mistake: &Mistake) -> Failure {
    let place = |member: &str| {
        let text = String::from_utf8_lossy(&call.request.body);
        let at = text.find(&format!("\"{member}\"")).unwrap_or_default() + member.len() + 3;
        format!("line 1, position {at}")
    };
    let (path, message) = match mistake {
        Mistake::Unknown { member, of, path } => (
            path,
            format!(
                "Could not find member '{member}' on object of type '{of}'. Path '{path}', {}.",
                place(member)
            ),
        ),
        Mistake::Missing { path } if path == "location" => {
            return Failure::bad(
                "LocationRequired",
                "The location property is required for this definition.",
            );
        }
        Mistake::Missing { path } if provider == "Microsoft.Compute" => {
            let name = path.trim_start_matches("properties.");
            let message = format!("Required parameter '{name}' is missing (null).");
            return Failure::bad("InvalidParameter", message).about(name);
        }
        Mistake::Missing { path } => {
            let name = path.rsplit('.').next().unwrap_or_default();
            (
                path,
                format!("Required property '{name}' not found in JSON. Path '{path}', line 1, position 1."),
            )
        }
        Mistake::Value { found, wanted, path } => {
            let member = path.rsplit('.').next().unwrap_or_default();
            (
                path,
                format!(
                    "Error converting value \"{found}\" to type '{wanted}'. Path '{path}', {}.",
                    place(member)
                ),
            )
        }
    };
    match provider {
        "Microsoft.Network" => {
            Failure::bad("InvalidRequestFormat", "Cannot parse the request.").because("InvalidJson", message)
        }
        "Microsoft.Compute" => Failure::bad("BadRequest", message).about(path),
        _ => Failure::bad(
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{message}'"),
        ),
    }
}

fn preconditions(call: &Call<'_>, current: Option<&Resource>, has_part: bool) -> Result<()> {
    let failed = |message: &str| Err(Failure::new(412, "PreconditionFailed", message));
    match (call.request.header("if-match"), current) {
        (Some(_), None) => {
            return failed("The condition set in If-Match is not met: the resource does not exist.");
        }
        (Some(wanted), Some(current)) if wanted != "*" && wanted != current.etag() => {
            return failed(&format!(
                "Precondition failed. Current ETag is {}, If-Match asks for {wanted}.",
                current.etag()
            ));
        }
        _ => {}
    }
    if call.request.header("if-none-match") == Some("*") && has_part {
        return failed("The resource exists already, and If-None-Match forbids to replace it.");
    }
    Ok(())
}

/// Refuses to write where something is going on.
fn at_rest(cloud: &Cloud, call: &Call<'_>, kind: &Kind, id: &ResourceId) -> Result<()> {
    let Some(operation) = cloud.busy.get(&id.key()) else { return Ok(()) };
    if kind.provider == "Microsoft.Network" {
        return Err(Failure::conflict(
            "AnotherOperationInProgress",
            format!(
                "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: {}/subscriptions/{}/providers/Microsoft.Network/locations/westeurope/operations/{operation}?api-version={}.",
                call.origin, cloud.settings.subscription, call.version
            ),
        ));
    }
    Err(Failure::conflict(
        "Conflict",
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.",
    ))
}

fn check_name(kind: &Kind, id: &ResourceId) -> Result<()> {
    let name = id.name();
    let valid = |letter: char| letter.is_ascii_alphanumeric() || "-_.()".contains(letter);
    if name.len() > 80 || !name.chars().all(valid) {
        let (kind, provider) = (kind.name, kind.provider);
        return Err(Failure::bad(
            "InvalidResourceName",
            format!(
                "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_' ({provider}/{kind})."
            ),
        ));
    }
    Ok(())
}

fn write(
    cloud: &mut Cloud,
    call: &Call<'_>,
    kind: &'static Kind,
    id: &ResourceId,
    is_patch: bool,
) -> Result<Response> {
    let schema_name = if is_patch { kind.patch.unwrap_or(kind.body) } else { kind.body };
    let body = cleaned(call, kind.schema, schema_name, kind.provider, is_patch)?;
    check_name(kind, id)?;
    // A part is written by writing the whole.
    let (whole_kind, whole_id) = match (kind.within, id.parent()) {
        (Some(_), Some(parent)) => (kind::find(&parent.provider, &parent.kind()).unwrap_or(kind), parent),
        _ => (kind, id.clone()),
    };
    let current = cloud.store.get(&whole_id.key()).cloned();
    if kind.within.is_some() && current.is_none() {
        return Err(Failure::new(
            404,
            "ParentResourceNotFound",
            format!(
                "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{whole_id}' could not be found.",
                kind.name
            ),
        ));
    }
    if is_patch && current.is_none() {
        return Err(missing(id));
    }
    let part = kind.within.map(|property| format!("/properties/{property}"));
    let old_part = part.as_ref().and_then(|pointer| {
        let parts = list(&current.as_ref()?.value, pointer);
        parts.iter().position(|part| text(part, "/name").eq_ignore_ascii_case(id.name()))
    });
    let exists = if kind.within.is_some() { old_part.is_some() } else { current.is_some() };
    preconditions(call, current.as_ref(), exists)?;
    at_rest(cloud, call, kind, &whole_id)?;
    let new = match (&current, &part) {
        (Some(current), Some(pointer)) => {
            let mut whole = current.value.clone();
            let mut body = body;
            body["name"] = json!(id.name());
            match old_part {
                Some(index) => set(&mut whole, &format!("{pointer}/{index}"), body),
                None => {
                    let mut parts = list(&whole, pointer).to_vec();
                    parts.push(body);
                    set(&mut whole, pointer, parts);
                }
            }
            whole
        }
        (Some(current), None) if is_patch => {
            let mut whole = current.value.clone();
            // Tags are replaced, not merged.
            let mut body = body;
            if let Some(tags) = body.as_object_mut().and_then(|body| body.remove("tags")) {
                whole["tags"] = tags;
            }
            merge(&mut whole, &body);
            whole
        }
        _ => body,
    };
    let mut write = Write {
        id: current.as_ref().map_or_else(|| whole_id.clone(), |current| current.id.clone()),
        new,
        old: current.as_ref().map(|current| current.value.clone()),
        hidden: current.as_ref().map_or_else(|| json!({}), |current| current.hidden.clone()),
        part: part.is_some().then(|| id.clone()),
    };
    head(whole_kind, &mut write)?;
    (whole_kind.prepare)(cloud, &mut write)?;
    cloud.changed = true;
    // Tags alone are changed at once, and so are storage accounts.
    let is_instant = is_patch && (kind.patch == Some("TagsObject") || kind.put == Style::Location);
    let style = if is_instant { Style::Synchronous } else { cloud.style(kind.put) };
    let shown_id = write.id.to_string();
    let key = write.id.key();
    let ends = if style == Style::Synchronous {
        "Succeeded"
    } else if exists {
        "Updating"
    } else {
        "Creating"
    };
    let ends = if whole_kind.etags && ends == "Creating" { "Updating" } else { ends };
    whole_state(&mut write.new, whole_kind, ends, kind, id);
    let place = text(&write.new, "/location").to_owned();
    cloud.store.put(write.id, write.new, write.hidden);
    if style == Style::Synchronous {
        (whole_kind.provisioned)(cloud, &key);
    } else {
        let job =
            if whole_kind.name == "virtualMachines" { compute::machine::boot(cloud, &key) } else { None };
        cloud.begin(&key, Some(shown_id), Effect::Provisioned, job);
    }
    let Some(resource) = cloud.store.get(&key) else { return Err(missing(id)) };
    let etag = resource.etag();
    let shown = if part.is_some() { shown_part(cloud, id)?.0 } else { cloud.shown(resource) };
    let response = Response::json(if exists { 200 } else { kind.created }, shown).with("etag", etag);
    Ok(follow::begun(cloud, call, kind.provider, &place, style, response))
}

/// Id, name, type and place, as they are whatever the request says.
fn head(kind: &Kind, write: &mut Write) -> Result<()> {
    let mut whole = json!({"id": write.id.to_string(), "name": write.id.name(), "type": kind.full_name()});
    let body = std::mem::take(&mut write.new);
    let place = location(text(&body, "/location"), &kind.full_name())?;
    if let Some(old) = &write.old {
        let before = text(old, "/location");
        if before != place {
            return Err(Failure::conflict(
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{before}' in resource group '{}'. A resource with the same name cannot be created in location '{place}'. Please select a new resource name.",
                    write.id.name(),
                    write.id.group().unwrap_or_default()
                ),
            ));
        }
    }
    if let (Value::Object(whole), Value::Object(body)) = (&mut whole, body) {
        for (key, value) in body {
            whole.entry(key).or_insert(value);
        }
        whole.insert("location".to_owned(), json!(place));
        whole.entry("properties").or_insert_with(|| json!({}));
    }
    write.new = whole;
    Ok(())
}

/// Writes the provisioning state of the whole, or of the part that is written and the whole.
fn whole_state(value: &mut Value, whole_kind: &Kind, to: &str, kind: &Kind, id: &ResourceId) {
    if kind.within.is_none() {
        state(value, to);
        return;
    }
    set(value, "/properties/provisioningState", to);
    for property in whole_kind.parts {
        for part in crate::json::list_mut(value, &format!("/properties/{property}")) {
            let is_it = kind.within == Some(*property) && text(part, "/name").eq_ignore_ascii_case(id.name());
            set(part, "/properties/provisioningState", if is_it { to } else { "Succeeded" });
        }
    }
}

fn delete(cloud: &mut Cloud, call: &Call<'_>, kind: &'static Kind, id: &ResourceId) -> Result<Response> {
    let whole_id = if kind.within.is_some() { id.parent().unwrap_or_else(|| id.clone()) } else { id.clone() };
    let Some(resource) = cloud.store.get(&whole_id.key()).cloned() else { return Ok(Response::empty(204)) };
    let whole_kind = kind::find(&whole_id.provider, &whole_id.kind()).unwrap_or(kind);
    if kind.within.is_some() && shown_part(cloud, id).is_err() {
        return Ok(Response::empty(204));
    }
    preconditions(call, Some(&resource), false)?;
    at_rest(cloud, call, kind, &whole_id)?;
    (whole_kind.removable)(cloud, &resource, id)?;
    cloud.changed = true;
    let place = resource.location().to_owned();
    let key = whole_id.key();
    if kind.delete == Style::Synchronous {
        cloud.remove(&key);
        return Ok(Response::empty(200));
    }
    let style = cloud.style(kind.delete);
    let effect = match kind.within {
        Some(property) => {
            cloud.store.change(&key, |value, _| {
                whole_state(value, whole_kind, "Deleting", kind, id);
                set(value, "/properties/provisioningState", "Updating");
            });
            Effect::PartRemoved(property, id.name().to_owned())
        }
        None => {
            cloud.store.change(&key, |value, _| state(value, "Deleting"));
            Effect::Removed
        }
    };
    let is_machine = kind.name == "virtualMachines" && cloud.course.fault.is_none();
    let job = if is_machine { cloud.machines.remove(&key) } else { None };
    cloud.begin(&key, None, effect, job);
    Ok(follow::begun(cloud, call, kind.provider, &place, style, Response::empty(202)))
}

/// Does what a POST asks of a resource.
pub fn act(cloud: &mut Cloud, call: &Call<'_>, kind: &'static Kind, action: &str) -> Result<Response> {
    let id = call.path.rsplit_once('/').and_then(|(id, _)| ResourceId::parse(id));
    let id = id.ok_or_else(|| call.not_allowed())?;
    cloud.group(id.group().unwrap_or_default())?;
    let resource = cloud.store.get(&id.key()).cloned().ok_or_else(|| missing(&id))?;
    if kind.name != "virtualMachines" {
        return crate::storage::act(cloud, call, &resource, action);
    }
    if action.eq_ignore_ascii_case("retrieveBootDiagnosticsData") {
        return Ok(compute::console::uris(cloud, call, &resource));
    }
    at_rest(cloud, call, kind, &id)?;
    compute::power::act(cloud, call, &resource, action)?;
    let place = resource.location().to_owned();
    cloud.changed = true;
    let style = match cloud.begun {
        Some(_) => Style::Accepted,
        None => Style::Synchronous,
    };
    Ok(follow::begun(cloud, call, kind.provider, &place, style, Response::empty(202)))
}
