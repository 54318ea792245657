//! `azure_rm_resourcegroup_info`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::info::{listed, tagged};
use super::resource::GROUPS;
use super::{CloudContext, CloudModule};

/// Tells of resource groups, or of one.
#[derive(Arguments)]
pub struct ResourceGroupInfoArgs {
    /// Only the one of this name.
    name: Option<String>,
    /// Only those with these tags: `name`, or `name:value`.
    #[arg(default = "")]
    tags: Vec<String>,
    /// Tell what is in them, too.
    #[arg(default = "false")]
    list_resources: bool,
}

/// The module.
pub struct ResourceGroupInfo;

impl CloudModule for ResourceGroupInfo {
    type Args = ResourceGroupInfoArgs;
    const NAME: &'static str = "azure_rm_resourcegroup_info";
    const SUMMARY: &'static str = "Tells of resource groups of Azure";

    async fn run(args: ResourceGroupInfoArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let cloud = &context.cloud;
        let found = match &args.name {
            Some(name) => cloud.get(&format!("resourceGroups/{name}"), GROUPS).await?.into_iter().collect(),
            None => cloud.list("resourceGroups", GROUPS).await?,
        };
        let mut groups = tagged(found, &args.tags);
        for group in &mut groups {
            if let Some(state) = group["properties"]["provisioningState"].as_str().map(Value::from) {
                group["properties"] = serde_json::json!({"provisioning_state": state});
            }
            if args.list_resources {
                let path = format!("{}/resources", group["id"].as_str().unwrap_or_default());
                group["resources"] = listed(cloud.list(&path, GROUPS).await)?.into();
            }
        }
        Ok(Outcome::new(false).with("resourcegroups", groups))
    }
}
