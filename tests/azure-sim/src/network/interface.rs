//! Network interfaces.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::prefix::Prefix;
use super::virtual_network::subnet_prefixes;
use super::{complete_parts, drop_shown, load_balancer, public_address, reference, users, whole_of};
use crate::cloud::Cloud;
use crate::compute::spec;
use crate::failure::{Failure, Result};
use crate::id::{ResourceId, key};
use crate::json::{default, has, list, list_mut, named, remove, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

const MACHINES: &[&str] = &["Microsoft.Compute/virtualMachines"];

/// Checks and completes a network interface, and gives it its private addresses.
///
/// # Errors
/// When what it refers to is not there, in use or of another region, or its subnet is full.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let place = text(&write.new, "/location").to_owned();
    if list(&write.new, "/properties/ipConfigurations").is_empty() {
        return Err(Failure::bad(
            "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
            format!("Network interface {} must have at least one ip configuration.", write.id),
        ));
    }
    complete_parts(
        &mut write.new,
        &write.id,
        "ipConfigurations",
        &json!({"privateIPAllocationMethod": "Dynamic", "privateIPAddressVersion": "IPv4"}),
    )?;
    drop_shown(
        &mut write.new,
        &["/properties/virtualMachine", "/properties/macAddress", "/properties/primary"],
    );
    for (field, usual) in [
        ("enableAcceleratedNetworking", json!(false)),
        ("enableIPForwarding", json!(false)),
        ("disableTcpStateTracking", json!(false)),
        ("nicType", json!("Standard")),
        ("auxiliaryMode", json!("None")),
        ("auxiliarySku", json!("None")),
    ] {
        default(&mut write.new, &format!("/properties/{field}"), usual);
    }
    default(&mut write.new, "/properties/dnsSettings/dnsServers", json!([]));
    set(&mut write.new, "/properties/dnsSettings/appliedDnsServers", json!([]));
    set(&mut write.new, "/properties/vnetEncryptionSupported", false);
    let guid = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/resourceGuid", guid);
    reference(cloud, &write.id, &place, &mut write.new, "/properties/networkSecurityGroup")?;
    let has_primary = list(&write.new, "/properties/ipConfigurations")
        .iter()
        .any(|one| one["properties"]["primary"] == true);
    let old = write.old.clone().unwrap_or_default();
    let mut given: Vec<String> = Vec::new();
    for (index, configuration) in
        list_mut(&mut write.new, "/properties/ipConfigurations").iter_mut().enumerate()
    {
        default(configuration, "/properties/primary", index == 0 && !has_primary);
        let id = text(configuration, "/id").to_owned();
        if !has(configuration, "/properties/subnet/id") {
            return Err(Failure::bad(
                "SubnetNotProvided",
                format!("Subnet is not provided for ip configuration {id}."),
            ));
        }
        reference(cloud, &write.id, &place, configuration, "/properties/subnet")?;
        prepare_public(cloud, &write.id, &place, configuration)?;
        for property in
            ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules", "applicationSecurityGroups"]
        {
            for index in 0..list(configuration, &format!("/properties/{property}")).len() {
                reference(
                    cloud,
                    &write.id,
                    &place,
                    configuration,
                    &format!("/properties/{property}/{index}"),
                )?;
            }
        }
        let before = named(list(&old, "/properties/ipConfigurations"), text(configuration, "/name")).cloned();
        let address = private_address(cloud, configuration, before.as_ref(), &given)?;
        given.push(address.clone());
        set(configuration, "/properties/privateIPAddress", address);
    }
    Ok(())
}

/// A reference to a public address keeps what shall become of it.
fn prepare_public(cloud: &Cloud, nic: &ResourceId, place: &str, configuration: &mut Value) -> Result<()> {
    let pointer = "/properties/publicIPAddress";
    let fate = configuration.pointer(&format!("{pointer}/properties/deleteOption")).cloned();
    reference(cloud, nic, place, configuration, pointer)?;
    if !has(configuration, pointer) {
        return Ok(());
    }
    let by = text(configuration, "/id").to_owned();
    public_address::take(cloud, &by, text(configuration, "/properties/publicIPAddress/id"), None)?;
    match fate {
        Some(fate) => set(configuration, &format!("{pointer}/properties/deleteOption"), fate),
        None => drop(remove(configuration, &format!("{pointer}/properties"))),
    }
    Ok(())
}

