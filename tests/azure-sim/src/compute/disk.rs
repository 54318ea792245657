//! Managed disks.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::ResourceId;
use crate::json::{default, has, list, set, text};
use crate::kind::Write;
use crate::operation::timestamp;
use crate::random;
use crate::store::Resource;

const MACHINES: &str = "Microsoft.Compute/virtualMachines";

/// Checks and completes a disk.
///
/// # Errors
/// When it has no size, becomes smaller, or is of what is not there.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    default(&mut write.new, "/sku/name", "Standard_LRS");
    let tier = text(&write.new, "/sku/name").split('_').next().unwrap_or_default().to_owned();
    set(&mut write.new, "/sku/tier", tier);
    if let Some(old) = &write.old {
        for field in ["creationData", "diskSizeGB", "osType", "hyperVGeneration"] {
            let pointer = format!("/properties/{field}");
            if let Some(before) = old.pointer(&pointer) {
                default(&mut write.new, &pointer, before.clone());
            }
        }
        if old["properties"]["creationData"]["createOption"]
            != write.new["properties"]["creationData"]["createOption"]
        {
            return Err(Failure::conflict(
                "PropertyChangeNotAllowed",
                "Changing property 'creationData.createOption' is not allowed for existing disk.",
            )
            .about("creationData.createOption"));
        }
        if list(old, "/zones") != list(&write.new, "/zones") {
            return Err(Failure::conflict(
                "PropertyChangeNotAllowed",
                "Changing property 'zones' is not allowed for existing disk.",
            )
            .about("zones"));
        }
    }
    let option = text(&write.new, "/properties/creationData/createOption").to_owned();
    if matches!(option.as_str(), "Copy" | "Restore") {
        let source = text(&write.new, "/properties/creationData/sourceResourceId");
        let found = cloud.store.find(source).ok_or_else(|| {
            Failure::new(
                404,
                "NotFound",
                format!("The source resource '{source}' of disk {} was not found.", write.id),
            )
        })?;
        let size = found.value["properties"]["diskSizeGB"].clone();
        default(&mut write.new, "/properties/diskSizeGB", size);
    }
    if option == "FromImage" {
        default(&mut write.new, "/properties/diskSizeGB", 30);
    }
    let Some(size) = write.new.pointer("/properties/diskSizeGB").and_then(Value::as_i64) else {
        return Err(Failure::bad(
            "InvalidParameter",
            "Required parameter 'disk.diskSizeGB' is missing (null).",
        )
        .about("disk.diskSizeGB"));
    };
    if !(1..=65_536).contains(&size) {
        return Err(Failure::bad("InvalidParameter", format!("The value '{size}' of parameter 'disk.diskSizeGB' is out of range. The value must be between '1' and '65536', inclusive.")).about("disk.diskSizeGB"));
    }
    let before =
        write.old.as_ref().and_then(|old| old["properties"]["diskSizeGB"].as_i64()).unwrap_or_default();
    if size < before {
        return Err(Failure::conflict(
            "OperationNotAllowed",
            format!(
                "Disk size cannot be decreased. The current size of disk {} is {before} GB.",
                write.id.name()
            ),
        )
        .about("disk.diskSizeGB"));
    }
    let made = write.old.as_ref().map(|old| text(old, "/properties/timeCreated").to_owned());
    set(&mut write.new, "/properties/timeCreated", made.unwrap_or_else(|| timestamp(SystemTime::now())));
    set(&mut write.new, "/properties/diskSizeBytes", size << 30);
    let unique = random::uuid_of(&write.id.key());
    set(&mut write.new, "/properties/uniqueId", unique);
    for (field, usual) in [
        ("networkAccessPolicy", json!("AllowAll")),
        ("publicNetworkAccess", json!("Enabled")),
        ("diskIOPSReadWrite", json!(500)),
        ("diskMBpsReadWrite", json!(60)),
        ("encryption", json!({"type": "EncryptionAtRestWithPlatformKey"})),
    ] {
        default(&mut write.new, &format!("/properties/{field}"), usual);
    }
    Ok(())
}

/// The machine a disk is in.
#[must_use]
pub fn holder<'cloud>(cloud: &'cloud Cloud, disk: &ResourceId) -> Option<&'cloud Resource> {
    cloud.store.user_of_kind(&disk.key(), MACHINES).map(|(_, machine)| machine)
}

/// Adds the machine it is in.
pub fn show(cloud: &Cloud, resource: &Resource, value: &mut Value) {
    let state = match holder(cloud, &resource.id) {
        Some(machine) => {
            value["managedBy"] = json!(machine.id.to_string());
            if text(&machine.hidden, "/power") == "deallocated" { "Reserved" } else { "Attached" }
        }
        None => "Unattached",
    };
    set(value, "/properties/diskState", state);
}

/// Whether it is in no machine.
///
/// # Errors
/// When it is in one.
pub fn removable(cloud: &Cloud, resource: &Resource, _id: &ResourceId) -> Result<()> {
    match holder(cloud, &resource.id) {
        None => Ok(()),
        Some(machine) => Err(Failure::conflict(
            "OperationNotAllowed",
            format!("Disk {} is attached to VM {}.", resource.id.name(), machine.id),
        )),
    }
}

/// Makes the disk that a machine asks for.
pub fn make(
    cloud: &mut Cloud,
    id: &ResourceId,
    machine: &Value,
    asked: &Value,
    creation: &Value,
    os: Option<&str>,
) {
    let kind = match text(asked, "/managedDisk/storageAccountType") {
        "" => "Standard_LRS",
        kind => kind,
    };
    let size = asked["diskSizeGB"].as_i64().unwrap_or(30);
    let mut value = json!({
        "id": id.to_string(), "name": id.name(), "type": "Microsoft.Compute/disks", "location": machine["location"],
        "sku": {"name": kind, "tier": kind.split('_').next()},
        "properties": {
            "creationData": creation, "diskSizeGB": size, "diskSizeBytes": size << 30, "timeCreated": timestamp(SystemTime::now()),
            "uniqueId": random::uuid(), "provisioningState": "Succeeded", "networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Enabled",
            "diskIOPSReadWrite": 500, "diskMBpsReadWrite": 60, "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        },
    });
    if let Some(os) = os {
        set(&mut value, "/properties/osType", os);
        set(&mut value, "/properties/hyperVGeneration", "V2");
    }
    for field in ["zones", "tags"] {
        if has(machine, &format!("/{field}")) {
            value[field] = machine[field].clone();
        }
    }
    cloud.store.put(id.clone(), value, json!({}));
}
