//! `azure_rm_subnet`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::State;
use super::resource::{NETWORK, Resource, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a subnet of a virtual network.
#[derive(Arguments)]
#[arguments(exclusive("address_prefix_cidr", "address_prefixes_cidr"))]
pub struct SubnetArgs {
    /// The resource group of the virtual network.
    resource_group: String,
    /// Its name.
    name: String,
    /// The virtual network.
    #[arg(alias = "virtual_network")]
    virtual_network_name: String,
    /// The range of its addresses.
    #[arg(alias = "address_prefix")]
    address_prefix_cidr: Option<String>,
    /// Several ranges.
    address_prefixes_cidr: Option<Vec<String>>,
    /// Network security group: its name, its id, or a mapping of `name` and `resource_group`; an empty text for none.
    #[arg(alias = "security_group_name")]
    security_group: Option<Value>,
    /// Route table, in the same ways.
    route_table: Option<Value>,
    /// NAT gateway: its name or id; an empty text for none.
    nat_gateway: Option<String>,
    /// Services that are reached directly: mappings of `service` and `locations`.
    service_endpoints: Option<Vec<Map<String, Value>>>,
    /// Services that may put their own resources here: mappings of `name` and `serviceName`.
    delegations: Option<Vec<Map<String, Value>>>,
    /// Whether rules of security groups hold for private endpoints: Enabled or Disabled.
    #[arg(default = "Enabled")]
    private_endpoint_network_policies: String,
    /// The same for private link services.
    #[arg(default = "Enabled")]
    private_link_service_network_policies: String,
    /// Whether machines here reach the internet though nothing says how.
    default_outbound_access: Option<bool>,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
}

/// The module.
pub struct Subnet;

impl CloudModule for Subnet {
    type Args = SubnetArgs;
    const NAME: &'static str = "azure_rm_subnet";
    const SUMMARY: &'static str = "Makes, changes and deletes subnets of Azure";

    async fn run(args: SubnetArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.resource_group;
        let kind = format!("Microsoft.Network/virtualNetworks/{}/subnets", args.virtual_network_name);
        let subnet = Resource::of_group(context, group, &kind, &args.name, NETWORK);
        if args.state == State::Absent {
            return subnet.remove().await;
        }
        let current = subnet.get().await?;
        if current.is_none() && args.address_prefix_cidr.is_none() && args.address_prefixes_cidr.is_none() {
            return Err(ModuleError::new("a new subnet needs `address_prefix_cidr`"));
        }
        let mut wanted = json!({"properties": {}});
        set(&mut wanted, &["properties", "addressPrefix"], args.address_prefix_cidr);
        set(&mut wanted, &["properties", "addressPrefixes"], args.address_prefixes_cidr);
        let nat = args.nat_gateway.map(Value::from);
        for (field, kind, value) in [
            ("networkSecurityGroup", "networkSecurityGroups", &args.security_group),
            ("routeTable", "routeTables", &args.route_table),
            ("natGateway", "natGateways", &nat),
        ] {
            let linked = match value {
                None => continue,
                Some(Value::Null) => Value::Null,
                Some(Value::String(text)) if text.is_empty() => Value::Null,
                Some(named) => {
                    json!({"id": reference(context, named, &format!("Microsoft.Network/{kind}"), group)?})
                }
            };
            wanted["properties"][field] = linked;
        }
        set(&mut wanted, &["properties", "serviceEndpoints"], args.service_endpoints);
        let delegations = args.delegations.map(|all| all.iter().map(delegation).collect::<Value>());
        set(&mut wanted, &["properties", "delegations"], delegations);
        wanted["properties"]["privateEndpointNetworkPolicies"] =
            args.private_endpoint_network_policies.into();
        wanted["properties"]["privateLinkServiceNetworkPolicies"] =
            args.private_link_service_network_policies.into();
        set(&mut wanted, &["properties", "defaultOutboundAccess"], args.default_outbound_access);
        Ok(subnet.bring(current.as_ref(), &wanted).await?.outcome())
    }
}

/// A delegation as Azure has it.
fn delegation(given: &Map<String, Value>) -> Value {
    let service = given.get("serviceName").or_else(|| given.get("service_name")).cloned().unwrap_or_default();
    json!({"name": given.get("name").cloned().unwrap_or_default(), "properties": {"serviceName": service}})
}
