//! Public addresses.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::prefix::Prefix;
use super::users;
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{default, has, list, remove, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

const KIND: &str = "Microsoft.Network/publicIPAddresses";
const CONFIGURED: &[&str] = &["Microsoft.Network/networkInterfaces", "Microsoft.Network/loadBalancers"];
const GATEWAYS: &[&str] = &["Microsoft.Network/natGateways"];

/// Checks and completes a public address.
///
/// # Errors
/// When its kind does not fit, its name is taken, or the region has no more.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let id = write.id.to_string();
    let place = text(&write.new, "/location").to_owned();
    default(&mut write.new, "/sku/name", "Basic");
    default(&mut write.new, "/sku/tier", "Regional");
    for pointer in ["ipAddress", "natGateway", "servicePublicIPAddress", "linkedPublicIPAddress"] {
        remove(&mut write.new, &format!("/properties/{pointer}"));
    }
    default(&mut write.new, "/properties/publicIPAllocationMethod", "Dynamic");
    default(&mut write.new, "/properties/publicIPAddressVersion", "IPv4");
    default(&mut write.new, "/properties/idleTimeoutInMinutes", 4);
    default(&mut write.new, "/properties/ipTags", json!([]));
    let guid = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/resourceGuid", guid);
    let sku = text(&write.new, "/sku/name").to_owned();
    if sku == "Standard" && text(&write.new, "/properties/publicIPAllocationMethod") != "Static" {
        return Err(Failure::bad(
            "StandardSkuPublicIPAddressesMustBeStatic",
            format!("Standard sku publicIp {id} must have AllocationMethod set to Static."),
        ));
    }
    if sku == "Basic" && !list(&write.new, "/zones").is_empty() {
        return Err(Failure::bad(
            "ZonesNotAllowedForBasicSkuPublicIp",
            format!("Basic sku publicIp {id} cannot have availability zones."),
        ));
    }
    if let Some(old) = &write.old {
        let is_used = !users(cloud, &id, &[CONFIGURED, GATEWAYS].concat()).is_empty();
        if text(old, "/sku/name") != sku && is_used {
            return Err(Failure::bad(
                "PublicIPAddressSkuCannotBeUpdated",
                format!("The sku of public IP address {id} cannot be changed while it is in use."),
            ));
        }
        if list(old, "/zones") != list(&write.new, "/zones") {
            return Err(Failure::bad(
                "ResourceAvailabilityZonesCannotBeModified",
                format!(
                    "Resource {id} has an existing availability zone constraint {} and the request has availability zone constraint {}, which do not match. Zones cannot be added/updated/removed once the resource is created.",
                    old["zones"], write.new["zones"]
                ),
            ));
        }
    } else {
        let count =
            cloud.store.of_kind(&cloud.root(), KIND).filter(|one| one.location() == place).count() as u64;
        if count >= cloud.settings.public_addresses {
            let limit = cloud.settings.public_addresses;
            return Err(Failure::bad(
                "PublicIPCountLimitReached",
                format!(
                    "Cannot create more than {limit} public IP addresses for this subscription in this region."
                ),
            ));
        }
        write.hidden["address"] = json!(free_address(cloud)?);
    }
    if has(&write.new, "/properties/dnsSettings/domainNameLabel") {
        let label = text(&write.new, "/properties/dnsSettings/domainNameLabel").to_owned();
        if !is_label(&label) {
            return Err(Failure::bad(
                "InvalidDomainNameLabel",
                format!(
                    "The domain name label {label} is invalid. It must conform to the following regular expression: ^[a-z][a-z0-9-]{{1,61}}[a-z0-9]$."
                ),
            ));
        }
        let full = format!("{label}.{place}.cloudapp.azure.com");
        if holder_of_label(cloud, &place, &label).is_some_and(|holder| holder.id.key() != write.id.key()) {
            return Err(Failure::bad(
                "DnsRecordInUse",
                format!("DNS record {full} is already used by another public IP."),
            ));
        }
        set(&mut write.new, "/properties/dnsSettings/fqdn", full);
    }
    Ok(())
}

fn is_label(label: &str) -> bool {
    let valid = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    (3..=63).contains(&label.len())
        && label.chars().all(valid)
        && label.starts_with(|letter: char| letter.is_ascii_lowercase())
        && !label.ends_with('-')
}

/// The address that has a DNS label in a region.
#[must_use]
pub fn holder_of_label<'cloud>(cloud: &'cloud Cloud, place: &str, label: &str) -> Option<&'cloud Resource> {
    cloud.store.of_kind(&cloud.root(), KIND).find(|one| {
        one.location() == place && text(&one.value, "/properties/dnsSettings/domainNameLabel") == label
    })
}

/// The first address that nobody has.
///
/// # Errors
/// When there is none left.
fn free_address(cloud: &Cloud) -> Result<String> {
    let taken: HashSet<&str> =
        cloud.store.of_kind(&cloud.root(), KIND).map(|one| text(&one.hidden, "/address")).collect();
    let all = Prefix::parse(&cloud.settings.public_prefix, "public addresses")?.usable();
    let mut all = all.map(|address| Ipv4Addr::from_bits(address).to_string());
    all.find(|address| !taken.contains(address.as_str()))
        .ok_or_else(|| Failure::bad("PublicIPAddressesExhausted", "There are no public IP addresses left."))
}

/// Adds the address, where it has one by now, and who uses it.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    let id = resource.id.to_string();
    let configured = users(cloud, &id, CONFIGURED);
    if let Some(gateway) = users(cloud, &id, GATEWAYS).first() {
        set(value, "/properties/natGateway", gateway.clone());
    }
    let is_static = text(value, "/properties/publicIPAllocationMethod") == "Static";
    if is_static || !configured.is_empty() {
        set(value, "/properties/ipAddress", text(&resource.hidden, "/address"));
    }
    if let Some(user) = configured.first() {
        set(value, "/properties/ipConfiguration", user.clone());
    }
}

/// Whether nothing uses it.
///
/// # Errors
/// When something does.
pub fn removable(cloud: &Cloud, resource: &Resource, _id: &ResourceId) -> Result<()> {
    let users = users(cloud, &resource.id.to_string(), &[CONFIGURED, GATEWAYS].concat());
    let Some(user) = users.first() else { return Ok(()) };
    Err(Failure::bad(
        "PublicIPAddressCannotBeDeleted",
        format!(
            "Public IP address {} can not be deleted since it is still allocated to resource {}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip.",
            resource.id,
            text(user, "/id")
        ),
    ))
}

/// Takes an address for a part of a resource.
///
/// # Errors
/// When another has it, or its kind does not fit the one that is needed.
pub fn take(cloud: &Cloud, by: &str, id: &str, sku: Option<&str>) -> Result<()> {
    let everyone = [CONFIGURED, GATEWAYS].concat();
    let users = users(cloud, id, &everyone);
    if let Some(user) = users.iter().map(|user| text(user, "/id")).find(|user| !user.eq_ignore_ascii_case(by))
    {
        return Err(Failure::bad(
            "PublicIPAddressInUse",
            format!(
                "Resource {by} is referencing public IP address {id} that is already allocated to resource {user}."
            ),
        ));
    }
    let theirs = cloud.store.find(id).map(|address| text(&address.value, "/sku/name")).unwrap_or_default();
    match sku.filter(|sku| *sku != theirs) {
        Some(sku) => Err(Failure::bad(
            "PublicIPAndLBSkuDoNotMatch",
            format!("{sku} sku resource {by} cannot reference {theirs} sku publicIP {id}."),
        )),
        None => Ok(()),
    }
}
