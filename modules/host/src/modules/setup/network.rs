//! Interfaces, their addresses, and the ones packets leave by.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::collectors::{Gathered, Host};
use super::files::Files;
use crate::system::netlink::{self, Address};

/// Somewhere far away: which way a packet to it goes is the default way. Nothing is sent.
const FAR_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));
const FAR_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2404, 0x6800, 0x400a, 0x800, 0, 0, 0, 0x1012));

/// `interfaces` and one fact for each, `default_ipv4`, `default_ipv6`, `all_ipv4_addresses`, `all_ipv6_addresses`,
/// `locally_reachable_ips`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let addresses = netlink::addresses().unwrap_or_else(|error| {
        gathered.warnings.push(format!("cannot ask the kernel for addresses: {error}"));
        Vec::new()
    });
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    for name in host.files.names("/sys/class/net") {
        // Only interfaces have a number; `bonding_masters` and the like are files.
        if let Some(index) = number(&host.files, &name, "ifindex") {
            names.insert(index, name);
        }
    }
    let mut interfaces: Vec<(String, Map<String, Value>)> = Vec::new();
    for (index, name) in &names {
        let mut facts = device(&host.files, name);
        let aliases =
            add_addresses(&mut facts, name, addresses.iter().filter(|address| address.interface == *index));
        interfaces.push((name.clone(), facts));
        interfaces.extend(aliases);
    }
    for (name, far) in [("default_ipv4", FAR_V4), ("default_ipv6", FAR_V6)] {
        gathered.set(name, default_way(far, &names, &interfaces, &addresses));
    }
    let all = |wanted: fn(&IpAddr) -> bool| -> Vec<String> {
        let found = addresses.iter().map(|address| address.address).filter(|ip| !ip.is_loopback());
        found.filter(wanted).map(|ip| ip.to_string()).collect()
    };
    gathered.set("all_ipv4_addresses", all(IpAddr::is_ipv4));
    gathered.set("all_ipv6_addresses", all(IpAddr::is_ipv6));
    gathered.set("interfaces", interfaces.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    for (name, facts) in interfaces {
        gathered.set(&name.replace(['-', ':'], "_"), facts);
    }
    gathered.set("locally_reachable_ips", local_destinations());
}

fn number(files: &Files, name: &str, file: &str) -> Option<u32> {
    files.word(format!("/sys/class/net/{name}/{file}"))?.parse().ok()
}

/// What `/sys` tells of an interface.
fn device(files: &Files, name: &str) -> Map<String, Value> {
    const PROMISCUOUS: u32 = 0x100;
    let at = |file: &str| format!("/sys/class/net/{name}/{file}");
    let word = |file: &str| files.word(at(file));
    let yes = |file: &str| word(file).as_deref() == Some("1");
    let mut facts = Map::new();
    let mut set = |name: &str, value: Value| drop(facts.insert(name.to_owned(), value));
    set("device", name.into());
    if let Some(address) = word("address").filter(|address| address != "00:00:00:00:00:00") {
        set("macaddress", address.into());
    }
    if let Some(mtu) = number(files, name, "mtu") {
        set("mtu", mtu.into());
    }
    if let Some(state) = word("operstate") {
        set("active", (state != "down").into());
    }
    if let Some(module) = files.link_name(at("device/driver/module")) {
        set("module", module.into());
    }
    if let Some(kind) = number(files, name, "type") {
        set("type", link_type(kind).into());
    }
    if files.exists(at("bridge")) {
        set("type", "bridge".into());
        set("interfaces", files.names(at("brif")).into());
        if let Some(id) = word("bridge/bridge_id") {
            set("id", id.into());
        }
        set("stp", yes("bridge/stp_state").into());
    }
    if files.exists(at("bonding")) {
        set("type", "bonding".into());
        let slaves = word("bonding/slaves").unwrap_or_default();
        set("slaves", slaves.split_whitespace().collect::<Vec<_>>().into());
        let first_word = |file: &str| word(file).and_then(|text| text.split(' ').next().map(str::to_owned));
        for (fact, file) in
            [("mode", "bonding/mode"), ("miimon", "bonding/miimon"), ("lacp_rate", "bonding/lacp_rate")]
        {
            if let Some(value) = first_word(file) {
                set(fact, value.into());
            }
        }
        if let Some(primary) = word("bonding/primary") {
            set("primary", primary.into());
            set("all_slaves_active", yes("bonding/all_slaves_active").into());
        }
    }
    if let Some(address) = word("bonding_slave/perm_hwaddr") {
        set("perm_macaddress", address.into());
    }
    if let Some(id) = files.link_name(at("device")) {
        set("pciid", id.into());
    }
    if let Some(speed) = word("speed").and_then(|speed| speed.parse::<i64>().ok()) {
        set("speed", speed.into());
    }
    let flags = word("flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    if let Some(flags) = flags {
        set("promisc", (flags & PROMISCUOUS != 0).into());
    }
    facts
}

fn link_type(number: u32) -> &'static str {
    match number {
        1 => "ether",
        32 => "infiniband",
        512 => "ppp",
        772 => "loopback",
        65534 => "tunnel",
        _ => "unknown",
    }
}

