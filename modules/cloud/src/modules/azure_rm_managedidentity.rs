//! `azure_rm_managedidentity`: the name is ours, azure.azcollection has no such module.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::json;

use super::options::{State, TagOptions};
use super::resource::{Resource, location};
use super::{CloudContext, CloudModule};

/// Makes or deletes an identity that machines can be given. `state.principal_id` is whom roles are assigned to.
#[derive(Arguments)]
pub struct ManagedIdentityArgs {
    /// The resource group it is in.
    resource_group: String,
    /// Its name.
    name: String,
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
pub struct ManagedIdentity;

impl CloudModule for ManagedIdentity {
    type Args = ManagedIdentityArgs;
    const NAME: &'static str = "azure_rm_managedidentity";
    const SUMMARY: &'static str = "Makes and deletes user-assigned identities of Azure";

    async fn run(args: ManagedIdentityArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let kind = "Microsoft.ManagedIdentity/userAssignedIdentities";
        let identity = Resource::of_group(context, &args.resource_group, kind, &args.name, "2023-01-31");
        if args.state == State::Absent {
            return identity.remove().await;
        }
        let current = identity.get().await?;
        let current = current.as_ref();
        let place = location(context, args.location.as_deref(), current, &args.resource_group).await?;
        let mut wanted = json!({"location": place});
        args.tags.put(&mut wanted, current);
        Ok(identity.bring(current, &wanted).await?.outcome())
    }
}
