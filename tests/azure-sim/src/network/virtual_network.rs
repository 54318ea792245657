//! Virtual networks, their subnets and peerings.

use serde_json::{Value, json};

use super::prefix::Prefix;
use super::{complete_parts, drop_shown, reference, show_users, users};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::{ResourceId, key};
use crate::json::{default, list, list_mut, named, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

/// What can be in a subnet.
const TENANTS: &[&str] = &["Microsoft.Network/networkInterfaces", "Microsoft.Network/loadBalancers"];

/// Checks and completes a virtual network.
///
/// # Errors
/// When its addresses are not right, or what goes away is in use.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let id = write.id.to_string();
    let place = text(&write.new, "/location").to_owned();
    let spaces = prefixes(list(&write.new, "/properties/addressSpace/addressPrefixes"), &id)?;
    if spaces.is_empty() {
        return Err(Failure::bad(
            "NoAddressPrefixOrPoolProvided",
            format!("No address prefix or pool is provided for virtual network {id}."),
        ));
    }
    for (index, one) in spaces.iter().enumerate() {
        if let Some(other) = spaces[..index].iter().find(|other| one.overlaps(**other)) {
            return Err(Failure::bad(
                "NetcfgAddressSpaceOverlap",
                format!("The address prefixes {other} and {one} of virtual network {id} overlap."),
            ));
        }
    }
    default(&mut write.new, "/properties/enableDdosProtection", false);
    let guid = json!(random::uuid_of(&write.id.key()));
    set(&mut write.new, "/properties/resourceGuid", guid);
    let usual = json!({"delegations": [], "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"});
    complete_parts(&mut write.new, &write.id, "subnets", &usual)?;
    complete_parts(
        &mut write.new,
        &write.id,
        "virtualNetworkPeerings",
        &json!({"allowVirtualNetworkAccess": true, "allowForwardedTraffic": false, "allowGatewayTransit": false, "useRemoteGateways": false}),
    )?;
    let name = write.id.name().to_owned();
    let mut taken: Vec<Prefix> = Vec::new();
    for subnet in list_mut(&mut write.new, "/properties/subnets") {
        let called = text(subnet, "/name").to_owned();
        for ours in prefixes(&subnet_prefixes(subnet), text(subnet, "/id"))? {
            if !spaces.iter().any(|space| space.holds(ours)) {
                return Err(Failure::bad(
                    "NetcfgSubnetRangeOutsideVnet",
                    format!(
                        "Subnet '{called}' is not valid because its IP address range is outside the IP address range of virtual network '{name}'."
                    ),
                ));
            }
            if taken.iter().any(|other| other.overlaps(ours)) {
                return Err(Failure::bad(
                    "NetcfgSubnetRangesOverlap",
                    format!(
                        "Subnet '{called}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '{name}'."
                    ),
                ));
            }
            taken.push(ours);
        }
        if subnet_prefixes(subnet).is_empty() {
            return Err(Failure::bad(
                "NoAddressPrefixOrPoolProvided",
                format!("No address prefix or pool is provided for subnet {}.", text(subnet, "/id")),
            ));
        }
        for property in ["networkSecurityGroup", "routeTable", "natGateway"] {
            reference(cloud, &write.id, &place, subnet, &format!("/properties/{property}"))?;
        }
        drop_shown(subnet, &["/properties/ipConfigurations", "/etag"]);
    }
    for peering in list_mut(&mut write.new, "/properties/virtualNetworkPeerings") {
        prepare_peering(cloud, &write.id, &spaces, peering)?;
    }
    let old = write.old.clone().unwrap_or_default();
    for subnet in list(&old, "/properties/subnets") {
        let Some(kept) = named(list(&write.new, "/properties/subnets"), text(subnet, "/name")) else {
            unused(cloud, subnet)?;
            continue;
        };
        let (before, after) = (subnet_prefixes(subnet), subnet_prefixes(kept));
        let gone = before.iter().find(|prefix| !after.contains(prefix));
        if let Some(gone) = gone
            && !users(cloud, text(subnet, "/id"), TENANTS).is_empty()
        {
            return Err(Failure::bad(
                "InUsePrefixCannotBeDeleted",
                format!(
                    "IpPrefix {} on Subnet {} has active allocations and cannot be deleted.",
                    text(gone, ""),
                    text(subnet, "/name")
                ),
            ));
        }
    }
    Ok(())
}

