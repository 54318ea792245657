//! The network of a machine for which no interface is named: an interface of its own, a network security group, and a public
//! address. They carry its name with `01` after it, and it carries their names as tags, as azure.azcollection has it.

use clouder_modules::ModuleError;
use futures::future::try_join;
use serde_json::{Map, Value, json};

use super::VirtualMachineArgs;
use crate::modules::CloudContext;
use crate::modules::azure_rm_securitygroup::open_group;
use crate::modules::info::listed;
use crate::modules::resource::{NETWORK, Resource, absolute};

/// The tags that name what was made for a machine: its interface, its public address, its security group.
pub(super) const OWN: [&str; 3] = ["_own_nic_", "_own_pip_", "_own_nsg_"];

/// Makes it; returns the id of the interface, and the tags.
pub(super) async fn make(
    args: &VirtualMachineArgs,
    context: &CloudContext,
    place: &str,
) -> Result<(String, Map<String, Value>), ModuleError> {
    let name = format!("{}01", args.what.name);
    let subnet = subnet(args, context).await?;
    let resource = |kind: &str| {
        let kind = format!("Microsoft.Network/{kind}");
        Resource::of_group(context, &args.what.resource_group, &kind, &name, NETWORK)
    };
    let address = async {
        let method = args.public_ip_allocation_method.as_str();
        if method == "Disabled" {
            return Ok(Value::Null);
        }
        // Azure gives no other static addresses any more.
        let sku = if method == "Static" { "Standard" } else { "Basic" };
        let wanted = json!({"location": place, "sku": {"name": sku}, "properties": {"publicIPAllocationMethod": method}});
        made(resource("publicIPAddresses"), wanted).await
    };
    let group = async {
        if !args.created_nsg {
            return Ok(Value::Null);
        }
        let wanted = open_group(&args.os_type, args.open_ports.as_deref(), place);
        made(resource("networkSecurityGroups"), wanted).await
    };
    let (address, group) = try_join(address, group).await?;
    let mut configuration = json!({"subnet": {"id": subnet}, "privateIPAllocationMethod": "Dynamic"});
    let mut properties = json!({});
    let mut tags = Map::from_iter([(OWN[0].to_owned(), Value::from(name.as_str()))]);
    if !address.is_null() {
        configuration["publicIPAddress"] = json!({"id": address});
        tags.insert(OWN[1].to_owned(), name.as_str().into());
    }
    if !group.is_null() {
        properties["networkSecurityGroup"] = json!({"id": group});
        tags.insert(OWN[2].to_owned(), name.as_str().into());
    }
    properties["ipConfigurations"] = json!([{"name": "default", "properties": configuration}]);
    let id =
        made(resource("networkInterfaces"), json!({"location": place, "properties": properties})).await?;
    Ok((id.as_str().unwrap_or_default().to_owned(), tags))
}

/// Brings something to what it should be; returns its id.
async fn made(resource: Resource<'_>, wanted: Value) -> Result<Value, ModuleError> {
    let current = resource.get().await?;
    Ok(resource.bring(current.as_ref(), &wanted).await?.resource["id"].clone())
}

/// The subnet that is named; else the first of the virtual network, and of the first virtual network.
async fn subnet(args: &VirtualMachineArgs, context: &CloudContext) -> Result<String, ModuleError> {
    let group = args.virtual_network_resource_group.as_deref().unwrap_or(&args.what.resource_group);
    let networks =
        absolute(context, &format!("resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks"));
    if let (Some(network), Some(subnet)) = (&args.virtual_network_name, &args.subnet_name) {
        return Ok(format!("{networks}/{network}/subnets/{subnet}"));
    }
    let first = |found: Vec<Value>, what: &str| {
        let id = found.first().and_then(|first| first["id"].as_str()).map(str::to_owned);
        // In check mode an earlier task would have made it.
        id.or_else(|| context.check.then(String::new)).ok_or_else(|| {
            let message =
                format!("a new machine needs a network interface, and there is no {what} to put one into");
            ModuleError::new(format!("{message}; name `network_interface_names`, or make it first"))
        })
    };
    let network = match &args.virtual_network_name {
        Some(name) => format!("{networks}/{name}"),
        None => {
            let found = listed(context.cloud.list(&networks, NETWORK).await)?;
            first(found, &format!("virtual network in the resource group {group}"))?
        }
    };
    match &args.subnet_name {
        Some(subnet) => Ok(format!("{network}/subnets/{subnet}")),
        None if network.is_empty() => Ok(network),
        None => {
            let found = listed(context.cloud.list(&format!("{network}/subnets"), NETWORK).await)?;
            first(found, &format!("subnet in {network}"))
        }
    }
}
