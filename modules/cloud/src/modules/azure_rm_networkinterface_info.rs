//! `azure_rm_networkinterface_info`.

use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::compare::facts;
use super::info::{InfoOptions, chosen, group_of, name_of};
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};

/// The module.
pub struct NetworkInterfaceInfo;

impl CloudModule for NetworkInterfaceInfo {
    type Args = InfoOptions;
    const NAME: &'static str = "azure_rm_networkinterface_info";
    const SUMMARY: &'static str = "Tells of network interfaces of Azure";

    async fn run(args: InfoOptions, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let found = args.find(context, "Microsoft.Network/networkInterfaces", NETWORK).await?;
        Ok(Outcome::new(false).with("networkinterfaces", found.iter().map(told).collect::<Value>()))
    }
}

fn told(interface: &Value) -> Value {
    let facts = facts(interface);
    let own = [
        "id",
        "name",
        "location",
        "tags",
        "dns_settings",
        "mac_address",
        "enable_ip_forwarding",
        "enable_accelerated_networking",
        "provisioning_state",
    ];
    let mut told = chosen(&facts, &own);
    told["resource_group"] = group_of(interface);
    told["dns_servers"] = facts["dns_settings"]["dns_servers"].clone();
    told["security_group"] = facts["network_security_group"]["id"].clone();
    let configurations = facts["ip_configurations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let subnet = configurations.first().map(|first| first["subnet"]["id"].clone()).unwrap_or_default();
    if let Some((network, _)) = subnet.as_str().and_then(|subnet| subnet.split_once("/subnets/")) {
        let network = json!({"id": network});
        told["subnet"] = name_of(&subnet);
        told["virtual_network"] = json!({
            "name": name_of(&network["id"]), "resource_group": group_of(&network), "subnet_id": subnet,
            "subscription_id": network["id"].as_str().and_then(|id| id.split('/').nth(2)),
        });
    }
    told["ip_configurations"] = configurations.iter().map(configuration).collect();
    told
}

fn configuration(configuration: &Value) -> Value {
    let own = ["name", "private_ip_address", "private_ip_allocation_method", "primary"];
    let mut told = chosen(configuration, &own);
    told["public_ip_address"] = configuration["public_ip_address"]["id"].clone();
    for links in [
        "load_balancer_backend_address_pools",
        "application_gateway_backend_address_pools",
        "application_security_groups",
    ] {
        let all = configuration[links].as_array();
        told[links] = all.map(|all| all.iter().map(|link| link["id"].clone()).collect()).unwrap_or_default();
    }
    told
}
