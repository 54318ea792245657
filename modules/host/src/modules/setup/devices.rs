//! Block devices, their partitions, and the names they also go by.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::collectors::{Gathered, Host};
use super::files::Files;

/// Names of devices by kind of name: device → names.
type Names = BTreeMap<String, Vec<String>>;

/// How many bytes `/sys` counts as a sector, whatever the device says.
const SECTOR: u64 = 512;

/// Other names of block devices.
pub(super) struct Links {
    ids: Names,
    labels: Names,
    masters: Names,
    pub(super) uuids: Names,
}

impl Links {
    /// Reads those that udev made, and which devices are part of which.
    pub(super) fn read(files: &Files) -> Self {
        let by = |kind: &str| {
            let folder = format!("/dev/disk/{kind}");
            let mut names = Names::new();
            for name in files.names(&folder) {
                if let Some(device) = files.link_name(format!("{folder}/{name}")) {
                    names.entry(device).or_default().push(name);
                }
            }
            names
        };
        let mut masters = Names::new();
        for master in files.names("/sys/block") {
            for part in files.names(format!("/sys/block/{master}/slaves")) {
                masters.entry(part).or_default().push(master.clone());
            }
        }
        Self { ids: by("by-id"), labels: by("by-label"), masters, uuids: by("by-uuid") }
    }

    fn of(&self, device: &str) -> Value {
        let names = |kind: &Names| kind.get(device).cloned().unwrap_or_default();
        json!({
            "ids": names(&self.ids), "labels": names(&self.labels), "masters": names(&self.masters),
            "uuids": names(&self.uuids),
        })
    }

    fn all(&self) -> Value {
        json!({"ids": self.ids, "labels": self.labels, "masters": self.masters, "uuids": self.uuids})
    }
}

/// `devices` and `device_links`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let links = Links::read(&host.files);
    let names = host.files.names("/sys/block");
    let devices: Map<String, Value> =
        names.into_iter().map(|name| (name.clone(), device(&host.files, &name, &links))).collect();
    gathered.set("devices", devices);
    gathered.set("device_links", links.all());
}

fn device(files: &Files, name: &str, links: &Links) -> Value {
    let folder = format!("/sys/block/{name}");
    let word = |file: &str| files.word(format!("{folder}/{file}"));
    let sectors = word("size").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
    let partitions: Map<String, Value> = files
        .names(&folder)
        .into_iter()
        .filter(|part| part.starts_with(name) && files.exists(format!("{folder}/{part}/partition")))
        .map(|part| (part.clone(), partition(files, &format!("{folder}/{part}"), &part, links)))
        .collect();
    let scheduler = word("queue/scheduler").unwrap_or_default();
    let scheduler =
        scheduler.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(mode, _)| mode);
    json!({
        "virtual": 1,
        "links": links.of(name),
        "vendor": word("device/vendor"),
        "model": word("device/model"),
        "sas_address": word("device/sas_address"),
        "sas_device_handle": word("device/sas_device_handle"),
        "removable": word("removable"),
        "support_discard": word("queue/discard_granularity"),
        "partitions": partitions,
        "rotational": word("queue/rotational"),
        "scheduler_mode": scheduler,
        "sectors": sectors,
        "sectorsize": word("queue/logical_block_size").unwrap_or_else(|| SECTOR.to_string()),
        "size": human(sectors * SECTOR),
        "host": "",
        "holders": holders(files, &folder),
    })
}

fn partition(files: &Files, folder: &str, name: &str, links: &Links) -> Value {
    let word = |file: &str| files.word(format!("{folder}/{file}"));
    let sectors = word("size").and_then(|size| size.parse::<u64>().ok()).unwrap_or(0);
    json!({
        "links": links.of(name),
        "start": word("start"),
        "sectors": sectors,
        "sectorsize": SECTOR,
        "size": human(sectors * SECTOR),
        "uuid": links.uuids.get(name).and_then(|uuids| uuids.first()),
        "holders": holders(files, folder),
    })
}

/// What is built on a device; mapped devices by the name they were given.
fn holders(files: &Files, folder: &str) -> Vec<String> {
    let names = files.names(format!("{folder}/holders")).into_iter();
    names.map(|holder| files.word(format!("/sys/block/{holder}/dm/name")).unwrap_or(holder)).collect()
}

/// A size with two decimals in the largest unit that it is one of.
fn human(bytes: u64) -> String {
    const UNITS: [(&str, u32); 6] = [("EB", 60), ("PB", 50), ("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)];
    match UNITS.iter().find(|(_, shift)| bytes >> shift > 0) {
        // Two decimals, rounded to the nearest, without floating point.
        Some((unit, shift)) => {
            let hundredths = (u128::from(bytes) * 100 + (1u128 << (shift - 1))) >> shift;
            format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100)
        }
        None => format!("{bytes}.00 Bytes"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;

    use super::*;
    use crate::modules::setup::files::tests::tree;

    #[test]
    fn partitions_and_what_is_built_on_them_are_told() {
        let (_folder, files) = tree(&[
            ("/sys/block/sda/size", "41943040\n"),
            ("/sys/block/sda/removable", "0\n"),
            ("/sys/block/sda/device/model", "Virtual Disk    \n"),
            ("/sys/block/sda/queue/scheduler", "none [mq-deadline]\n"),
            ("/sys/block/sda/queue/logical_block_size", "512\n"),
            ("/sys/block/sda/sda1/partition", "1\n"),
            ("/sys/block/sda/sda1/start", "2048\n"),
            ("/sys/block/sda/sda1/size", "204800\n"),
            ("/sys/block/sda/sda1/holders/dm-0/x", ""),
            ("/sys/block/dm-0/dm/name", "vg-root\n"),
            ("/sys/block/dm-0/slaves/sda1/x", ""),
            ("/dev/disk/by-uuid/x", ""),
        ]);
        symlink("../../sda1", files.path("/dev/disk/by-uuid/ab-cd")).unwrap();
        let links = Links::read(&files);
        let sda = device(&files, "sda", &links);
        assert_eq!(
            (&sda["model"], &sda["size"], &sda["scheduler_mode"], &sda["vendor"]),
            (&json!("Virtual Disk"), &json!("20.00 GB"), &json!("mq-deadline"), &json!(null))
        );
        assert_eq!(
            sda["partitions"],
            json!({"sda1": {"links": {"ids": [], "labels": [], "masters": ["dm-0"], "uuids": ["ab-cd"]},
                "start": "2048", "sectors": 204_800, "sectorsize": 512, "size": "100.00 MB", "uuid": "ab-cd",
                "holders": ["vg-root"]}})
        );
    }

    #[test]
    fn sizes_are_rounded() {
        for (bytes, text) in [
            (0, "0.00 Bytes"),
            (1000, "1000.00 Bytes"),
            (1024, "1.00 KB"),
            (1_073_741_823, "1024.00 MB"),
            (274_877_906_944, "256.00 GB"),
            (1_627_389_952, "1.52 GB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
