//! `azure_rm_virtualnetwork`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::options::{ResourceOptions, State};
use super::resource::{NETWORK, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a virtual network. Its subnets are azure_rm_subnet's.
#[derive(Arguments)]
#[arguments(exclusive("dns_servers", "purge_dns_servers"))]
pub struct VirtualNetworkArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// The ranges of its addresses.
    #[arg(alias = "address_prefixes")]
    address_prefixes_cidr: Option<Vec<String>>,
    /// Take away ranges that are not named.
    #[arg(default = "false")]
    purge_address_prefixes: bool,
    /// Name servers for what is in it, at most two.
    dns_servers: Option<Vec<String>>,
    /// Take away all name servers.
    #[arg(default = "false")]
    purge_dns_servers: bool,
    /// Minutes that idle flows are remembered.
    flow_timeout_in_minutes: Option<i64>,
}

/// The module.
pub struct VirtualNetwork;

impl CloudModule for VirtualNetwork {
    type Args = VirtualNetworkArgs;
    const NAME: &'static str = "azure_rm_virtualnetwork";
    const SUMMARY: &'static str = "Makes, changes and deletes virtual networks of Azure";

    async fn run(args: VirtualNetworkArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let kind = "Microsoft.Network/virtualNetworks";
        let network = args.what.resource(context, kind, NETWORK);
        if args.what.state == State::Absent {
            return network.remove().await;
        }
        let current = network.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place, "properties": {}});
        let there = current
            .map(|current| texts(&current["properties"]["addressSpace"]["addressPrefixes"]))
            .unwrap_or_default();
        match args.address_prefixes_cidr {
            Some(own) => {
                let kept =
                    there.into_iter().filter(|there| !args.purge_address_prefixes && !own.contains(there));
                let all: Vec<String> = own.iter().cloned().chain(kept).collect();
                wanted["properties"]["addressSpace"]["addressPrefixes"] = all.into();
            }
            None if current.is_none() => {
                return Err(ModuleError::new("a new virtual network needs `address_prefixes_cidr`"));
            }
            None => {}
        }
        let servers = if args.purge_dns_servers { Some(Vec::new()) } else { args.dns_servers };
        set(&mut wanted, &["properties", "dhcpOptions", "dnsServers"], servers);
        set(&mut wanted, &["properties", "flowTimeoutInMinutes"], args.flow_timeout_in_minutes);
        args.what.tags.put(&mut wanted, current);
        let change = network.bring(current, &wanted).await?;
        let prefixes = change.resource["properties"]["addressSpace"]["addressPrefixes"].clone();
        let mut outcome = change.outcome();
        outcome.result["state"]["address_prefixes"] = prefixes;
        Ok(outcome)
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
