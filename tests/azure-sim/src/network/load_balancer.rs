//! Load balancers.

use serde_json::{Value, json};

use super::{complete_parts, drop_shown, interface, public_address, reference, show_users, users, whole_of};
use crate::cloud::Cloud;
use crate::compute::spec;
use crate::failure::{Failure, Result};
use crate::id::{ResourceId, key};
use crate::json::{default, has, list, list_mut, named, set, text};
use crate::kind::Write;
use crate::machine::{Forwarding, Network};
use crate::random;
use crate::store::Resource;

/// The properties that hold parts.
pub const PARTS: &[&str] = &[
    "frontendIPConfigurations",
    "backendAddressPools",
    "loadBalancingRules",
    "probes",
    "inboundNatRules",
    "outboundRules",
    "inboundNatPools",
];

const INTERFACES: &[&str] = &["Microsoft.Network/networkInterfaces"];

/// Checks and completes a load balancer.
///
/// # Errors
/// When what it refers to is not there or does not fit, or rules are at odds.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let place = text(&write.new, "/location").to_owned();
    default(&mut write.new, "/sku/name", "Basic");
    default(&mut write.new, "/sku/tier", "Regional");
    let sku = text(&write.new, "/sku/name").to_owned();
    if write.old.as_ref().is_some_and(|old| text(old, "/sku/name") != sku) {
        return Err(Failure::bad(
            "LoadBalancerSkuCannotBeUpdated",
            format!("The sku of load balancer {} cannot be changed.", write.id),
        ));
    }
    let guid = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/resourceGuid", guid);
    let usual = |part: &str| match part {
        "frontendIPConfigurations" => json!({"privateIPAllocationMethod": "Dynamic"}),
        "loadBalancingRules" => {
            json!({"enableFloatingIP": false, "idleTimeoutInMinutes": 4, "enableTcpReset": false, "loadDistribution": "Default", "disableOutboundSnat": false})
        }
        "probes" => json!({"intervalInSeconds": 15, "numberOfProbes": 2, "probeThreshold": 1}),
        "inboundNatRules" => {
            json!({"enableFloatingIP": false, "idleTimeoutInMinutes": 4, "enableTcpReset": false})
        }
        "outboundRules" => {
            json!({"allocatedOutboundPorts": 0, "enableTcpReset": false, "idleTimeoutInMinutes": 4})
        }
        _ => json!({}),
    };
    for part in PARTS {
        complete_parts(&mut write.new, &write.id, part, &usual(part))?;
        for one in list_mut(&mut write.new, &format!("/properties/{part}")) {
            drop_shown(one, &["/properties/backendIPConfigurations", "/properties/backendIPConfiguration"]);
            if *part != "loadBalancingRules" {
                drop_shown(
                    one,
                    &[
                        "/properties/loadBalancingRules",
                        "/properties/outboundRules",
                        "/properties/inboundNatRules",
                    ],
                );
            }
        }
    }
    let old = write.old.clone().unwrap_or_default();
    let mut given = Vec::new();
    for frontend in list_mut(&mut write.new, "/properties/frontendIPConfigurations") {
        let before =
            named(list(&old, "/properties/frontendIPConfigurations"), text(frontend, "/name")).cloned();
        prepare_frontend(cloud, &write.id, &place, &sku, frontend, before.as_ref(), &mut given)?;
    }
    let whole = write.new.clone();
    for (part, properties) in [
        ("loadBalancingRules", &["frontendIPConfiguration", "backendAddressPool", "probe"][..]),
        ("inboundNatRules", &["frontendIPConfiguration", "backendAddressPool"]),
        ("outboundRules", &["backendAddressPool"]),
    ] {
        for rule in list_mut(&mut write.new, &format!("/properties/{part}")) {
            for property in properties {
                own_reference(&write.id, &whole, rule, &format!("/properties/{property}/id"))?;
            }
            for index in 0..list(rule, "/properties/frontendIPConfigurations").len() {
                own_reference(
                    &write.id,
                    &whole,
                    rule,
                    &format!("/properties/frontendIPConfigurations/{index}/id"),
                )?;
            }
        }
    }
    let listened: Vec<(&str, &Value)> = ["loadBalancingRules", "inboundNatRules"]
        .iter()
        .flat_map(|part| list(&write.new, &format!("/properties/{part}")))
        .map(|rule| (text(rule, "/name"), &rule["properties"]))
        .collect();
    for (index, (name, rule)) in listened.iter().enumerate() {
        let frontend = |rule: &Value| key(text(rule, "/frontendIPConfiguration/id"));
        let same = listened[..index].iter().find(|(_, other)| {
            other["frontendPort"] == rule["frontendPort"]
                && other["protocol"] == rule["protocol"]
                && frontend(other) == frontend(rule)
        });
        if let Some((other, _)) = same {
            return Err(Failure::bad(
                "RulesUseSameFrontendPortProtocolAndIPConfig",
                format!(
                    "Rules {other} and {name} of load balancer {} use the same frontend port, protocol and IP configuration.",
                    write.id
                ),
            ));
        }
    }
    Ok(())
}

