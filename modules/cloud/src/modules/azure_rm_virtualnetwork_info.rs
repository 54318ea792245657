//! `azure_rm_virtualnetwork_info`.

use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::compare::facts;
use super::info::{InfoOptions, chosen, group_of};
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};

/// The module.
pub struct VirtualNetworkInfo;

impl CloudModule for VirtualNetworkInfo {
    type Args = InfoOptions;
    const NAME: &'static str = "azure_rm_virtualnetwork_info";
    const SUMMARY: &'static str = "Tells of virtual networks of Azure";

    async fn run(args: InfoOptions, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let found = args.find(context, "Microsoft.Network/virtualNetworks", NETWORK).await?;
        Ok(Outcome::new(false).with("virtualnetworks", found.iter().map(told).collect::<Value>()))
    }
}

fn told(network: &Value) -> Value {
    let facts = facts(network);
    let subnets = facts["subnets"].as_array().into_iter().flatten().map(|subnet| {
        let mut told = chosen(
            subnet,
            &["id", "name", "provisioning_state", "address_prefix", "address_prefixes", "service_endpoints"],
        );
        for link in ["network_security_group", "route_table"] {
            told[link] = subnet[link]["id"].clone();
        }
        told
    });
    let subnets: Value = subnets.collect();
    let own = ["id", "name", "location", "tags", "provisioning_state", "flow_timeout_in_minutes"];
    let mut told = chosen(&facts, &own);
    told["resource_group"] = group_of(network);
    told["dns_servers"] = facts["dhcp_options"]["dns_servers"].clone();
    told["address_prefixes"] = facts["address_space"]["address_prefixes"].clone();
    told["subnets"] = subnets;
    told
}
