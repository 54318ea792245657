//! `azure_rm_natgateway`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::{State, TagOptions};
use super::resource::{NETWORK, Resource, capital, location, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a NAT gateway: the way out of subnets whose machines have no public address.
#[derive(Arguments)]
pub struct NatGatewayArgs {
    /// The resource group it is in.
    resource_group: String,
    /// Its name.
    name: String,
    /// Minutes that idle connections are kept; 4 for a new one if nothing is said.
    idle_timeout_in_minutes: Option<i64>,
    /// Its public addresses: names or ids.
    public_ip_addresses: Option<Vec<String>>,
    /// A mapping of `name`; Azure knows `standard`.
    sku: Option<Map<String, Value>>,
    /// The zone it is in.
    zones: Option<Vec<String>>,
    /// The region; that of the resource group if none is named.
    location: Option<String>,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
    /// Tags.
    #[arg(flatten)]
    tags: TagOptions,
}

/// The module.
pub struct NatGateway;

impl CloudModule for NatGateway {
    type Args = NatGatewayArgs;
    const NAME: &'static str = "azure_rm_natgateway";
    const SUMMARY: &'static str = "Makes, changes and deletes NAT gateways of Azure";

    async fn run(args: NatGatewayArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.resource_group;
        let gateway =
            Resource::of_group(context, group, "Microsoft.Network/natGateways", &args.name, NETWORK);
        if args.state == State::Absent {
            return gateway.remove().await;
        }
        // Azure tells a tier that it does not take back.
        let current = gateway.get().await?.map(|mut current| {
            current["sku"] = json!({"name": current["sku"]["name"]});
            current
        });
        let current = current.as_ref();
        let place = location(context, args.location.as_deref(), current, group).await?;
        let sku =
            args.sku.as_ref().and_then(|sku| sku.get("name")).and_then(Value::as_str).unwrap_or("Standard");
        let mut wanted = json!({"location": place, "sku": {"name": capital(sku)}, "properties": {}});
        let addresses = args.public_ip_addresses.map(|names| {
            let kind = "Microsoft.Network/publicIPAddresses";
            let link = |name: String| Ok(json!({"id": reference(context, &name.into(), kind, group)?}));
            names.into_iter().map(link).collect::<Result<Vec<Value>, ModuleError>>()
        });
        set(&mut wanted, &["properties", "publicIpAddresses"], addresses.transpose()?);
        let idle = args.idle_timeout_in_minutes.or_else(|| current.is_none().then_some(4));
        set(&mut wanted, &["properties", "idleTimeoutInMinutes"], idle);
        set(&mut wanted, &["zones"], args.zones);
        args.tags.put(&mut wanted, current);
        Ok(gateway.bring(current, &wanted).await?.outcome())
    }
}
