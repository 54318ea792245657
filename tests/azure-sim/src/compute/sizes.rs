//! The sizes of machines, and what a region gives of them.

use serde_json::{Value, json};

use crate::cloud::{Cloud, LOCATIONS};
use crate::failure::{Failure, Result};
use crate::json::text;

/// A size.
#[derive(Debug)]
pub struct Size {
    /// Such as `Standard_D2s_v5`.
    pub name: &'static str,
    /// What its cores are counted in.
    pub family: &'static str,
    /// How many.
    pub cores: u64,
    /// In GB.
    pub memory: f64,
    /// How many it may have.
    pub data_disks: u64,
    /// A machine can become another size of these without being moved.
    pub cluster: u8,
    /// Its temporary disk in GB, if it has one.
    pub temporary: u64,
    /// What it runs.
    pub architecture: &'static str,
    /// The zones it is in where there are zones.
    pub zones: &'static [&'static str],
    /// The regions whose subscription may not have it.
    pub restricted: &'static [&'static str],
}

const ALL_ZONES: &[&str] = &["1", "2", "3"];

const fn size(
    name: &'static str,
    family: &'static str,
    cores: u64,
    memory: f64,
    data_disks: u64,
    cluster: u8,
    temporary: u64,
) -> Size {
    Size {
        name,
        family,
        cores,
        memory,
        data_disks,
        cluster,
        temporary,
        architecture: "x64",
        zones: ALL_ZONES,
        restricted: &[],
    }
}

/// All sizes there are.
pub static SIZES: &[Size] = &[
    size("Standard_B1s", "standardBSFamily", 1, 1.0, 2, 1, 4),
    size("Standard_B1ms", "standardBSFamily", 1, 2.0, 2, 1, 4),
    size("Standard_B2s", "standardBSFamily", 2, 4.0, 4, 1, 8),
    size("Standard_B2ms", "standardBSFamily", 2, 8.0, 4, 1, 16),
    size("Standard_B4ms", "standardBSFamily", 4, 16.0, 8, 1, 32),
    size("Standard_DS1_v2", "standardDSv2Family", 1, 3.5, 4, 2, 7),
    size("Standard_DS2_v2", "standardDSv2Family", 2, 7.0, 8, 2, 14),
    size("Standard_DS3_v2", "standardDSv2Family", 4, 14.0, 16, 2, 28),
    size("Standard_D2s_v3", "standardDSv3Family", 2, 8.0, 4, 3, 16),
    size("Standard_D4s_v3", "standardDSv3Family", 4, 16.0, 8, 3, 32),
    size("Standard_D8s_v3", "standardDSv3Family", 8, 32.0, 16, 3, 64),
    size("Standard_D2s_v5", "standardDSv5Family", 2, 8.0, 4, 4, 0),
    size("Standard_D4s_v5", "standardDSv5Family", 4, 16.0, 8, 4, 0),
    size("Standard_D8s_v5", "standardDSv5Family", 8, 32.0, 16, 4, 0),
    size("Standard_D16s_v5", "standardDSv5Family", 16, 64.0, 32, 4, 0),
    size("Standard_D2as_v5", "standardDASv5Family", 2, 8.0, 4, 5, 0),
    size("Standard_D4as_v5", "standardDASv5Family", 4, 16.0, 8, 5, 0),
    size("Standard_E2s_v5", "standardESv5Family", 2, 16.0, 4, 4, 0),
    size("Standard_E4s_v5", "standardESv5Family", 4, 32.0, 8, 4, 0),
    size("Standard_F2s_v2", "standardFSv2Family", 2, 4.0, 4, 6, 16),
    size("Standard_F4s_v2", "standardFSv2Family", 4, 8.0, 8, 6, 32),
    size("Standard_F8s_v2", "standardFSv2Family", 8, 16.0, 16, 6, 64),
    Size { architecture: "Arm64", ..size("Standard_D2ps_v5", "standardDPSv5Family", 2, 8.0, 4, 7, 0) },
    Size { architecture: "Arm64", ..size("Standard_D4ps_v5", "standardDPSv5Family", 4, 16.0, 8, 7, 0) },
    Size { zones: &["1", "2"], ..size("Standard_L8s_v3", "standardLSv3Family", 8, 64.0, 16, 8, 80) },
    Size {
        restricted: &["westeurope", "northeurope"],
        ..size("Standard_M128s", "standardMSFamily", 128, 2048.0, 64, 9, 4096)
    },
];

