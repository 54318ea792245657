//! `azure_rm_publicipaddress_info`.

use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::compare::facts;
use super::info::{InfoOptions, chosen};
use super::resource::NETWORK;
use super::{CloudContext, CloudModule};

/// The module.
pub struct PublicIpAddressInfo;

impl CloudModule for PublicIpAddressInfo {
    type Args = InfoOptions;
    const NAME: &'static str = "azure_rm_publicipaddress_info";
    const SUMMARY: &'static str = "Tells of public addresses of Azure";

    async fn run(args: InfoOptions, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let found = args.find(context, "Microsoft.Network/publicIPAddresses", NETWORK).await?;
        Ok(Outcome::new(false).with("publicipaddresses", found.iter().map(told).collect::<Value>()))
    }
}

fn told(address: &Value) -> Value {
    let facts = facts(address);
    let own = [
        "id",
        "name",
        "type",
        "location",
        "tags",
        "dns_settings",
        "ip_tags",
        "ip_address",
        "provisioning_state",
        "etag",
        "zones",
    ];
    let mut told = chosen(&facts, &own);
    let small = |name: &str| facts[name].as_str().map(str::to_lowercase).into();
    told["allocation_method"] = small("public_ip_allocation_method");
    told["version"] = small("public_ip_address_version");
    told["idle_timeout"] = facts["idle_timeout_in_minutes"].clone();
    told["sku"] = facts["sku"]["name"].clone();
    told
}
