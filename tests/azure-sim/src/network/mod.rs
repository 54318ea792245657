//! Microsoft.Network.

pub mod interface;
pub mod load_balancer;
pub mod nat_gateway;
pub mod prefix;
pub mod public_address;
pub mod route_table;
pub mod security_group;
pub mod virtual_network;

use serde_json::{Value, json};

use crate::arm::{Call, check_version, page};
use crate::cloud::{Cloud, location};
use crate::failure::{Failure, Result};
use crate::http::Response;
use crate::id::{ResourceId, key};
use crate::json::{default, list_mut, remove, set, text};
use crate::kind;

/// Answers what is no resource: usages, and whether a DNS name is free.
pub fn answer(cloud: &Cloud, call: &Call<'_>, words: &[&str]) -> Result<Option<Response>> {
    let versions = kind::find("Microsoft.Network", "virtualNetworks").map_or(&[][..], |kind| kind.versions);
    match words {
        ["locations", place, "usages"] if call.is("GET") => {
            check_version(call, "Microsoft.Network", "locations/usages", versions, false)?;
            let place = location(place, "Microsoft.Network/locations/usages")?;
            Ok(Some(page(cloud, call, usages(cloud, place).into_iter())))
        }
        ["locations", place, "checkdnsnameavailability"] if call.is("GET") => {
            check_version(call, "Microsoft.Network", "locations/CheckDnsNameAvailability", versions, false)?;
            let place = location(place, "Microsoft.Network/locations/CheckDnsNameAvailability")?;
            let label = call.request.parameter("domainNameLabel").unwrap_or_default();
            let free = public_address::holder_of_label(cloud, place, &label).is_none();
            Ok(Some(Response::json(200, json!({"available": free}))))
        }
        _ => Ok(None),
    }
}

fn usages(cloud: &Cloud, place: &str) -> Vec<Value> {
    let count = |kind: &str| {
        cloud.store.of_kind(&cloud.root(), kind).filter(|resource| resource.location() == place).count()
    };
    let limits = [
        ("VirtualNetworks", "Virtual Networks", "virtualNetworks", 1000),
        ("NetworkSecurityGroups", "Network Security Groups", "networkSecurityGroups", 5000),
        ("NetworkInterfaces", "Network Interfaces", "networkInterfaces", 65536),
        ("LoadBalancers", "Load Balancers", "loadBalancers", 1000),
        ("NatGateways", "NAT Gateways", "natGateways", 1000),
        ("PublicIPAddresses", "Public IP Addresses", "publicIPAddresses", cloud.settings.public_addresses),
        (
            "StandardSkuPublicIpAddresses",
            "Public IPv4 Addresses - Standard",
            "publicIPAddresses",
            cloud.settings.public_addresses,
        ),
    ];
    limits
        .iter()
        .map(|(name, called, kind, limit)| {
            json!({
                "id": format!("/subscriptions/{}/providers/Microsoft.Network/locations/{place}/usages/{name}", cloud.settings.subscription),
                "unit": "Count", "currentValue": count(&format!("Microsoft.Network/{kind}")), "limit": limit,
                "name": {"value": name, "localizedValue": called},
            })
        })
        .collect()
}

/// Gives parts their ids, types and states; each needs a name of its own.
///
/// # Errors
/// When one has no name, or two have the same.
pub fn complete_parts(value: &mut Value, whole: &ResourceId, property: &str, defaults: &Value) -> Result<()> {
    let kind = format!("{}/{property}", whole.full_kind());
    let mut names: Vec<String> = Vec::new();
    let pointer = format!("/properties/{property}");
    default(value, &pointer, json!([]));
    for part in list_mut(value, &pointer) {
        let mut name = text(part, "/name").to_owned();
        if name.is_empty() {
            // A part may be named by its id alone.
            name = text(part, "/id").rsplit('/').next().unwrap_or_default().to_owned();
        }
        if name.is_empty() {
            return Err(Failure::bad("InvalidRequestFormat", "Cannot parse the request.").because(
                "MissingJsonReferenceId",
                format!("Value for reference id is missing. Path properties.{property}[{}].", names.len()),
            ));
        }
        if names.contains(&name.to_ascii_lowercase()) {
            return Err(Failure::bad("InvalidRequestFormat", "Cannot parse the request.").because(
                "DuplicateResourceName",
                format!("Resource {whole} has two child resources with the same name ({name})."),
            ));
        }
        names.push(name.to_ascii_lowercase());
        part["id"] = json!(whole.child(property, &name).to_string());
        part["name"] = json!(name);
        part["type"] = json!(kind);
        default(part, "/properties/provisioningState", "Succeeded");
        for (field, usual) in defaults.as_object().into_iter().flatten() {
            default(part, &format!("/properties/{field}"), usual.clone());
        }
    }
    Ok(())
}

/// Leaves nothing but the id of what a property refers to, which must be there and in the same region.
///
/// # Errors
/// When it is not.
pub fn reference(
    cloud: &Cloud,
    by: &ResourceId,
    place: &str,
    value: &mut Value,
    pointer: &str,
) -> Result<()> {
    let Some(found) = value.pointer(pointer).filter(|found| !found.is_null()) else { return Ok(()) };
    let id = text(found, "/id").to_owned();
    let own = by.key();
    if !key(&id).starts_with(&format!("{own}/")) {
        let (whole, is_part) = whole_of(&id);
        let resource = cloud.referenced(&whole, by).map_err(|mut failure| {
            failure.message = failure.message.replace(&whole, &id);
            failure
        })?;
        if is_part && !has_part(&resource.value, &id) {
            return cloud.referenced(&id, by).map(drop);
        }
        if resource.location() != place {
            return Err(Failure::bad(
                "InvalidResourceReference",
                format!(
                    "Resource {id} referenced by resource {by} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
                ),
            ));
        }
        cloud.at_rest(resource, &id, by)?;
    }
    set(value, pointer, json!({"id": id}));
    Ok(())
}

/// The id of the resource that a part is of, and whether it is a part.
#[must_use]
pub fn whole_of(id: &str) -> (String, bool) {
    match ResourceId::parse(id) {
        Some(mut parsed) if parsed.path.len() > 1 => {
            parsed.path.truncate(1);
            (parsed.to_string(), true)
        }
        _ => (id.to_owned(), false),
    }
}

/// Whether a resource has a part with this id.
#[must_use]
pub fn has_part(value: &Value, id: &str) -> bool {
    let parts =
        value["properties"].as_object().into_iter().flatten().filter_map(|(_, parts)| parts.as_array());
    parts.flatten().any(|part| text(part, "/id").eq_ignore_ascii_case(id))
}

/// The ids of what refers to a resource or part, as Azure shows them, of those kinds alone.
#[must_use]
pub fn users(cloud: &Cloud, id: &str, kinds: &[&str]) -> Vec<Value> {
    let users = cloud.store.users(&key(id));
    let wanted = users.filter(|(_, user)| {
        let kind = user.id.full_kind();
        kinds.iter().any(|wanted| wanted.eq_ignore_ascii_case(&kind))
    });
    wanted.map(|(part, _)| json!({"id": part})).collect()
}

/// Shows who refers to a resource, if anyone does.
pub fn show_users(cloud: &Cloud, id: &str, kinds: &[&str], value: &mut Value, pointer: &str) {
    let users = users(cloud, id, kinds);
    if !users.is_empty() {
        set(value, pointer, users);
    }
}

/// Drops what a client may have sent back of what is only shown.
pub fn drop_shown(value: &mut Value, pointers: &[&str]) {
    for pointer in pointers {
        remove(value, pointer);
    }
}