/// What cores of machines that can be taken away again are counted in.
pub const SPOT: &str = "lowPriorityCores";

/// The size of this name.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Size> {
    SIZES.iter().find(|size| size.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let all = SIZES.iter().map(|size| size.name).collect::<Vec<_>>().join(", ");
        Failure::bad("InvalidParameter", format!("The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {all}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regionservices.")).about("vmSize")
    })
}

/// Whether a region, and its zones, have machines of this size.
///
/// # Errors
/// When they have none.
pub fn available(size: &Size, place: &str, zones: &[Value]) -> Result<()> {
    let wrong_zone = zones.iter().map(|zone| text(zone, "")).find(|zone| !size.zones.contains(zone));
    if !size.restricted.contains(&place) && wrong_zone.is_none() {
        return Ok(());
    }
    Err(Failure::conflict(
        "SkuNotAvailable",
        format!(
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {}' is currently not available in location '{place}'. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details.",
            size.name
        ),
    ))
}

/// How many cores of a family, or in all, are used in a region, leaving out one machine.
fn used(cloud: &Cloud, place: &str, family: Option<&str>, except: &str) -> u64 {
    let machines = cloud.store.of_kind(&cloud.root(), "Microsoft.Compute/virtualMachines");
    machines
        .filter(|machine| machine.location() == place && machine.id.key() != except)
        .filter_map(|machine| {
            let size = find(text(&machine.value, "/properties/hardwareProfile/vmSize")).ok()?;
            let counted =
                if text(&machine.value, "/properties/priority") == "Spot" { SPOT } else { size.family };
            // What can be taken away again is counted by itself.
            let counts = family.map_or(counted != SPOT, |family| family == counted);
            counts.then_some(size.cores)
        })
        .sum()
}

/// Whether a machine's cores are within what the region gives.
///
/// # Errors
/// When they are not.
pub fn within_quota(cloud: &Cloud, place: &str, size: &Size, is_spot: bool, machine: &str) -> Result<()> {
    let limit = cloud.settings.cores;
    let kinds = if is_spot { vec![Some(SPOT)] } else { vec![Some(size.family), None] };
    for family in kinds {
        let current = used(cloud, place, family, machine);
        if current + size.cores > limit {
            let what = match family {
                Some(SPOT) => "LowPriorityCores".to_owned(),
                Some(family) => format!("{family} Cores"),
                None => "Total Regional Cores".to_owned(),
            };
            return Err(Failure::conflict("OperationNotAllowed", format!("Operation could not be completed as it results in exceeding approved {what} quota. Additional details - Deployment Model: Resource Manager, Location: {place}, Current Limit: {limit}, Current Usage: {current}, Additional Required: {}, (Minimum) New Limit Required: {}. Submit a request for Quota increase at https://aka.ms/ProdportalCRP/#blade/Microsoft_Azure_Capacity/UsageAndQuota.ReactView/Parameters/ by specifying parameters listed in the 'Details' section for deployment to succeed. Please read more about quota limits at https://docs.microsoft.com/en-us/azure/azure-supportability/per-vm-quota-requests", size.cores, current + size.cores))
                .because("QuotaExceeded", format!("{what}: {current} of {limit} are used.")));
        }
    }
    Ok(())
}

