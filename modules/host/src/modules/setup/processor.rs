//! Processors.

use std::collections::BTreeMap;

use super::collectors::{Gathered, Host};

/// `processor`, `processor_count` and the like, and the `flags` of the first.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let text = host.files.text("/proc/cpuinfo").unwrap_or_default();
    let mut described: Vec<&str> = Vec::new();
    let mut flags: Option<Vec<&str>> = None;
    // Cores by socket, and threads by socket and core.
    let mut sockets: BTreeMap<&str, u32> = BTreeMap::new();
    let mut siblings = 0;
    let mut logical = 0;
    let mut socket = "";
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim() {
            "processor" => {
                logical += 1;
                described.push(value);
            }
            "model name" | "Processor" | "vendor_id" | "cpu" | "Vendor" => described.push(value),
            "physical id" => socket = value,
            "cpu cores" => drop(sockets.insert(socket, value.parse().unwrap_or(1))),
            "siblings" => siblings = value.parse().unwrap_or(1),
            "flags" | "Features" if flags.is_none() => flags = Some(value.split_whitespace().collect()),
            _ => {}
        }
    }
    let count = if sockets.is_empty() { logical } else { u32::try_from(sockets.len()).unwrap_or(1) };
    let cores = sockets.values().next().copied().unwrap_or(1).max(1);
    let threads = if sockets.is_empty() { 1 } else { (siblings / cores).max(1) };
    gathered.set("processor", described);
    gathered.set("processor_count", count);
    gathered.set("processor_cores", cores);
    gathered.set("processor_threads_per_core", threads);
    gathered.set("processor_vcpus", count * cores * threads);
    gathered.set("processor_nproc", permitted(host).unwrap_or(logical));
    if let Some(flags) = flags {
        gathered.set("flags", flags);
    }
}

/// How many processors this process may run on: `0-3,8`.
fn permitted(host: &Host<'_>) -> Option<u32> {
    let status = host.files.text("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim()
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
            last.checked_sub(first).map(|more| more + 1)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    fn numbers(text: &str) -> [u64; 5] {
        let status = ("/proc/self/status", "Cpus_allowed_list:\t0-1,3\n");
        let facts = facts_of(&[("/proc/cpuinfo", text), status], collect);
        ["count", "cores", "threads_per_core", "vcpus", "nproc"]
            .map(|name| facts[&format!("processor_{name}")].as_u64().unwrap())
    }

    #[test]
    fn threads_cores_and_sockets_are_counted() {
        let one = |processor: u32, socket: u32, core: u32| {
            format!(
                "processor\t: {processor}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel X\nphysical id\t: {socket}\n\
                 siblings\t: 4\ncore id\t\t: {core}\ncpu cores\t: 2\nflags\t\t: fpu vme\n\n"
            )
        };
        let text: String = (0..8).map(|processor| one(processor, processor / 4, processor % 2)).collect();
        assert_eq!(numbers(&text), [2, 2, 2, 8, 3]);
        let facts = facts_of(&[("/proc/cpuinfo", &one(0, 0, 0))], collect);
        assert_eq!(facts["processor"], json!(["0", "GenuineIntel", "Intel X"]));
        assert_eq!(facts["flags"], json!(["fpu", "vme"]));
    }

    #[test]
    fn arm_tells_no_sockets() {
        let text = "processor\t: 0\nBogoMIPS\t: 50\nFeatures\t: fp asimd\n\nprocessor\t: 1\nBogoMIPS\t: 50\n";
        assert_eq!(numbers(text), [2, 1, 1, 2, 3]);
    }
}
