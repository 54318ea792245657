//! Route tables.

use serde_json::{Value, json};

use super::{complete_parts, drop_shown, show_users, users};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{default, list, text};
use crate::kind::Write;
use crate::store::Resource;

const USERS: &[&str] = &["Microsoft.Network/virtualNetworks"];

/// Checks and completes a route table.
///
/// # Errors
/// When a route leads nowhere.
pub fn prepare(_cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    complete_parts(&mut write.new, &write.id, "routes", &json!({}))?;
    default(&mut write.new, "/properties/disableBgpRoutePropagation", false);
    drop_shown(&mut write.new, &["/properties/subnets"]);
    for route in list(&write.new, "/properties/routes") {
        let next = text(route, "/properties/nextHopType");
        let has_address = !text(route, "/properties/nextHopIpAddress").is_empty();
        if has_address != (next == "VirtualAppliance") {
            let message = format!(
                "Route {} with next hop type {next} must have a next hop IP address if, and only if, it leads to a virtual appliance.",
                text(route, "/name")
            );
            return Err(Failure::bad("InvalidNextHopIpAddress", message));
        }
    }
    Ok(())
}

/// Adds the subnets.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    show_users(cloud, &resource.id.to_string(), USERS, value, "/properties/subnets");
}

/// Whether no subnet uses it.
///
/// # Errors
/// When one does.
pub fn removable(cloud: &Cloud, resource: &Resource, id: &ResourceId) -> Result<()> {
    let users = if id.path.len() > 1 { Vec::new() } else { users(cloud, &resource.id.to_string(), USERS) };
    match users.first() {
        None => Ok(()),
        Some(user) => Err(Failure::bad(
            "InUseRouteTableCannotBeDeleted",
            format!(
                "Route table {} is in use and cannot be deleted. It is used by {}.",
                resource.id.name(),
                text(user, "/id")
            ),
        )),
    }
}
