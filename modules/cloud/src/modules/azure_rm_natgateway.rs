//! `azure_rm_natgateway`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use super::options::{ResourceOptions, State};
use super::resource::{NETWORK, capital, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a NAT gateway: the way out of subnets whose machines have no public address.
#[derive(Arguments)]
pub struct NatGatewayArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Minutes that idle connections are kept; 4 for a new one if nothing is said.
    idle_timeout_in_minutes: Option<i64>,
    /// Its public addresses: names or ids.
    public_ip_addresses: Option<Vec<String>>,
    /// A mapping of `name`; Azure knows `standard`.
    sku: Option<Map<String, Value>>,
    /// The zone it is in.
    zones: Option<Vec<String>>,
}

/// The module.
pub struct NatGateway;

impl CloudModule for NatGateway {
    type Args = NatGatewayArgs;
    const NAME: &'static str = "azure_rm_natgateway";
    const SUMMARY: &'static str = "Makes, changes and deletes NAT gateways of Azure";

    async fn run(args: NatGatewayArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.what.resource_group;
        let gateway = args.what.resource(context, "Microsoft.Network/natGateways", NETWORK);
        if args.what.state == State::Absent {
            return gateway.remove().await;
        }
        // Azure tells a tier that it does not take back.
        let current = gateway.get().await?.map(|mut current| {
            current["sku"] = json!({"name": current["sku"]["name"]});
            current
        });
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
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
        args.what.tags.put(&mut wanted, current);
        Ok(gateway.bring(current, &wanted).await?.outcome())
    }
}