fn prepare_frontend(
    cloud: &Cloud,
    id: &ResourceId,
    place: &str,
    sku: &str,
    frontend: &mut Value,
    before: Option<&Value>,
    given: &mut Vec<String>,
) -> Result<()> {
    let by = text(frontend, "/id").to_owned();
    if has(frontend, "/properties/publicIPAddress/id") {
        reference(cloud, id, place, frontend, "/properties/publicIPAddress")?;
        return public_address::take(cloud, &by, text(frontend, "/properties/publicIPAddress/id"), Some(sku));
    }
    if !has(frontend, "/properties/subnet/id") {
        return Err(Failure::bad(
            "LoadBalancerFrontendIPConfigMustReferenceSubnetOrPublicIP",
            format!(
                "Frontend IP configuration {by} must reference either a Subnet, PublicIPAddress or PublicIPPrefix."
            ),
        ));
    }
    reference(cloud, id, place, frontend, "/properties/subnet")?;
    let address = interface::private_address(cloud, frontend, before, given)?;
    given.push(address.clone());
    set(frontend, "/properties/privateIPAddress", address);
    Ok(())
}

/// A rule refers to parts of its own load balancer.
fn own_reference(id: &ResourceId, whole: &Value, rule: &Value, pointer: &str) -> Result<()> {
    let wanted = text(rule, pointer);
    if wanted.is_empty() || super::has_part(whole, wanted) {
        return Ok(());
    }
    Err(Failure::bad("InvalidResourceReference", format!("Resource {wanted} referenced by resource {} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.", text(rule, "/id"))).about(&id.to_string()))
}

/// Adds who is in the pools, and which rules use what.
pub fn show(cloud: &Cloud, _resource: &Resource, value: &mut Value) {
    let rules: Vec<(&str, Value)> = ["loadBalancingRules", "outboundRules", "inboundNatRules"]
        .iter()
        .map(|part| (*part, json!(list(value, &format!("/properties/{part}")))))
        .collect();
    for part in ["frontendIPConfigurations", "backendAddressPools", "probes"] {
        for one in list_mut(value, &format!("/properties/{part}")) {
            let id = key(text(one, "/id"));
            for (property, rules) in &rules {
                let using: Vec<Value> = list(rules, "")
                    .iter()
                    .filter(|rule| mentions(&rule["properties"], &id))
                    .map(|rule| json!({"id": rule["id"]}))
                    .collect();
                if !using.is_empty() {
                    set(one, &format!("/properties/{property}"), using);
                }
            }
            if part == "backendAddressPools" {
                show_users(cloud, &id, INTERFACES, one, "/properties/backendIPConfigurations");
            }
        }
    }
    for rule in list_mut(value, "/properties/inboundNatRules") {
        if let Some(user) = users(cloud, text(rule, "/id"), INTERFACES).first() {
            set(rule, "/properties/backendIPConfiguration", user.clone());
        }
    }
}

fn mentions(value: &Value, id: &str) -> bool {
    match value {
        Value::Object(object) => {
            object.get("id").and_then(Value::as_str).is_some_and(|found| key(found) == id)
                || object.values().any(|value| mentions(value, id))
        }
        Value::Array(values) => values.iter().any(|value| mentions(value, id)),
        _ => false,
    }
}

/// Whether nothing else needs it; interfaces in its pools are let go with it.
///
/// # Errors
/// When a part that rules need is to go.
pub fn removable(cloud: &Cloud, resource: &Resource, id: &ResourceId) -> Result<()> {
    if id.path.len() < 2 {
        return Ok(());
    }
    let (shown, own) = (cloud.shown(resource), id.key());
    let parts = PARTS.iter().flat_map(|part| list(&shown, &format!("/properties/{part}")));
    let rules = parts.filter(|part| {
        key(text(part, "/id")) != own
            && !text(part, "/id").to_lowercase().contains("/frontendipconfigurations/")
    });
    let user = rules.into_iter().find(|rule| mentions(&rule["properties"], &own));
    match user {
        None => Ok(()),
        Some(rule) => Err(Failure::bad(
            "InvalidResourceReference",
            format!(
                "Resource {id} referenced by resource {} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.",
                text(rule, "/id")
            ),
        )),
    }
}

