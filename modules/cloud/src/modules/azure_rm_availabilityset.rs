//! `azure_rm_availabilityset`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::options::{ResourceOptions, State};
use super::resource::{reference, set};
use super::{CloudContext, CloudModule};

/// Makes, changes or deletes an availability set: machines in it do not fail for one reason.
#[derive(Arguments)]
pub struct AvailabilitySetArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
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
}

/// The module.
pub struct AvailabilitySet;

impl CloudModule for AvailabilitySet {
    type Args = AvailabilitySetArgs;
    const NAME: &'static str = "azure_rm_availabilityset";
    const SUMMARY: &'static str = "Makes, changes and deletes availability sets of Azure";

    async fn run(args: AvailabilitySetArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.what.resource_group;
        let kind = "Microsoft.Compute/availabilitySets";
        let set_of_machines = args.what.resource(context, kind, "2024-07-01");
        if args.what.state == State::Absent {
            return set_of_machines.remove().await;
        }
        let current = set_of_machines.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
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
        args.what.tags.put(&mut wanted, current);
        Ok(set_of_machines.bring(current, &wanted).await?.outcome())
    }
}
