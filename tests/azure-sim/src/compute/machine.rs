//! Virtual machines.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::profile;
pub use super::view::{instance_view, status_only};
use super::{disk, sizes, spec};
use crate::cloud::Cloud;
use crate::failure::{Failure, Result};
use crate::id::key;
use crate::json::{default, has, list, merge, remove, set, text};
use crate::kind::Write;
use crate::machine::Job;
use crate::operation::timestamp;
use crate::store::Resource;
use crate::{identity, random};

/// Checks and completes a machine, and makes the disks it asks for.
///
/// # Errors
/// When it cannot be as it is asked for.
pub fn prepare(cloud: &mut Cloud, write: &mut Write) -> Result<()> {
    // What a PUT says nothing about stays as it is, but for tags.
    if let Some(old) = &write.old {
        let mut whole = old.clone();
        remove(&mut whole, "/tags");
        merge(&mut whole, &write.new);
        write.new = whole;
    }
    let place = text(&write.new, "/location").to_owned();
    let own = write.id.key();
    let size = sizes::find(text(&write.new, "/properties/hardwareProfile/vmSize"))?;
    set(&mut write.new, "/properties/hardwareProfile/vmSize", size.name);
    zones(&place, write)?;
    sizes::available(size, &place, list(&write.new, "/zones"))?;
    spot(write)?;
    let is_spot = text(&write.new, "/properties/priority") == "Spot";
    sizes::within_quota(cloud, &place, size, is_spot, &own)?;
    let is_resized = profile::resize(write, size)?;
    availability_set(cloud, write)?;
    profile::os(write)?;
    profile::network(cloud, write, &place)?;
    let disks = profile::storage(cloud, write, size)?;
    identity::complete(cloud, write.old.as_ref(), &mut write.new)?;
    for (id, asked, creation, os) in disks {
        disk::make(cloud, &id, &write.new, &asked, &creation, os);
    }
    let is_new = write.old.is_none();
    if is_new {
        set(&mut write.new, "/properties/vmId", random::uuid());
        set(&mut write.new, "/properties/timeCreated", timestamp(SystemTime::now()));
        write.hidden["power"] = json!("starting");
        write.hidden["never_boots"] = json!(cloud.course.never_boots);
    }
    let is_running = text(&write.hidden, "/power") == "running";
    write.hidden["boot"] = json!(is_new || is_resized && is_running);
    Ok(())
}

fn zones(place: &str, write: &Write) -> Result<()> {
    let zones = list(&write.new, "/zones");
    let zoned = crate::cloud::LOCATIONS.iter().any(|(name, _, zoned)| *name == place && *zoned);
    if !zones.is_empty() && !zoned {
        return Err(Failure::bad(
            "LocationNotSupportAvailabilityZones",
            format!(
                "The provided zone(s) '{}' are not supported in the location '{place}': the location does not support availability zones.",
                text(&zones[0], "")
            ),
        ));
    }
    if zones.len() > 1 {
        return Err(
            Failure::bad("InvalidParameter", "A virtual machine can be in one zone only.").about("zones")
        );
    }
    if let Some(old) = &write.old
        && list(old, "/zones") != zones
    {
        return Err(Failure::conflict(
            "PropertyChangeNotAllowed",
            "Changing property 'zones' is not allowed.",
        )
        .about("zones"));
    }
    if !zones.is_empty() && has(&write.new, "/properties/availabilitySet/id") {
        return Err(Failure::bad(
            "BadRequest",
            "Virtual Machine cannot be created because both Availability Zone and Availability Set were specified. Deploying an Availability Set to an Availability Zone is not supported.",
        ));
    }
    Ok(())
}

fn spot(write: &mut Write) -> Result<()> {
    let is_spot = matches!(text(&write.new, "/properties/priority"), "Spot" | "Low");
    if let Some(old) = &write.old
        && (text(old, "/properties/priority") == "Spot") != is_spot
    {
        return Err(Failure::conflict(
            "PropertyChangeNotAllowed",
            "Changing property 'priority' is not allowed.",
        )
        .about("priority"));
    }
    if is_spot {
        default(&mut write.new, "/properties/evictionPolicy", "Deallocate");
        default(&mut write.new, "/properties/billingProfile/maxPrice", -1.0);
    } else if has(&write.new, "/properties/evictionPolicy") {
        return Err(Failure::bad(
            "BadRequest",
            "Eviction policy can be set only on Azure Spot Virtual Machines.",
        ));
    }
    Ok(())
}

fn availability_set(cloud: &Cloud, write: &mut Write) -> Result<()> {
    let id = text(&write.new, "/properties/availabilitySet/id").to_owned();
    if let Some(old) = &write.old
        && key(text(old, "/properties/availabilitySet/id")) != key(&id)
    {
        return Err(Failure::conflict(
            "PropertyChangeNotAllowed",
            "Changing property 'availabilitySet.id' is not allowed.",
        )
        .about("availabilitySet.id"));
    }
    if !id.is_empty() && cloud.store.find(&id).is_none() {
        return Err(Failure::new(
            404,
            "NotFound",
            format!("The entity was not found in this Azure location: availability set {id}."),
        ));
    }
    Ok(())
}

/// Nothing needs to be added to what is known of a machine.
pub fn show(_cloud: &Cloud, _resource: &Resource, value: &mut Value) {
    remove(value, "/properties/instanceView");
}

/// Boots what is to be booted.
pub fn boot(cloud: &mut Cloud, own: &str) -> Option<Arc<Job>> {
    let resource = cloud.store.get(own).filter(|machine| machine.hidden["boot"] == true)?;
    let is_new = text(&resource.hidden, "/power") == "starting";
    let machine = spec::of(cloud, resource);
    if is_new { cloud.machines.start(machine) } else { cloud.machines.restart(own) }
}

/// A machine that was made runs.
pub fn provisioned(cloud: &mut Cloud, own: &str) {
    cloud.store.change(own, |_, hidden| {
        if text(hidden, "/power") == "starting" {
            hidden["power"] = json!("running");
        }
    });
}

/// Takes along what is to go with the machine.
pub fn removed(cloud: &mut Cloud, resource: &Resource) {
    cloud.machines.remove(&resource.id.key());
    identity::forget(cloud, &resource.value);
    let storage = &resource.value["properties"]["storageProfile"];
    for disk in std::iter::once(&storage["osDisk"]).chain(list(storage, "/dataDisks")) {
        if text(disk, "/deleteOption") == "Delete" {
            cloud.remove(&key(text(disk, "/managedDisk/id")));
        }
    }
    for nic in list(&resource.value, "/properties/networkProfile/networkInterfaces") {
        if text(nic, "/properties/deleteOption") == "Delete" {
            cloud.remove(&key(text(nic, "/id")));
        }
    }
}
