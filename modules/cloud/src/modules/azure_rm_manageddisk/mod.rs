//! `azure_rm_manageddisk`.

mod attachment;

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::{Map, Value, json};

use self::attachment::Attachment;
use crate::modules::options::{ResourceOptions, State};
use crate::modules::resource::set;
use crate::modules::{CloudContext, CloudModule};

/// Makes, changes or deletes a disk. Machines are given disks by azure_rm_virtualmachine.
#[derive(Arguments)]
pub struct ManagedDiskArgs {
    /// Which one, and where.
    #[arg(flatten)]
    what: ResourceOptions,
    /// Its size; it can grow, but not shrink.
    disk_size_gb: Option<i64>,
    /// What it is on: Standard_LRS, StandardSSD_LRS, Premium_LRS, PremiumV2_LRS, UltraSSD_LRS …
    storage_account_type: Option<String>,
    /// What it is made of: empty, import, copy, upload, fromimage, restore; empty if nothing is said.
    create_option: Option<String>,
    /// The blob that it is imported from.
    #[arg(alias = "source_resource_uri")]
    source_uri: Option<String>,
    /// The disk or snapshot that it is a copy of.
    source_resource_id: Option<String>,
    /// The account of storage that the blob is in.
    storage_account_id: Option<String>,
    /// The image that it is made of: a mapping of `id`.
    image_reference: Option<Map<String, Value>>,
    /// The image of a gallery that it is made of: a mapping of `id`.
    gallery_image_reference: Option<Map<String, Value>>,
    /// The system on it: linux or windows.
    os_type: Option<String>,
    /// The zone it is in.
    zone: Option<String>,
    /// The performance it is paid for: P10, P20 …
    tier: Option<String>,
    /// How many machines may use it at once.
    max_shares: Option<i64>,
    /// The size of its sectors.
    logical_sector_size: Option<i64>,
    /// How many operations a second it does.
    disk_iops_read_write: Option<i64>,
    /// How many megabytes a second it does.
    disk_m_bps_read_write: Option<i64>,
    /// From where it can be read: AllowAll, AllowPrivate or DenyAll.
    network_access_policy: Option<String>,
    /// Whether it can be read from public networks: Enabled or Disabled.
    public_network_access: Option<String>,
    /// The machine in the same resource group that it is to be attached to; an empty text for none.
    managed_by: Option<String>,
    /// The number it has among the disks of that machine; the first that is free if none is named.
    lun: Option<i64>,
    /// How that machine caches it: read_only, read_write, or an empty text for not at all.
    attach_caching: Option<String>,
}

/// The module.
pub struct ManagedDisk;

impl CloudModule for ManagedDisk {
    type Args = ManagedDiskArgs;
    const NAME: &'static str = "azure_rm_manageddisk";
    const SUMMARY: &'static str = "Makes, changes and deletes disks of Azure";

    async fn run(args: ManagedDiskArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let group = &args.what.resource_group;
        let disk = args.what.resource(context, KIND, DISKS);
        if args.what.state == State::Absent {
            return disk.remove().await;
        }
        let current = disk.get().await?;
        let current = current.as_ref();
        let place = args.what.place(context, current).await?;
        let mut wanted = json!({"location": place, "properties": {}});
        if current.is_none() {
            wanted["properties"]["creationData"] = origin(&args)?;
        }
        set(&mut wanted, &["sku", "name"], args.storage_account_type);
        let zone = args.zone.filter(|zone| !zone.is_empty());
        set(&mut wanted, &["zones"], zone.map(|zone| vec![zone]));
        let system =
            args.os_type.map(|system| if system.eq_ignore_ascii_case("linux") { "Linux" } else { "Windows" });
        set(&mut wanted, &["properties", "osType"], system);
        for (field, number) in [
            ("diskSizeGB", args.disk_size_gb),
            ("maxShares", args.max_shares),
            ("diskIOPSReadWrite", args.disk_iops_read_write),
            ("diskMBpsReadWrite", args.disk_m_bps_read_write),
        ] {
            set(&mut wanted, &["properties", field], number);
        }
        for (field, text) in [
            ("tier", args.tier),
            ("networkAccessPolicy", args.network_access_policy),
            ("publicNetworkAccess", args.public_network_access),
        ] {
            set(&mut wanted, &["properties", field], text);
        }
        args.what.tags.put(&mut wanted, current);
        let change = disk.bring(current, &wanted).await?;
        let Some(name) = args.managed_by else { return Ok(change.outcome()) };
        let attachment =
            Attachment { context, group, lun: args.lun, caching: args.attach_caching.as_deref() };
        let (there, id) = (&change.resource["managedBy"], &change.resource["id"]);
        let moved = attachment.bring(there.as_str(), id.as_str().unwrap_or_default(), &name).await?;
        let attached = moved.is_some();
        let mut outcome = change.outcome();
        outcome.changed |= attached;
        if let Some(machine) = moved {
            outcome.result["state"]["managed_by"] = machine;
        }
        Ok(outcome)
    }
}

/// The api-version of disks.
pub(super) const DISKS: &str = "2024-03-02";

/// What disks are called.
pub(super) const KIND: &str = "Microsoft.Compute/disks";

/// How Azure writes what a disk is made of.
const ORIGINS: [&str; 6] = ["Empty", "Import", "Copy", "Upload", "FromImage", "Restore"];

/// What a new disk is made of. It cannot be changed later, and is not compared.
fn origin(args: &ManagedDiskArgs) -> Result<Value, ModuleError> {
    let given = args.create_option.as_deref().unwrap_or("empty");
    let option = ORIGINS.iter().find(|origin| origin.eq_ignore_ascii_case(given)).ok_or_else(|| {
        ModuleError::new(format!(
            "`create_option` is one of {}, not {given}",
            ORIGINS.join(", ").to_lowercase()
        ))
    })?;
    let mut origin = json!({"createOption": option});
    set(&mut origin, &["sourceUri"], args.source_uri.clone());
    set(&mut origin, &["sourceResourceId"], args.source_resource_id.clone());
    set(&mut origin, &["storageAccountId"], args.storage_account_id.clone());
    set(&mut origin, &["imageReference"], args.image_reference.clone());
    set(&mut origin, &["galleryImageReference"], args.gallery_image_reference.clone());
    set(&mut origin, &["logicalSectorSize"], args.logical_sector_size);
    Ok(origin)
}
