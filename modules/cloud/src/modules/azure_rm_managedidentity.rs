//! `azure_rm_managedidentity`: the name is ours, azure.azcollection has no such module.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::json;

use super::options::{ResourceOptions, State};
use super::{CloudContext, CloudModule};

/// Makes or deletes an identity that machines can be given. `state.principal_id` is whom roles are assigned to.
#[derive(Arguments)]
pub struct ManagedIdentityArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
}

/// The module.
pub struct ManagedIdentity;

impl CloudModule for ManagedIdentity {
    type Args = ManagedIdentityArgs;
    const NAME: &'static str = "azure_rm_managedidentity";
    const SUMMARY: &'static str = "Makes and deletes user-assigned identities of Azure";

    async fn run(args: ManagedIdentityArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let kind = "Microsoft.ManagedIdentity/userAssignedIdentities";
        let identity = args.what.resource(context, kind, "2023-01-31");
        if args.what.state == State::Absent {
            return identity.remove().await;
        }
        let current = identity.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place});
        args.what.tags.put(&mut wanted, current);
        Ok(identity.bring(current, &wanted).await?.outcome())
    }
}
