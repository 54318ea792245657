//! The network of pods: what flannel's pod sets up on a node, a bridge and a VXLAN between all nodes, and what its plugin does
//! for each pod.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::failure::{Context as _, Failure, Result};
use crate::listing;

const BRIDGE: &str = "cni0";
const TUNNEL: &str = "flannel.1";
/// Where flannel sends and listens; not the port that is registered for VXLAN.
const PORT: &str = "8472";
const SPACES: &str = "/run/netns";
const LINKS: &str = "/sys/class/net";

/// The networks of the pods of this node.
#[derive(Default)]
pub(super) struct Network {
    /// What was set up last.
    nodes: Vec<Node>,
    /// The addresses of pods, by the names of their network namespaces.
    addresses: HashMap<String, Ipv4Addr>,
}

/// A node, as the network knows it.
#[derive(Clone, PartialEq)]
struct Node {
    name: String,
    address: Ipv4Addr,
    pods: Ipv4Addr,
}

impl Node {
    fn of(node: &Value) -> Option<Self> {
        let addresses = node["status"]["addresses"].as_array()?;
        let address = addresses.iter().find(|one| one["type"] == "InternalIP")?["address"].as_str()?;
        Some(Self {
            name: node["metadata"]["name"].as_str()?.to_owned(),
            address: address.parse().ok()?,
            pods: node["spec"]["podCIDR"].as_str()?.split('/').next()?.parse().ok()?,
        })
    }

    /// The address in the network of machines, as one of the tunnel's network.
    fn hardware(&self) -> String {
        let [a, b, c, d] = self.address.octets();
        format!("0e:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }
}

/// Runs `ip`, or another program of its package.
fn run(program: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program).args(words).output().doing(program)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("{program} {}: {why}", words.join(" "))))
}

fn ip(line: &str) -> Result<String> {
    run("ip", &line.split(' ').collect::<Vec<_>>())
}

/// The names of the network namespaces of pods.
pub(super) fn spaces() -> Vec<String> {
    let entries = std::fs::read_dir(SPACES).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("pod-")).collect()
}

/// Where a network namespace is.
pub(super) fn path(space: &str) -> String {
    format!("{SPACES}/{space}")
}

/// Whether the tunnel is there; that it leads to all nodes is for [`Network::set_up`] to say.
pub(super) fn is_set_up() -> bool {
    Path::new(LINKS).join(TUNNEL).exists()
}

impl Network {
    /// Sets up the bridge, the tunnel and the ways to all other nodes.
    pub(super) fn set_up(&mut self, own: &str, nodes: &Value) -> Result<()> {
        let nodes: Vec<Node> = listing::items(nodes).filter_map(Node::of).collect();
        let Some(here) = nodes.iter().find(|node| node.name == own) else {
            return Err(Failure::new(format!("node {own:?} has no addresses for pods yet")));
        };
        if nodes == self.nodes && is_set_up() {
            return Ok(());
        }
        let gateway = Ipv4Addr::from(u32::from(here.pods) + 1);
        if ip(&format!("link show {BRIDGE}")).is_err() {
            ip(&format!("link add {BRIDGE} type bridge"))?;
        }
        ip(&format!("address flush dev {BRIDGE}"))?;
        ip(&format!("address replace {gateway}/24 dev {BRIDGE}"))?;
        ip(&format!("link set {BRIDGE} mtu 1450 up"))?;
        let _ = ip(&format!("link del {TUNNEL}"));
        let (address, hardware, pods) = (here.address, here.hardware(), here.pods);
        ip(&format!(
            "link add {TUNNEL} address {hardware} type vxlan id 1 local {address} dstport {PORT} nolearning"
        ))?;
        ip(&format!("address replace {pods}/32 dev {TUNNEL}"))?;
        ip(&format!("link set {TUNNEL} mtu 1450 up"))?;
        for other in nodes.iter().filter(|node| node.name != own) {
            let (address, hardware, pods) = (other.address, other.hardware(), other.pods);
            run("bridge", &["fdb", "replace", &hardware, "dev", TUNNEL, "dst", &address.to_string()])?;
            ip(&format!("neighbor replace {pods} lladdr {hardware} dev {TUNNEL} nud permanent"))?;
            ip(&format!("route replace {pods}/24 via {pods} dev {TUNNEL} onlink"))?;
        }
        // What leaves the network of pods leaves as the node's own.
        let network = Ipv4Addr::from(u32::from(pods) & 0xffff_0000);
        let rule = format!("POSTROUTING -s {pods}/24 ! -d {network}/16 -j MASQUERADE");
        let iptables = |action: &str| {
            let line = format!("-w -t nat {action} {rule}");
            run("iptables", &line.split(' ').collect::<Vec<_>>())
        };
        if iptables("-C").is_err() {
            iptables("-A")?;
        }
        self.nodes = nodes;
        Ok(())
    }

    /// The address of a pod, whose network namespace is made if it has none.
    pub(super) fn join(&mut self, own: &str, space: &str) -> Result<Ipv4Addr> {
        if let Some(address) = self.addresses.get(space) {
            return Ok(*address);
        }
        let Some(network) = self.nodes.iter().find(|node| node.name == own).map(|node| node.pods) else {
            return Err(Failure::new("the network of pods is not set up yet"));
        };
        // Those of an earlier life of this program are still there.
        for other in spaces() {
            if let Some(address) = address(&other) {
                self.addresses.insert(other, address);
            }
        }
        if let Some(address) = self.addresses.get(space) {
            return Ok(*address);
        }
        let mut free = (2..255).map(|number| Ipv4Addr::from(u32::from(network) + number));
        let Some(address) = free.find(|address| !self.addresses.values().any(|taken| taken == address))
        else {
            return Err(Failure::new("no IP addresses available in range set"));
        };
        let outside: String = space.replace("pod-", "veth").chars().take(12).collect();
        let _ = ip(&format!("netns del {space}"));
        ip(&format!("netns add {space}"))?;
        ip(&format!("link add {outside} mtu 1450 type veth peer name eth0 mtu 1450 netns {space}"))?;
        ip(&format!("link set {outside} master {BRIDGE} up"))?;
        let gateway = Ipv4Addr::from(u32::from(network) + 1);
        for line in [
            "link set lo up",
            "link set eth0 up",
            &format!("address add {address}/24 dev eth0"),
            &format!("route add default via {gateway}"),
        ] {
            ip(&format!("-n {space} {line}"))?;
        }
        self.addresses.insert(space.to_owned(), address);
        Ok(address)
    }

    /// Takes a pod's network away.
    pub(super) fn leave(&mut self, space: &str) {
        self.addresses.remove(space);
        let _ = ip(&format!("netns del {space}"));
    }
}

fn address(space: &str) -> Option<Ipv4Addr> {
    let told = ip(&format!("-n {space} -4 -o address show eth0")).ok()?;
    told.split_whitespace().find_map(|word| word.split_once('/')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_in_the_network_once_it_has_addresses() {
        let mut node = json!({"metadata": {"name": "a"}, "spec": {}, "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.4"}]}});
        assert!(Node::of(&node).is_none());
        node["spec"]["podCIDR"] = "10.244.1.0/24".into();
        let found = Node::of(&node).unwrap();
        assert_eq!(
            (found.hardware().as_str(), found.pods),
            ("0e:58:0a:00:00:04", Ipv4Addr::new(10, 244, 1, 0))
        );
    }
}
