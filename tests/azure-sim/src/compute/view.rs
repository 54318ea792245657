//! How a machine is at the moment.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::json::{list, text};
use crate::store::Resource;

/// The statuses of provisioning and power.
fn statuses(machine: &Resource) -> Vec<Value> {
    let state = text(&machine.value, "/properties/provisioningState");
    let shown = match state {
        "Succeeded" => "Provisioning succeeded".to_owned(),
        "Failed" => "Provisioning failed".to_owned(),
        other => other.to_owned(),
    };
    let mut all = vec![json!({
        "code": format!("ProvisioningState/{}", state.to_lowercase()), "displayStatus": shown,
        "level": if state == "Failed" { "Error" } else { "Info" },
    })];
    let power = text(&machine.hidden, "/power");
    if !power.is_empty() {
        all.push(json!({"code": format!("PowerState/{power}"), "level": "Info", "displayStatus": format!("VM {power}")}));
    }
    all
}

/// The instance view.
#[must_use]
pub fn instance_view(_cloud: &Cloud, machine: &Resource) -> Value {
    let is_running = text(&machine.hidden, "/power") == "running";
    let mut view = json!({
        "disks": [], "hyperVGeneration": "V2", "statuses": statuses(machine),
        "bootDiagnostics": {},
    });
    let disks = list(&machine.value, "/properties/storageProfile/dataDisks").iter();
    let all = machine.value.pointer("/properties/storageProfile/osDisk").into_iter().chain(disks);
    view["disks"] = all
        .map(|disk| json!({"name": disk["name"], "statuses": [{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}]}))
        .collect();
    if is_running {
        view["computerName"] = machine.value["properties"]["osProfile"]["computerName"].clone();
        view["osName"] = json!("debian");
        view["osVersion"] = json!("13");
        let is_ready = machine.hidden["never_boots"] != true;
        view["vmAgent"] = json!({
            "vmAgentVersion": if is_ready { "2.9.1.1" } else { "Unknown" },
            "statuses": [{
                "code": if is_ready { "ProvisioningState/succeeded" } else { "ProvisioningState/Unavailable" },
                "level": if is_ready { "Info" } else { "Warning" },
                "displayStatus": if is_ready { "Ready" } else { "Not Ready" },
                "message": if is_ready { "Guest Agent is running" } else { "VM status blob is found but not yet populated." },
            }],
            "extensionHandlers": [],
        });
    }
    view
}

/// A machine in a list that asks for nothing but how it is.
#[must_use]
pub fn status_only(cloud: &Cloud, machine: &Resource) -> Value {
    let value = &machine.value;
    json!({
        "id": value["id"], "name": value["name"], "type": value["type"], "location": value["location"],
        "properties": {
            "vmId": value["properties"]["vmId"], "provisioningState": value["properties"]["provisioningState"],
            "instanceView": instance_view(cloud, machine),
        },
    })
}
