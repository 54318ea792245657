//! Resource groups.

use serde_json::{Value, json};

use super::{Call, follow, list, resource};
use crate::cloud::{Cloud, location, state};
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::json::{merge, text};
use crate::machine::Job;
use crate::operation::{Effect, Style};
use crate::schema;

const VERSIONS: &[&str] = &[
    "2016-09-01",
    "2017-05-10",
    "2018-02-01",
    "2018-05-01",
    "2019-03-01",
    "2019-05-01",
    "2019-05-10",
    "2019-07-01",
    "2019-08-01",
    "2019-10-01",
    "2020-06-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
];

/// Refuses api-versions of Azure Resource Manager that are not served.
pub fn check_version(call: &Call<'_>) -> Result<()> {
    if VERSIONS.contains(&call.version.as_str()) {
        return Ok(());
    }
    Err(Failure::bad(
        "InvalidApiVersionParameter",
        format!(
            "The api-version '{}' is invalid. The supported versions are '{}'.",
            call.version,
            VERSIONS.join(",")
        ),
    ))
}

/// Lists resource groups.
pub fn list(cloud: &Cloud, call: &Call<'_>) -> Result<Response> {
    check_version(call)?;
    if !call.is("GET") {
        return Err(call.not_allowed());
    }
    let filter = list::tag_filter(call)?;
    let matching = cloud.groups.values().filter(|group| list::has_tag(group, filter.as_ref()));
    Ok(list::page(cloud, call, matching.cloned()))
}

/// Answers a request about one.
pub fn answer(cloud: &mut Cloud, call: &Call<'_>, name: &str) -> Result<Response> {
    check_version(call)?;
    let key = name.to_ascii_lowercase();
    match call.request.method.as_str() {
        "GET" => Ok(Response::json(200, cloud.group(name)?.clone())),
        "HEAD" => Ok(Response::empty(if cloud.groups.contains_key(&key) { 204 } else { 404 })),
        "PUT" => put(cloud, call, name),
        "PATCH" => {
            let body = resource::cleaned(call, &schema::RESOURCES, "ResourceGroupPatchable", "", true)?;
            let mut group = cloud.group(name)?.clone();
            refuse_if_going(&group, name)?;
            if let Some(tags) = body.get("tags") {
                group["tags"] = tags.clone();
            }
            merge(&mut group, &json!({"properties": {"provisioningState": "Succeeded"}}));
            cloud.groups.insert(key, group.clone());
            cloud.changed = true;
            Ok(Response::json(200, group))
        }
        "DELETE" => {
            let id = cloud.group_id(name).to_ascii_lowercase();
            let group = cloud.group(name)?.clone();
            refuse_if_going(&group, name)?;
            if let Some(group) = cloud.groups.get_mut(&key) {
                state(group, "Deleting");
            }
            let machines: Vec<String> = cloud
                .store
                .of_kind(&format!("{id}/"), "Microsoft.Compute/virtualMachines")
                .map(|machine| machine.id.key())
                .collect();
            let jobs = machines.iter().filter_map(|key| cloud.machines.remove(key)).collect();
            cloud.begin(&id, None, Effect::GroupRemoved, Job::all(jobs));
            Ok(follow::begun(cloud, call, "", "", Style::Location, Response::empty(202)))
        }
        _ => Err(call.not_allowed()),
    }
}

fn put(cloud: &mut Cloud, call: &Call<'_>, name: &str) -> Result<Response> {
    let valid = |letter: char| letter.is_alphanumeric() || "-_.()".contains(letter);
    if name.len() > 90 || name.ends_with('.') || !name.chars().all(valid) {
        return Err(Failure::bad(
            "InvalidResourceGroup",
            format!(
                "The provided resource group name '{name}' has these invalid characters. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
            ),
        ));
    }
    let body = resource::cleaned(call, &schema::RESOURCES, "ResourceGroup", "", false)?;
    let place = location(text(&body, "/location"), "resourceGroups")?;
    let old = cloud.groups.get(&name.to_ascii_lowercase()).cloned();
    if let Some(old) = &old {
        refuse_if_going(old, name)?;
        if text(old, "/location") != place {
            return Err(Failure::conflict(
                "InvalidResourceGroupLocation",
                format!(
                    "Invalid resource group location '{place}'. The Resource group already exists in location '{}'.",
                    text(old, "/location")
                ),
            ));
        }
    }
    let shown = old.as_ref().map_or(name, |old| text(old, "/name")).to_owned();
    let mut group = json!({
        "id": cloud.group_id(&shown), "name": shown, "type": "Microsoft.Resources/resourceGroups",
        "location": place, "properties": {"provisioningState": "Succeeded"},
    });
    for field in ["tags", "managedBy"] {
        if let Some(value) = body.get(field) {
            group[field] = value.clone();
        }
    }
    cloud.groups.insert(name.to_ascii_lowercase(), group.clone());
    cloud.changed = true;
    Ok(Response::json(if old.is_some() { 200 } else { 201 }, group))
}

/// Refuses to touch a resource group that is being deleted.
pub fn refuse_if_going(group: &Value, name: &str) -> Result<()> {
    if text(group, "/properties/provisioningState") == "Deleting" {
        return Err(Failure::conflict(
            "ResourceGroupBeingDeleted",
            format!(
                "The resource group '{name}' is in deprovisioning state and cannot perform this operation."
            ),
        ));
    }
    Ok(())
}
