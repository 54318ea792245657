//! `azure_rm_subnet_info`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::compare::facts;
use super::info::{chosen, group_of, listed};
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};

/// Tells of the subnets of a virtual network, or of one.
#[derive(Arguments)]
pub struct SubnetInfoArgs {
    /// The resource group of the virtual network.
    resource_group: String,
    /// The virtual network.
    virtual_network_name: String,
    /// Only the one of this name.
    name: Option<String>,
}

/// The module.
pub struct SubnetInfo;

impl CloudModule for SubnetInfo {
    type Args = SubnetInfoArgs;
    const NAME: &'static str = "azure_rm_subnet_info";
    const SUMMARY: &'static str = "Tells of subnets of Azure";

    async fn run(args: SubnetInfoArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let path = format!(
            "resourceGroups/{}/providers/Microsoft.Network/virtualNetworks/{}/subnets",
            args.resource_group, args.virtual_network_name
        );
        let found = match &args.name {
            Some(name) => context.cloud.get(&format!("{path}/{name}"), NETWORK).await?.into_iter().collect(),
            None => listed(context.cloud.list(&path, NETWORK).await)?,
        };
        let subnets = found.iter().map(|subnet| told(subnet, &args.virtual_network_name));
        Ok(Outcome::new(false).with("subnets", subnets.collect::<Value>()))
    }
}

fn told(subnet: &Value, network: &str) -> Value {
    let facts = facts(subnet);
    let own = [
        "id",
        "name",
        "provisioning_state",
        "service_endpoints",
        "private_endpoint_network_policies",
        "private_link_service_network_policies",
    ];
    let mut told = chosen(&facts, &own);
    told["resource_group"] = group_of(subnet);
    told["virtual_network_name"] = network.into();
    told["address_prefix_cidr"] = facts.get("address_prefix").cloned().unwrap_or_default();
    told["address_prefixes_cidr"] = facts.get("address_prefixes").cloned().unwrap_or_default();
    for (own, field) in [
        ("route_table", "route_table"),
        ("security_group", "network_security_group"),
        ("nat_gateway", "nat_gateway"),
    ] {
        told[own] = facts[field]["id"].clone();
    }
    let delegations = facts["delegations"].as_array().into_iter().flatten().map(|delegation| {
        let mut told = chosen(delegation, &["name", "actions", "provisioning_state"]);
        told["serviceName"] = delegation["service_name"].clone();
        told
    });
    told["delegations"] = json!(delegations.collect::<Vec<_>>());
    told
}
