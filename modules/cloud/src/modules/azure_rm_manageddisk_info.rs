//! `azure_rm_manageddisk_info`.

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Value, json};

use super::azure_rm_manageddisk::{DISKS, KIND};
use super::compare::facts;
use super::info::{InfoOptions, chosen};
use super::{CloudContext, CloudModule};

/// Tells of disks: one, those of a resource group, or all.
#[derive(Arguments)]
pub struct ManagedDiskInfoArgs {
    /// Which ones.
    #[arg(flatten)]
    which: InfoOptions,
    /// Only those of the machine with this id.
    managed_by: Option<String>,
}

/// The module.
pub struct ManagedDiskInfo;

impl CloudModule for ManagedDiskInfo {
    type Args = ManagedDiskInfoArgs;
    const NAME: &'static str = "azure_rm_manageddisk_info";
    const SUMMARY: &'static str = "Tells of disks of Azure";

    async fn run(args: ManagedDiskInfoArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let mut disks = args.which.find(context, KIND, DISKS).await?;
        if let Some(machine) = &args.managed_by {
            disks.retain(|disk| {
                disk["managedBy"].as_str().is_some_and(|there| there.eq_ignore_ascii_case(machine))
            });
        }
        let disks: Value = disks.iter().map(told).collect();
        Ok(Outcome::new(false).with("ansible_info", json!({"azure_managed_disk": disks})))
    }
}

/// A disk as a playbook reads it.
fn told(disk: &Value) -> Value {
    let facts = facts(disk);
    let own = [
        "id",
        "name",
        "location",
        "tags",
        "disk_size_gb",
        "managed_by",
        "managed_by_extended",
        "max_shares",
        "time_created",
        "disk_iops_read_write",
        "disk_m_bps_read_write",
        "disk_iops_read_only",
        "disk_m_bps_read_only",
        "tier",
        "network_access_policy",
        "public_network_access",
        "disk_access_id",
        "last_ownership_update_time",
        "security_profile",
    ];
    let mut told = chosen(&facts, &own);
    let small = |value: &Value| value.as_str().map(str::to_lowercase).into();
    told["os_type"] = small(&facts["os_type"]);
    told["storage_account_type"] = facts["sku"]["name"].clone();
    told["zone"] = facts["zones"].get(0).cloned().unwrap_or_else(|| "".into());
    let origin = &facts["creation_data"];
    told["create_option"] = small(&origin["create_option"]);
    for field in [
        "source_uri",
        "source_resource_id",
        "storage_account_id",
        "upload_size_bytes",
        "logical_sector_size",
        "performance_plus",
        "gallery_image_reference",
        "image_reference",
    ] {
        told[field] = origin.get(field).cloned().unwrap_or_default();
    }
    told
}
