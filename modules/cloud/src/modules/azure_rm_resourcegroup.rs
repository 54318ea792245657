//! `azure_rm_resourcegroup`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::json;

use super::compare::place;
use super::options::{State, TagOptions};
use super::resource::{GROUPS, Resource};
use super::{CloudContext, CloudModule};

/// Makes a resource group, or deletes it with all that is in it.
#[derive(Arguments)]
#[arguments(required_if("state", "present", "location"))]
pub struct ResourceGroupArgs {
    /// Its name.
    #[arg(alias = "resource_group")]
    name: String,
    /// The region it is in.
    location: Option<String>,
    /// Whether it should be there.
    #[arg(default = "present")]
    state: State,
    /// Delete it though something is in it.
    #[arg(alias = "force", default = "false")]
    force_delete_nonempty: bool,
    /// Tags.
    #[arg(flatten)]
    tags: TagOptions,
}

/// The module.
pub struct ResourceGroup;

impl CloudModule for ResourceGroup {
    type Args = ResourceGroupArgs;
    const NAME: &'static str = "azure_rm_resourcegroup";
    const SUMMARY: &'static str = "Makes and deletes resource groups of Azure";

    async fn run(args: ResourceGroupArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = Resource { context, path: format!("resourceGroups/{}", args.name), version: GROUPS };
        let current = group.get().await?;
        if args.state == State::Absent {
            if current.is_some() && !args.force_delete_nonempty {
                let inside = context.cloud.list(&format!("{}/resources", group.path), GROUPS).await?;
                if !inside.is_empty() {
                    return Err(ModuleError::new(format!(
                        "the resource group {} holds {} resources; force_delete_nonempty deletes them, too",
                        args.name,
                        inside.len()
                    )));
                }
            }
            return group.remove().await;
        }
        let wanted_place = place(args.location.as_deref().unwrap_or_default());
        if let Some(there) = current.as_ref().and_then(|current| current["location"].as_str())
            && place(there) != wanted_place
        {
            return Err(ModuleError::new(format!(
                "the resource group {} is in {there}, and cannot be moved to {wanted_place}",
                args.name
            )));
        }
        let mut wanted = json!({"location": wanted_place});
        args.tags.put(&mut wanted, current.as_ref());
        Ok(group.bring(current.as_ref(), &wanted).await?.outcome())
    }
}
