//! Availability sets.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{default, set, text};
use crate::kind::Write;
use crate::network::users;
use crate::store::Resource;

const MACHINES: &[&str] = &["Microsoft.Compute/virtualMachines"];

/// Checks and completes an availability set.
///
/// # Errors
/// When it has too many domains, or they are changed.
pub fn prepare(_cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    default(&mut write.new, "/sku/name", "Classic");
    let is_aligned = text(&write.new, "/sku/name") == "Aligned";
    for (field, usual, most) in [
        ("platformFaultDomainCount", 2, if is_aligned { 2 } else { 3 }),
        ("platformUpdateDomainCount", 5, 20),
    ] {
        let pointer = format!("/properties/{field}");
        let before = write.old.as_ref().and_then(|old| old.pointer(&pointer)).and_then(Value::as_i64);
        default(&mut write.new, &pointer, before.unwrap_or(usual));
        let now = write.new.pointer(&pointer).and_then(Value::as_i64).unwrap_or_default();
        if !(1..=most).contains(&now) {
            return Err(Failure::bad(
                "InvalidParameter",
                format!("The specified {field} {now} is out of range. It must be between 1 and {most}."),
            )
            .about(field));
        }
        if before.is_some_and(|before| before != now) {
            return Err(Failure::conflict(
                "PropertyChangeNotAllowed",
                format!("Changing property '{field}' is not allowed."),
            )
            .about(field));
        }
    }
    set(&mut write.new, "/properties/statuses", json!([]));
    Ok(())
}

/// Adds the machines in it.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    set(value, "/properties/virtualMachines", users(cloud, &resource.id.to_string(), MACHINES));
    if let Some(properties) = value["properties"].as_object_mut() {
        properties.remove("provisioningState");
    }
}

/// Whether no machine is in it.
///
/// # Errors
/// When one is.
pub fn removable(cloud: &Cloud, resource: &Resource, _id: &ResourceId) -> Result<()> {
    if users(cloud, &resource.id.to_string(), MACHINES).is_empty() {
        return Ok(());
    }
    Err(Failure::conflict(
        "OperationNotAllowed",
        format!(
            "Availability Set '{}' cannot be deleted. Before deleting an Availability Set please ensure that it does not contain any VM.",
            resource.id.name()
        ),
    ))
}
