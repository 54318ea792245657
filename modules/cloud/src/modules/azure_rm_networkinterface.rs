//! `azure_rm_networkinterface`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::azure_rm_securitygroup::open_group;
use super::options::{ResourceOptions, State};
use super::resource::{NETWORK, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a network interface.
#[derive(Arguments)]
#[arguments(
    required_if("state", "present", "virtual_network"),
    required_if("state", "present", "subnet_name")
)]
pub struct NetworkInterfaceArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// The virtual network: its name, its id, or a mapping of `name` and `resource_group`.
    #[arg(alias = "virtual_network_name")]
    virtual_network: Option<Value>,
    /// The subnet.
    #[arg(alias = "subnet")]
    subnet_name: Option<String>,
    /// Its addresses: mappings of `name`, and as needed `private_ip_address`, `private_ip_allocation_method`,
    /// `public_ip_address_name`, `load_balancer_backend_address_pools`, `primary`. One named `default` if none is given. One
    /// that names no public address has none.
    ip_configurations: Option<Vec<Map<String, Value>>>,
    /// Network security group: its name, its id, or a mapping of `name` and `resource_group`; an empty text for none.
    #[arg(alias = "security_group_name")]
    security_group: Option<Value>,
    /// Make a network security group of the same name, if none is named: it lets in what `open_ports` says.
    #[arg(default = "false")]
    create_with_security_group: bool,
    /// The ports that such a group lets in; those that log in by default.
    open_ports: Option<Vec<String>>,
    /// The system of the machine, which says which ports log in: Linux or Windows.
    #[arg(default = "Linux")]
    os_type: String,
    /// Pass on what is meant for others.
    #[arg(default = "false", alias = "enable_ip_forwarding")]
    ip_forwarding: bool,
    /// Let the network card do more of the work.
    #[arg(default = "false")]
    enable_accelerated_networking: bool,
    /// Name servers.
    dns_servers: Option<Vec<String>>,
}

/// The module.
pub struct NetworkInterface;

impl CloudModule for NetworkInterface {
    type Args = NetworkInterfaceArgs;
    const NAME: &'static str = "azure_rm_networkinterface";
    const SUMMARY: &'static str = "Makes, changes and deletes network interfaces of Azure";

    async fn run(args: NetworkInterfaceArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.what.resource_group;
        let interface = args.what.resource(context, "Microsoft.Network/networkInterfaces", NETWORK);
        if args.what.state == State::Absent {
            return interface.remove().await;
        }
        let current = interface.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let network = args.virtual_network.as_ref().unwrap_or(&Value::Null);
        let network = reference(context, network, "Microsoft.Network/virtualNetworks", group)?;
        let subnet = format!("{network}/subnets/{}", args.subnet_name.as_deref().unwrap_or_default());
        let usual = || vec![Map::from_iter([("name".to_owned(), Value::from("default"))])];
        let listed = args.ip_configurations.is_some();
        let configurations = args.ip_configurations.unwrap_or_else(usual);
        let many = configurations.len() > 1;
        let configurations = configurations
            .iter()
            .map(|given| configuration(context, given, &subnet, group, many, listed))
            .collect::<Result<Vec<Value>, ModuleError>>()?;
        let mut wanted = json!({"location": place, "properties": {
            "ipConfigurations": configurations,
            "enableIPForwarding": args.ip_forwarding,
            "enableAcceleratedNetworking": args.enable_accelerated_networking,
        }});
        match &args.security_group {
            None if args.create_with_security_group && current.is_none() => {
                let own = open_group(&args.os_type, args.open_ports.as_deref(), &place);
                let kind = "Microsoft.Network/networkSecurityGroups";
                let made = args.what.resource(context, kind, NETWORK);
                let made = made.bring(made.get().await?.as_ref(), &own).await?;
                wanted["properties"]["networkSecurityGroup"] = json!({"id": made.resource["id"]});
            }
            None => {}
            Some(Value::String(text)) if text.is_empty() => {
                wanted["properties"]["networkSecurityGroup"] = Value::Null;
            }
            Some(named) => {
                let id = reference(context, named, "Microsoft.Network/networkSecurityGroups", group)?;
                wanted["properties"]["networkSecurityGroup"] = json!({"id": id});
            }
        }
        set(&mut wanted, &["properties", "dnsSettings", "dnsServers"], args.dns_servers);
        args.what.tags.put(&mut wanted, current);
        Ok(interface.bring(current, &wanted).await?.outcome())
    }
}

/// An address as Azure has it; of one that was `listed`, all is said.
fn configuration(
    context: &CloudContext,
    given: &Map<String, Value>,
    subnet: &str,
    group: &str,
    many: bool,
    listed: bool,
) -> Result<Value, ModuleError> {
    let text =
        |names: &[&str]| names.iter().find_map(|name| given.get(*name)).filter(|value| !value.is_null());
    let name = given.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| ModuleError::new("each of ip_configurations needs a `name`"))?;
    let mut properties = json!({"subnet": {"id": subnet}});
    if let Some(address) = text(&["private_ip_address"]) {
        properties["privateIPAddress"] = address.clone();
    }
    let method = text(&["private_ip_allocation_method"]).cloned();
    let usual = if properties["privateIPAddress"].is_null() { "Dynamic" } else { "Static" };
    properties["privateIPAllocationMethod"] = method.unwrap_or_else(|| usual.into());
    if let Some(public) = text(&["public_ip_address_name", "public_ip_address", "public_ip_name"]) {
        let id = reference(context, public, "Microsoft.Network/publicIPAddresses", group)?;
        properties["publicIPAddress"] = json!({"id": id});
        if let Some(option) = text(&["public_ip_delete_option"]) {
            properties["publicIPAddress"]["properties"] = json!({"deleteOption": option});
        }
    } else if listed {
        properties["publicIPAddress"] = Value::Null;
    }
    if let Some(pools) = given.get("load_balancer_backend_address_pools").and_then(Value::as_array) {
        let pool = |pool: &Value| match pool {
            Value::Object(fields) if fields.contains_key("load_balancer") => {
                let balancer =
                    reference(context, &fields["load_balancer"], "Microsoft.Network/loadBalancers", group)?;
                let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
                Ok(json!({"id": format!("{balancer}/backendAddressPools/{name}")}))
            }
            Value::String(id) if id.starts_with('/') => Ok(json!({"id": id})),
            other => Err(ModuleError::new(format!(
                "a pool of a load balancer is an id, or a mapping of `name` and `load_balancer`, not {other}"
            ))),
        };
        properties["loadBalancerBackendAddressPools"] =
            pools.iter().map(pool).collect::<Result<Value, _>>()?;
    }
    if many || given.contains_key("primary") {
        properties["primary"] = given.get("primary").and_then(Value::as_bool).unwrap_or(false).into();
    }
    Ok(json!({"name": name, "properties": properties}))
}