/// The private address that a configuration gets: the one it asks for, had before, or the first that is free.
///
/// # Errors
/// When it cannot have the one it asks for, or none is free.
pub fn private_address(
    cloud: &Cloud,
    configuration: &Value,
    before: Option<&Value>,
    given: &[String],
) -> Result<String> {
    let subnet_id = text(configuration, "/properties/subnet/id");
    let by = text(configuration, "/id");
    let network = cloud.store.find(&whole_of(subnet_id).0);
    let subnets = network.map(|network| list(&network.value, "/properties/subnets")).unwrap_or_default();
    let subnet = subnets.iter().find(|subnet| key(text(subnet, "/id")) == key(subnet_id));
    let prefixes = subnet.map(subnet_prefixes).unwrap_or_default();
    let prefixes: Vec<Prefix> =
        prefixes.iter().map(|prefix| Prefix::parse(text(prefix, ""), subnet_id)).collect::<Result<_>>()?;
    let taken: Vec<(&str, &str)> = cloud
        .store
        .users(&key(subnet_id))
        .filter(|(part, _)| !part.eq_ignore_ascii_case(by))
        .filter_map(|(part, user)| Some((part, configured_address(&user.value, part)?)))
        .collect();
    let is_taken = |address: &str| taken.iter().find(|(_, theirs)| *theirs == address).map(|(part, _)| *part);
    let wanted = text(configuration, "/properties/privateIPAddress");
    if text(configuration, "/properties/privateIPAllocationMethod") == "Static" {
        let parsed = wanted.parse::<Ipv4Addr>().map(Ipv4Addr::to_bits).map_err(|_| {
            Failure::bad(
                "PrivateIPAddressNotProvided",
                format!(
                    "Private static IP address is not provided, or malformed, for ip configuration {by}."
                ),
            )
        })?;
        let Some(prefix) = prefixes.iter().find(|prefix| prefix.has(parsed)) else {
            let all = prefixes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(Failure::bad(
                "PrivateIPAddressNotInSubnet",
                format!(
                    "Private static IP address {wanted} does not belong to the range of subnet prefix {all}."
                ),
            ));
        };
        if !prefix.usable().contains(&parsed) {
            return Err(Failure::bad(
                "PrivateIPAddressInReservedRange",
                format!(
                    "Private static IP address {wanted} falls within reserved IP range of subnet prefix {prefix}."
                ),
            ));
        }
        if let Some(part) = is_taken(wanted) {
            return Err(Failure::bad(
                "PrivateIPAddressIsAllocated",
                format!(
                    "IP configuration {by} is using the private IP address {wanted} which is already allocated to resource {part}."
                ),
            ));
        }
        return Ok(wanted.to_owned());
    }
    if let Some(before) = before.filter(|before| key(text(before, "/properties/subnet/id")) == key(subnet_id))
    {
        let address = text(before, "/properties/privateIPAddress");
        if !address.is_empty() {
            return Ok(address.to_owned());
        }
    }
    let taken: std::collections::HashSet<&str> = taken.iter().map(|(_, address)| *address).collect();
    let all = prefixes.iter().flat_map(|prefix| prefix.usable());
    let mut free = all.map(|address| Ipv4Addr::from_bits(address).to_string());
    let free = free.find(|address| !taken.contains(address.as_str()) && !given.contains(address));
    free.ok_or_else(|| {
        let prefix = prefixes.first().map(ToString::to_string).unwrap_or_default();
        Failure::bad(
            "SubnetIsFull",
            format!(
                "Subnet {} with address prefix {prefix} does not have enough capacity for 1 IP addresses.",
                subnet_id.rsplit('/').next().unwrap_or_default()
            ),
        )
    })
}

/// The private address of a part of a network interface or load balancer.
fn configured_address<'value>(value: &'value Value, part: &str) -> Option<&'value str> {
    let lists = ["/properties/ipConfigurations", "/properties/frontendIPConfigurations"];
    let mut all = lists.iter().flat_map(|pointer| list(value, pointer));
    let found = all.find(|one| text(one, "/id").eq_ignore_ascii_case(part))?;
    Some(text(found, "/properties/privateIPAddress")).filter(|address| !address.is_empty())
}

/// Adds the machine it is in.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    if let Some((_, machine)) = cloud.store.user_of_kind(&resource.id.key(), MACHINES[0]) {
        set(value, "/properties/virtualMachine", json!({"id": machine.id.to_string()}));
        let digits = random::uuid_of(&format!("mac {}", resource.id.key())).to_uppercase();
        set(
            value,
            "/properties/macAddress",
            format!("00-22-48-{}-{}-{}", &digits[..2], &digits[2..4], &digits[4..6]),
        );
        let all = list(&machine.value, "/properties/networkProfile/networkInterfaces");
        let own = all.iter().find(|one| key(text(one, "/id")) == resource.id.key());
        let is_primary = all.len() == 1 || own.is_some_and(|own| own["properties"]["primary"] == true);
        set(value, "/properties/primary", is_primary);
    }
}

/// Whether no machine uses it.
///
/// # Errors
/// When one does.
pub fn removable(cloud: &Cloud, resource: &Resource, _id: &ResourceId) -> Result<()> {
    let users = users(cloud, &resource.id.to_string(), MACHINES);
    let Some(user) = users.first() else { return Ok(()) };
    Err(Failure::bad(
        "NicInUse",
        format!(
            "Network Interface {} is used by existing resource {}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
            resource.id,
            text(user, "/id")
        ),
    ))
}

/// Lets load balancers forward to it, and its machine have its public address.
pub fn provisioned(cloud: &mut Cloud, own: &str) {
    if let Some((_, machine)) = cloud.store.user_of_kind(own, MACHINES[0]) {
        let machine = spec::of(cloud, machine);
        cloud.machines.readdress(&machine.key, machine.public_address);
    }
    let balancers =
        cloud.store.get(own).map(|nic| load_balancer::of_interface(&nic.value)).unwrap_or_default();
    balancers.iter().for_each(|balancer| load_balancer::provisioned(cloud, balancer));
}

/// Takes its public addresses along where that is asked for.
pub fn removed(cloud: &mut Cloud, resource: &Resource) {
    for configuration in list(&resource.value, "/properties/ipConfigurations") {
        if text(configuration, "/properties/publicIPAddress/properties/deleteOption") == "Delete" {
            cloud.remove(&key(text(configuration, "/properties/publicIPAddress/id")));
        }
    }
    for balancer in load_balancer::of_interface(&resource.value) {
        load_balancer::provisioned(cloud, &balancer);
    }
}
