//! What the firmware tells of the machine.

use super::collectors::{Gathered, Host};

const FACTS: &[(&str, &str)] = &[
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

/// Kinds of chassis by their number in the SMBIOS specification.
const FORM_FACTORS: &[&str] = &[
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

/// `bios_…`, `board_…`, `chassis_…`, `product_…`, `system_vendor`, `form_factor`; `NA` for what is not told, or not
/// to this user.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let word = |file: &str| host.files.word(format!("/sys/devices/virtual/dmi/id/{file}"));
    for (fact, file) in FACTS {
        gathered.set(fact, word(file).unwrap_or_else(|| "NA".to_owned()));
    }
    let kind = word("chassis_type").and_then(|number| number.parse::<usize>().ok());
    gathered
        .set("form_factor", kind.map_or("NA", |kind| FORM_FACTORS.get(kind).copied().unwrap_or("Unknown")));
}

#[cfg(test)]
mod tests {
    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn what_is_not_told_is_na() {
        let folder = "/sys/devices/virtual/dmi/id";
        let facts = facts_of(
            &[
                (&format!("{folder}/product_name"), "Virtual Machine\n"),
                (&format!("{folder}/sys_vendor"), "Microsoft Corporation\n"),
                (&format!("{folder}/chassis_type"), "3\n"),
            ],
            collect,
        );
        assert_eq!(
            (&facts["product_name"], &facts["form_factor"]),
            (&"Virtual Machine".into(), &"Desktop".into())
        );
        assert_eq!(
            (&facts["system_vendor"], &facts["bios_date"]),
            (&"Microsoft Corporation".into(), &"NA".into())
        );
    }
}
