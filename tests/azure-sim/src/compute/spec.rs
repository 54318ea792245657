//! What a machine is beneath, from what Azure knows of it.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::json::{list, text};
use crate::machine::{Machine, Network};
use crate::network::{prefix::Prefix, whole_of};
use crate::store::Resource;

/// The machine behind a virtual machine.
#[must_use]
pub fn of(cloud: &Cloud, machine: &Resource) -> Machine {
    let value = &machine.value;
    let keys = list(value, "/properties/osProfile/linuxConfiguration/ssh/publicKeys");
    let mut spec = Machine {
        key: machine.id.key(),
        host_name: text(value, "/properties/osProfile/computerName").to_owned(),
        offer: text(value, "/properties/storageProfile/imageReference/offer").to_owned(),
        user: text(value, "/properties/osProfile/adminUsername").to_owned(),
        public_keys: keys.iter().map(|key| text(key, "/keyData").trim().to_owned()).collect(),
        custom_data: STANDARD.decode(text(&machine.hidden, "/customData")).unwrap_or_default(),
        networks: Vec::new(),
        public_address: None,
        boots: machine.hidden["never_boots"] != true,
    };
    for nic in list(value, "/properties/networkProfile/networkInterfaces") {
        let Some(nic) = cloud.store.find(text(nic, "/id")) else { continue };
        for configuration in list(&nic.value, "/properties/ipConfigurations") {
            spec.networks.extend(network(cloud, configuration));
            if let Some(public) = cloud.store.find(text(configuration, "/properties/publicIPAddress/id")) {
                spec.public_address = Some(text(&public.hidden, "/address").to_owned());
            }
        }
    }
    spec
}

/// The place of an IP configuration in its virtual network.
#[must_use]
pub fn network(cloud: &Cloud, configuration: &Value) -> Option<Network> {
    let network = cloud.store.find(&whole_of(text(configuration, "/properties/subnet/id")).0)?;
    let address: Ipv4Addr = text(configuration, "/properties/privateIPAddress").parse().ok()?;
    let prefixes = list(&network.value, "/properties/addressSpace/addressPrefixes").iter();
    let mut prefixes = prefixes.filter_map(|prefix| Prefix::parse(text(prefix, ""), "").ok());
    let prefix = prefixes.find(|prefix| prefix.has(address.to_bits()))?;
    Some(Network { key: network.id.key(), prefix: prefix.to_string(), address: address.to_string() })
}