/// Forwards the ports of its rules to those in its pools.
pub fn provisioned(cloud: &mut Cloud, own: &str) {
    let Some(resource) = cloud.store.get(own) else { return };
    let mut ports = Vec::new();
    for rule in list(&resource.value, "/properties/loadBalancingRules") {
        let properties = &rule["properties"];
        let port = |name: &str| properties[name].as_u64().and_then(|port| u16::try_from(port).ok());
        let (Some(front), Some(back)) = (port("frontendPort"), port("backendPort")) else { continue };
        let frontend = frontend_address(cloud, resource, text(properties, "/frontendIPConfiguration/id"));
        let pool = key(text(properties, "/backendAddressPool/id"));
        let to = members(cloud, &pool).into_iter().map(|address| (address, back)).collect();
        if let Some(address) = frontend.filter(|_| text(properties, "/protocol") != "Udp") {
            ports.push(Forwarding { from: (address.0, front), network: address.1, to });
        }
    }
    for rule in list(&resource.value, "/properties/inboundNatRules") {
        let properties = &rule["properties"];
        let port = |name: &str| properties[name].as_u64().and_then(|port| u16::try_from(port).ok());
        let (Some(front), Some(back)) = (port("frontendPort"), port("backendPort")) else { continue };
        let frontend = frontend_address(cloud, resource, text(properties, "/frontendIPConfiguration/id"));
        let to = members(cloud, &key(text(rule, "/id"))).into_iter().map(|address| (address, back)).collect();
        if let Some(address) = frontend {
            ports.push(Forwarding { from: (address.0, front), network: address.1, to });
        }
    }
    cloud.machines.forward(own, ports);
}

/// The address of a frontend, and its place in a virtual network if it is private.
fn frontend_address(cloud: &Cloud, balancer: &Resource, id: &str) -> Option<(String, Option<Network>)> {
    let all = list(&balancer.value, "/properties/frontendIPConfigurations");
    let frontend = all.iter().find(|one| key(text(one, "/id")) == key(id))?;
    match cloud.store.find(text(frontend, "/properties/publicIPAddress/id")) {
        Some(public) => Some((text(&public.hidden, "/address").to_owned(), None)),
        None => spec::network(cloud, frontend).map(|network| (network.address.clone(), Some(network))),
    }
}

/// The addresses of those that refer to a pool or rule.
fn members(cloud: &Cloud, id: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (part, user) in cloud.store.users(id) {
        let all = list(&user.value, "/properties/ipConfigurations").iter();
        let own = all.filter(|one| text(one, "/id").eq_ignore_ascii_case(part));
        found.extend(own.map(|one| text(one, "/properties/privateIPAddress").to_owned()));
    }
    found
}

/// The load balancers whose pools an interface is in.
#[must_use]
pub fn of_interface(nic: &Value) -> Vec<String> {
    let configurations = list(nic, "/properties/ipConfigurations").iter();
    let mut found: Vec<String> = configurations
        .flat_map(|one| {
            ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"]
                .iter()
                .flat_map(move |property| list(one, &format!("/properties/{property}")))
        })
        .map(|one| key(&whole_of(text(one, "/id")).0))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Lets its pools' interfaces go, and forwards no more.
pub fn removed(cloud: &mut Cloud, resource: &Resource) {
    let own = resource.id.key();
    cloud.machines.forward(&own, Vec::new());
    let prefix = format!("{own}/");
    let parts = PARTS.iter().flat_map(|part| list(&resource.value, &format!("/properties/{part}")));
    let ids: Vec<String> = parts.map(|part| key(text(part, "/id"))).collect();
    let users: Vec<String> =
        ids.iter().flat_map(|id| cloud.store.users(id)).map(|(_, user)| user.id.key()).collect();
    for user in users {
        cloud.store.change(&user, |value, _| {
            for configuration in list_mut(value, "/properties/ipConfigurations") {
                for property in ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules"] {
                    let left: Vec<Value> = list(configuration, &format!("/properties/{property}"))
                        .iter()
                        .filter(|one| !key(text(one, "/id")).starts_with(&prefix))
                        .cloned()
                        .collect();
                    if has(configuration, &format!("/properties/{property}")) {
                        set(configuration, &format!("/properties/{property}"), left);
                    }
                }
            }
        });
    }
}
