//! NAT gateways.

use serde_json::Value;

use super::{drop_shown, public_address, reference, show_users, users};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{default, list, set, text};
use crate::kind::Write;
use crate::random;
use crate::store::Resource;

const NETWORKS: &[&str] = &["Microsoft.Network/virtualNetworks"];

/// Checks and completes a NAT gateway.
///
/// # Errors
/// When an address is in use, or of the wrong kind.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    let place = text(&write.new, "/location").to_owned();
    let id = write.id.to_string();
    if text(&write.new, "/sku/name") != "Standard" {
        return Err(Failure::bad(
            "NatGatewaySkuNotSpecified",
            format!("NAT Gateway {id} must have sku Standard."),
        ));
    }
    if list(&write.new, "/zones").len() > 1 {
        return Err(Failure::bad(
            "NatGatewayMultipleZonesNotSupported",
            format!("NAT Gateway {id} cannot be in more than one zone."),
        ));
    }
    set(&mut write.new, "/sku/tier", "Regional");
    default(&mut write.new, "/properties/idleTimeoutInMinutes", 4);
    let guid = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/resourceGuid", guid);
    drop_shown(&mut write.new, &["/properties/subnets"]);
    for index in 0..list(&write.new, "/properties/publicIpAddresses").len() {
        let pointer = format!("/properties/publicIpAddresses/{index}");
        reference(cloud, &write.id, &place, &mut write.new, &pointer)?;
        let address = text(&write.new, &format!("{pointer}/id")).to_owned();
        public_address::take(cloud, &id, &address, Some("Standard"))?;
    }
    Ok(())
}

/// Adds the subnets it serves.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    show_users(cloud, &resource.id.to_string(), NETWORKS, value, "/properties/subnets");
}

/// Whether it serves no subnet.
///
/// # Errors
/// When it serves one.
pub fn removable(cloud: &Cloud, resource: &Resource, _id: &ResourceId) -> Result<()> {
    match users(cloud, &resource.id.to_string(), NETWORKS).len() {
        0 => Ok(()),
        count => Err(Failure::bad(
            "CannotDeleteNatGatewayAssociatedToSubnet",
            format!(
                "NAT Gateway {} is still configured on {count} subnets. Remove NAT Gateway from all referenced subnets and then delete NAT Gateway.",
                resource.id
            ),
        )),
    }
}