fn prefixes(values: &[Value], of: &str) -> Result<Vec<Prefix>> {
    let texts = values.iter().map(|value| text(value, ""));
    texts.filter(|text| !text.contains(':')).map(|text| Prefix::parse(text, of)).collect()
}

/// The prefixes of a subnet, however they are written.
#[must_use]
pub fn subnet_prefixes(subnet: &Value) -> Vec<Value> {
    match subnet.pointer("/properties/addressPrefix") {
        Some(one) if one.is_string() => vec![one.clone()],
        _ => list(subnet, "/properties/addressPrefixes").to_vec(),
    }
}

fn prepare_peering(cloud: &Cloud, own: &ResourceId, spaces: &[Prefix], peering: &mut Value) -> Result<()> {
    let id = text(peering, "/properties/remoteVirtualNetwork/id").to_owned();
    let remote = cloud.referenced(&id, own)?;
    let theirs = list(&remote.value, "/properties/addressSpace/addressPrefixes").to_vec();
    let overlaps = prefixes(&theirs, &id)?.iter().any(|one| spaces.iter().any(|other| one.overlaps(*other)));
    if overlaps {
        return Err(Failure::bad(
            "VnetAddressSpacesOverlap",
            format!(
                "Cannot create or update peering {}. Virtual networks {own} and {id} cannot be peered because their address spaces overlap.",
                text(peering, "/id")
            ),
        ));
    }
    set(peering, "/properties/remoteVirtualNetwork", json!({"id": id}));
    set(peering, "/properties/remoteAddressSpace", json!({"addressPrefixes": theirs}));
    Ok(())
}

/// Adds what is in the subnets, and how peerings are.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    for subnet in list_mut(value, "/properties/subnets") {
        let id = text(subnet, "/id").to_owned();
        show_users(cloud, &id, TENANTS, subnet, "/properties/ipConfigurations");
    }
    for peering in list_mut(value, "/properties/virtualNetworkPeerings") {
        let remote = cloud.store.find(text(peering, "/properties/remoteVirtualNetwork/id"));
        let back = remote.is_some_and(|remote| {
            let peerings = list(&remote.value, "/properties/virtualNetworkPeerings");
            peerings
                .iter()
                .any(|other| key(text(other, "/properties/remoteVirtualNetwork/id")) == resource.id.key())
        });
        let state = match (remote.is_some(), back) {
            (false, _) => "Disconnected",
            (true, false) => "Initiated",
            (true, true) => "Connected",
        };
        set(peering, "/properties/peeringState", state);
        set(peering, "/properties/peeringSyncLevel", if back { "FullyInSync" } else { "RemoteNotInSync" });
    }
}

fn unused(cloud: &Cloud, subnet: &Value) -> Result<()> {
    let users = users(cloud, text(subnet, "/id"), TENANTS);
    if users.is_empty() {
        return Ok(());
    }
    let users = users.iter().map(|user| text(user, "/id")).collect::<Vec<_>>().join(", ");
    Err(Failure::bad(
        "InUseSubnetCannotBeDeleted",
        format!(
            "Subnet {} is in use by {users} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            text(subnet, "/name")
        ),
    ))
}

/// Removes what was made for it.
pub fn removed(cloud: &mut Cloud, resource: &Resource) {
    cloud.machines.remove_network(&resource.id.key());
}

/// Whether nothing is in the subnet, or in any.
///
/// # Errors
/// When something is.
pub fn removable(cloud: &Cloud, resource: &Resource, id: &ResourceId) -> Result<()> {
    let subnets = list(&resource.value, "/properties/subnets");
    match named(subnets, id.name()).filter(|_| id.path.len() > 1) {
        Some(subnet) => unused(cloud, subnet),
        None if id.path.len() > 1 => Ok(()),
        None => subnets.iter().try_for_each(|subnet| unused(cloud, subnet)),
    }
}
