//! What is known of a machine: its own resource, its state, its network interfaces, their addresses.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

/// The lists, ready to be joined.
pub(super) struct Lists {
    machines: Vec<Value>,
    states: HashMap<String, Value>,
    interfaces: HashMap<String, Value>,
    addresses: HashMap<String, Value>,
}

/// Ids are the same whatever the case of their letters.
fn by_id(list: Vec<Value>) -> HashMap<String, Value> {
    list.into_iter().map(|resource| (id(&resource), resource)).collect()
}

fn id(resource: &Value) -> String {
    text(resource, "/id").to_lowercase()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// A part, or nothing.
fn part(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or_default()
}

/// The last part of an id.
fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// The resource group in an id.
fn group_of(id: &str) -> String {
    let lower = id.to_lowercase();
    lower
        .split_once("/resourcegroups/")
        .and_then(|(_, rest)| rest.split('/').next())
        .unwrap_or_default()
        .to_owned()
}

/// The first ones first: those that say they are primary.
fn primary_first<'a>(all: impl Iterator<Item = &'a Value>) -> Vec<&'a Value> {
    let mut all: Vec<&Value> = all.collect();
    all.sort_by_key(|one| one.pointer("/properties/primary") != Some(&Value::Bool(true)));
    all
}

impl Lists {
    /// Lists in the order of [`super::AZURE_LISTS`]; what is missing is empty.
    pub(super) fn new(lists: Vec<Vec<Value>>) -> Self {
        let mut lists = lists.into_iter();
        let mut next = || lists.next().unwrap_or_default();
        let mut machines = next();
        machines.sort_by_key(id);
        Self { machines, states: by_id(next()), interfaces: by_id(next()), addresses: by_id(next()) }
    }

    /// All machines, by their ids.
    pub(super) fn machines(&self) -> impl Iterator<Item = &Value> {
        self.machines.iter()
    }

    /// What azure.azcollection tells of a machine.
    pub(super) fn variables(&self, machine: &Value) -> Map<String, Value> {
        let state = self.states.get(&id(machine));
        let view = state.map(|state| part(state, "/properties/instanceView")).unwrap_or_default();
        let power =
            items(&view, "/statuses").find_map(|status| text(status, "/code").strip_prefix("PowerState/"));
        let disk = "/properties/storageProfile/osDisk";
        let system = text(machine, &format!("{disk}/osType")).to_lowercase();
        let (own_id, name) = (text(machine, "/id"), text(machine, "/name"));
        let hash: String = Sha1::digest(own_id).iter().take(2).map(|byte| format!("{byte:02x}")).collect();
        let data_disks = items(machine, "/properties/storageProfile/dataDisks").map(|disk| {
            json!({"id": part(disk, "/managedDisk/id"), "lun": part(disk, "/lun"), "name": part(disk, "/name")})
        });
        let license = text(machine, "/properties/licenseType");
        let set = text(machine, "/properties/virtualMachineScaleSet/id");
        let mut known = Map::new();
        let mut add = |name: &str, value: Value| known.insert(name.to_owned(), value);
        add("id", own_id.into());
        add("name", name.into());
        add("default_inventory_hostname", format!("{name}_{hash}").into());
        add("location", part(machine, "/location"));
        add("resource_group", group_of(own_id).into());
        add("resource_type", part(machine, "/type"));
        add("tags", machine.get("tags").cloned().unwrap_or_else(|| json!({})));
        add("availability_zone", part(machine, "/zones"));
        add("powerstate", power.map_or(Value::Null, Value::from));
        add("provisioning_state", text(machine, "/properties/provisioningState").to_lowercase().into());
        add("creation_time", part(machine, "/properties/timeCreated"));
        add("virtual_machine_size", part(machine, "/properties/hardwareProfile/vmSize"));
        add("vmid", part(machine, "/properties/vmId"));
        add("vmss", if set.is_empty() { json!({}) } else { json!({"id": set, "name": name_of(set)}) });
        add("plan", part(machine, "/plan"));
        add("license_type", if license.is_empty() { "Unknown" } else { license }.into());
        add("image", image(&part(machine, "/properties/storageProfile/imageReference")));
        add("os_profile", json!({"system": system}));
        add("admin_username", part(machine, "/properties/osProfile/adminUsername"));
        add(
            "os_disk",
            json!({
                "id": part(machine, &format!("{disk}/managedDisk/id")),
                "name": part(machine, &format!("{disk}/name")),
                "operating_system_type": system,
            }),
        );
        add("data_disks", data_disks.collect());
        if let Some(name) = view.get("computerName") {
            add("computer_name", name.clone());
        }
        self.network(machine, &mut known);
        known
    }

    fn network(&self, machine: &Value, known: &mut Map<String, Value>) {
        let named = primary_first(items(machine, "/properties/networkProfile/networkInterfaces"));
        let interfaces: Vec<&Value> =
            named.into_iter().filter_map(|reference| self.interfaces.get(&id(reference))).collect();
        let configurations: Vec<&Value> = interfaces
            .iter()
            .flat_map(|interface| primary_first(items(interface, "/properties/ipConfigurations")))
            .collect();
        let public: Vec<&Value> = configurations
            .iter()
            .filter_map(|one| self.addresses.get(&text(one, "/properties/publicIPAddress/id").to_lowercase()))
            .collect();
        let of_each = |all: &[&Value], pointer: &str| -> Vec<Value> {
            let found = all.iter().map(|one| part(one, pointer));
            found.filter(|value| !value.is_null()).collect()
        };
        let groups = of_each(&interfaces, "/properties/networkSecurityGroup/id");
        let group_names: Vec<&str> = groups.iter().filter_map(Value::as_str).map(name_of).collect();
        let private = of_each(&configurations, "/properties/privateIPAddress");
        let addresses = of_each(&public, "/properties/ipAddress");
        let public_resources: Vec<Value> = public
            .iter()
            .map(|one| {
                json!({"id": part(one, "/id"), "name": part(one, "/name"), "ipv4_address": part(one, "/properties/ipAddress")})
            })
            .collect();
        let mut add = |name: &str, value: Value| known.insert(name.to_owned(), value);
        add("ansible_host", addresses.first().or(private.first()).cloned().unwrap_or_default());
        add("mac_address", of_each(&interfaces, "/properties/macAddress").into());
        add("network_interface", of_each(&interfaces, "/name").into());
        add("network_interface_id", of_each(&interfaces, "/id").into());
        add("network_interface_properties", interfaces.iter().map(|one| (*one).clone()).collect());
        add("private_ipv4_addresses", private.into());
        add("public_dns_hostnames", of_each(&public, "/properties/dnsSettings/fqdn").into());
        add("public_ip_address", public_resources.into());
        add("public_ipv4_address", addresses.clone().into());
        add("public_ipv4_addresses", addresses.into());
        add("security_group", json!(group_names));
        add("security_group_id", groups.into());
        add("subnet", of_each(&configurations, "/properties/subnet").into());
    }
}

/// What an image is called: by its id, or by who publishes what.
fn image(reference: &Value) -> Value {
    if let Some(id) = reference.get("id") {
        return json!({"id": id});
    }
    let named = ["offer", "publisher", "sku", "version"]
        .map(|key| (key.to_owned(), part(reference, &format!("/{key}"))));
    if reference.is_null() { Value::Null } else { named.into_iter().collect() }
}
