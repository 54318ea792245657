//! `azure_rm_availabilityset`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::options::{State, TagOptions};
use super::resource::{Resource, location, reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes an availability set: machines in it do not fail for one reason.
#[derive(Arguments)]
pub struct AvailabilitySetArgs {
    /// The resource group it is in.
    resource_group: String,
    /// Its name.
    name: String,
    /// How many racks machines are spread over.
    #[arg(default = "3")]
    platform_fault_domain_count: i64,
    /// How many groups machines are updated in.
    #[arg(default = "5")]
    platform_update_domain_count: i64,
    /// The proximity placement group: its name or id.
    proximity_placement_group: Option<String>,
    /// Classic, or Aligned for machines with managed disks.
    #[arg(default = "Classic")]
    sku: String,
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
pub struct AvailabilitySet;

impl CloudModule for AvailabilitySet {
    type Args = AvailabilitySetArgs;
    const NAME: &'static str = "azure_rm_availabilityset";
    const SUMMARY: &'static str = "Makes, changes and deletes availability sets of Azure";

    async fn run(args: AvailabilitySetArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.resource_group;
        let set_of_machines = Resource::of_group(
            context,
            group,
            "Microsoft.Compute/availabilitySets",
            &args.name,
            "2024-07-01",
        );
        if args.state == State::Absent {
            return set_of_machines.remove().await;
        }
        let current = set_of_machines.get().await?;
        let current = current.as_ref();
        let place = location(context, args.location.as_deref(), current, group).await?;
        let mut wanted = json!({
            "location": place,
            "sku": {"name": args.sku},
            "properties": {
                "platformFaultDomainCount": args.platform_fault_domain_count,
                "platformUpdateDomainCount": args.platform_update_domain_count,
            },
        });
        let near = args.proximity_placement_group.map(Value::from);
        let near =
            near.map(|near| reference(context, &near, "Microsoft.Compute/proximityPlacementGroups", group));
        set(&mut wanted, &["properties", "proximityPlacementGroup", "id"], near.transpose()?);
        args.tags.put(&mut wanted, current);
        Ok(set_of_machines.bring(current, &wanted).await?.outcome())
    }
}