/// What is used of what a region gives.
#[must_use]
pub fn usages(cloud: &Cloud, place: &str) -> Vec<Value> {
    let one = |name: &str, called: &str, current: u64, limit: u64| json!({"unit": "Count", "currentValue": current, "limit": limit, "name": {"value": name, "localizedValue": called}});
    let count = |kind: &str| {
        cloud.store.of_kind(&cloud.root(), kind).filter(|resource| resource.location() == place).count()
            as u64
    };
    let limit = cloud.settings.cores;
    let mut all = vec![
        one("availabilitySets", "Availability Sets", count("Microsoft.Compute/availabilitySets"), 2500),
        one("cores", "Total Regional vCPUs", used(cloud, place, None, ""), limit),
        one("virtualMachines", "Virtual Machines", count("Microsoft.Compute/virtualMachines"), 25000),
        one(SPOT, "Total Regional Spot vCPUs", used(cloud, place, Some(SPOT), ""), limit),
    ];
    let mut families: Vec<&str> = SIZES.iter().map(|size| size.family).collect();
    families.dedup();
    for family in families {
        let called =
            format!("{family} vCPUs").replacen("standard", "Standard ", 1).replace("Family", " Family");
        all.push(one(family, &called, used(cloud, place, Some(family), ""), limit));
    }
    all
}

/// The list of SKUs: sizes in each region, with their capabilities, zones and restrictions.
#[must_use]
pub fn skus(only: Option<&str>) -> Vec<Value> {
    let mut all = Vec::new();
    for (place, _, zoned) in LOCATIONS.iter().filter(|(place, ..)| only.is_none_or(|only| only == *place)) {
        for size in SIZES {
            let (tier, rest) = size.name.split_once('_').unwrap_or(("Standard", size.name));
            let zones: &[&str] = if *zoned { size.zones } else { &[] };
            let capability = |name: &str, value: String| json!({"name": name, "value": value});
            let mut sku = json!({
                "resourceType": "virtualMachines", "name": size.name, "tier": tier, "size": rest, "family": size.family,
                "locations": [place],
                "locationInfo": [{"location": place, "zones": zones, "zoneDetails": []}],
                "capabilities": [
                    capability("MaxResourceVolumeMB", (size.temporary * 1024).to_string()), capability("OSVhdSizeMB", "1047552".to_owned()),
                    capability("vCPUs", size.cores.to_string()), capability("vCPUsAvailable", size.cores.to_string()),
                    capability("MemoryGB", size.memory.to_string()), capability("MaxDataDiskCount", size.data_disks.to_string()),
                    capability("CpuArchitectureType", size.architecture.to_owned()), capability("HyperVGenerations", "V1,V2".to_owned()),
                    capability("LowPriorityCapable", (!size.name.contains("_B")).to_string()), capability("PremiumIO", "True".to_owned()),
                    capability("AcceleratedNetworkingEnabled", "True".to_owned()), capability("EncryptionAtHostSupported", "True".to_owned()),
                ],
                "restrictions": [],
            });
            if size.restricted.contains(place) {
                sku["restrictions"] = json!([{
                    "type": "Location", "values": [place], "reasonCode": "NotAvailableForSubscription",
                    "restrictionInfo": {"locations": [place]},
                }]);
            }
            all.push(sku);
        }
        for kind in ["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"] {
            all.push(json!({"resourceType": "disks", "name": kind, "locations": [place], "restrictions": [], "capabilities": [],
                "locationInfo": [{"location": place, "zones": if *zoned { ALL_ZONES } else { &[] }}]}));
        }
    }
    all
}

/// Sizes as the older list has them.
#[must_use]
pub fn listed(size: &Size) -> Value {
    json!({"name": size.name, "numberOfCores": size.cores, "osDiskSizeInMB": 1_047_552, "resourceDiskSizeInMB": size.temporary * 1024,
        "memoryInMB": (size.memory * 1024.0) as u64, "maxDataDiskCount": size.data_disks})
}
