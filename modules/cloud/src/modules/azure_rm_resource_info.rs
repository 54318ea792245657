//! `azure_rm_resource_info`.

use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::azure_rm_resource::ResourcePath;
use super::{CloudContext, CloudModule};

/// The module.
pub struct ResourceInfo;

impl CloudModule for ResourceInfo {
    type Args = ResourcePath;
    const NAME: &'static str = "azure_rm_resource_info";
    const SUMMARY: &'static str = "Tells of a resource of Azure of any type, or of all of a type";

    async fn run(args: ResourcePath, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let path = args.path(context)?;
        let found = context.cloud.get(&path, &args.api_version).await?;
        // All of a type come in pages.
        let found = match found {
            Some(Value::Object(fields)) if fields.get("value").is_some_and(Value::is_array) => {
                context.cloud.list(&path, &args.api_version).await?
            }
            found => found.into_iter().collect(),
        };
        Ok(Outcome::new(false).with("response", json!(found)).with("url", path))
    }
}