/// Adds `ipv4`, `ipv4_secondaries` and `ipv6`; returns what has a label of its own, as interfaces.
fn add_addresses<'a>(
    facts: &mut Map<String, Value>,
    name: &str,
    addresses: impl Iterator<Item = &'a Address>,
) -> Vec<(String, Map<String, Value>)> {
    let mut aliases: Vec<(String, Map<String, Value>)> = Vec::new();
    let (mut second, mut sixth) = (Vec::new(), Vec::new());
    for address in addresses {
        if let IpAddr::V6(ip) = address.address {
            sixth.push(json!({
                "address": ip.to_string(), "prefix": address.prefix.to_string(), "scope": address.scope,
            }));
            continue;
        }
        let Some(described) = describe_v4(address) else { continue };
        let label = address.label.as_deref().unwrap_or(name);
        if label != name {
            let mut alias = Map::new();
            alias.insert("ipv4".to_owned(), described.clone());
            aliases.push((label.to_owned(), alias));
        }
        if address.secondary || label != name || facts.contains_key("ipv4") {
            second.push(described);
        } else {
            facts.insert("ipv4".to_owned(), described);
        }
    }
    if !second.is_empty() {
        facts.insert("ipv4_secondaries".to_owned(), second.into());
    }
    if !sixth.is_empty() {
        facts.insert("ipv6".to_owned(), sixth.into());
    }
    aliases
}

fn describe_v4(address: &Address) -> Option<Value> {
    let IpAddr::V4(ip) = address.address else { return None };
    let mask = u32::MAX.checked_shl(32 - u32::from(address.prefix)).unwrap_or(0);
    Some(json!({
        "address": ip.to_string(),
        "broadcast": address.broadcast.map(|broadcast| broadcast.to_string()).unwrap_or_default(),
        "netmask": Ipv4Addr::from(mask).to_string(),
        "network": Ipv4Addr::from(ip.to_bits() & mask).to_string(),
        "prefix": address.prefix.to_string(),
    }))
}

/// Interface, address and gateway of the way to a far address; empty when there is none.
fn default_way(
    far: IpAddr,
    names: &BTreeMap<u32, String>,
    interfaces: &[(String, Map<String, Value>)],
    addresses: &[Address],
) -> Map<String, Value> {
    let mut facts = Map::new();
    let Some(route) = netlink::route_to(far).ok().flatten() else { return facts };
    let Some(name) = names.get(&route.interface) else { return facts };
    let mut set = |name: &str, value: Value| drop(facts.insert(name.to_owned(), value));
    if let Some(gateway) = route.gateway {
        set("gateway", gateway.to_string().into());
    }
    set("interface", name.as_str().into());
    let Some(source) = route.source else { return facts };
    set("address", source.to_string().into());
    if let Some(address) = addresses.iter().find(|address| address.address == source) {
        if let Some(Value::Object(described)) = describe_v4(address) {
            for (name, value) in described {
                set(&name, value);
            }
            set("alias", address.label.clone().unwrap_or_default().into());
        } else {
            set("prefix", address.prefix.to_string().into());
            set("scope", address.scope.into());
        }
    }
    let interface = interfaces.iter().find(|(other, _)| other == name);
    for fact in ["macaddress", "mtu", "type"] {
        if let Some(value) = interface.and_then(|(_, facts)| facts.get(fact)) {
            set(fact, value.clone());
        }
    }
    facts
}

fn local_destinations() -> Value {
    let (mut fourth, mut sixth) = (Vec::new(), Vec::new());
    for (ip, bits) in netlink::local_destinations().unwrap_or_default() {
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let text = if bits == whole { ip.to_string() } else { format!("{ip}/{bits}") };
        let list = if ip.is_ipv4() { &mut fourth } else { &mut sixth };
        if !list.contains(&text) {
            list.push(text);
        }
    }
    json!({"ipv4": fourth, "ipv6": sixth})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::setup::files::tests::tree;

    fn address(text: &str, prefix: u8, label: &str, secondary: bool) -> Address {
        Address {
            interface: 2,
            address: text.parse().unwrap(),
            prefix,
            broadcast: Some(Ipv4Addr::new(10, 1, 255, 255)),
            label: Some(label.to_owned()),
            scope: "global",
            secondary,
        }
    }

    #[test]
    fn the_first_address_counts_and_aliases_are_interfaces() {
        let mut facts = Map::new();
        let addresses = [
            address("10.1.2.3", 16, "eth0", false),
            address("10.1.2.4", 16, "eth0", true),
            address("192.168.0.1", 32, "eth0:1", false),
            address("fe80::1", 64, "eth0", false),
        ];
        let aliases = add_addresses(&mut facts, "eth0", addresses.iter());
        assert_eq!(
            facts["ipv4"],
            json!({"address": "10.1.2.3", "broadcast": "10.1.255.255", "netmask": "255.255.0.0",
                "network": "10.1.0.0", "prefix": "16"})
        );
        assert_eq!(facts["ipv4_secondaries"].as_array().unwrap().len(), 2);
        assert_eq!(facts["ipv6"], json!([{"address": "fe80::1", "prefix": "64", "scope": "global"}]));
        assert_eq!(aliases[0].0, "eth0:1");
        assert_eq!(aliases[0].1["ipv4"]["netmask"], "255.255.255.255");
    }

    #[test]
    fn bridges_tell_their_ports() {
        let (_folder, files) = tree(&[
            ("/sys/class/net/br0/type", "1\n"),
            ("/sys/class/net/br0/address", "02:00:00:00:00:01\n"),
            ("/sys/class/net/br0/mtu", "1500\n"),
            ("/sys/class/net/br0/operstate", "down\n"),
            ("/sys/class/net/br0/flags", "0x1103\n"),
            ("/sys/class/net/br0/bridge/bridge_id", "8000.020000000001\n"),
            ("/sys/class/net/br0/bridge/stp_state", "1\n"),
            ("/sys/class/net/br0/brif/veth1/port_no", "1\n"),
        ]);
        let facts = device(&files, "br0");
        assert_eq!(
            Value::Object(facts),
            json!({"device": "br0", "macaddress": "02:00:00:00:00:01", "mtu": 1500, "active": false,
                "type": "bridge", "interfaces": ["veth1"], "id": "8000.020000000001", "stp": true, "promisc": true})
        );
    }
}
