//! `azure_rm_publicipaddress`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::json;

use super::options::{ResourceOptions, State};
use super::resource::{NETWORK, capital, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes a public address.
#[derive(Arguments)]
pub struct PublicIpAddressArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Dynamic or Static; standard addresses are static.
    #[arg(default = "Dynamic")]
    allocation_method: String,
    /// The name it has in the domain of its region.
    #[arg(alias = "domain_name_label")]
    domain_name: Option<String>,
    /// The name that its address leads back to.
    reverse_fqdn: Option<String>,
    /// Basic or Standard.
    sku: Option<String>,
    /// ipv4 or ipv6.
    version: Option<String>,
    /// Minutes that idle connections are kept.
    idle_timeout: Option<i64>,
    /// Zones it is in.
    zones: Option<Vec<String>>,
}

/// The module.
pub struct PublicIpAddress;

impl CloudModule for PublicIpAddress {
    type Args = PublicIpAddressArgs;
    const NAME: &'static str = "azure_rm_publicipaddress";
    const SUMMARY: &'static str = "Makes, changes and deletes public addresses of Azure";

    async fn run(args: PublicIpAddressArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let kind = "Microsoft.Network/publicIPAddresses";
        let address = args.what.resource(context, kind, NETWORK);
        if args.what.state == State::Absent {
            return address.remove().await;
        }
        let current = address.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place, "properties": {"publicIPAllocationMethod": capital(&args.allocation_method)}});
        set(&mut wanted, &["sku", "name"], args.sku.as_deref().map(capital));
        let version = args.version.map(|version| version.to_lowercase().replace("ipv", "IPv"));
        set(&mut wanted, &["properties", "publicIPAddressVersion"], version);
        set(&mut wanted, &["properties", "dnsSettings", "domainNameLabel"], args.domain_name);
        set(&mut wanted, &["properties", "dnsSettings", "reverseFqdn"], args.reverse_fqdn);
        set(&mut wanted, &["properties", "idleTimeoutInMinutes"], args.idle_timeout);
        set(&mut wanted, &["zones"], args.zones);
        args.what.tags.put(&mut wanted, current);
        Ok(address.bring(current, &wanted).await?.outcome())
    }
}
