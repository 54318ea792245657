//! Memory and swap.

use std::collections::HashMap;

use serde_json::json;

use super::collectors::{Gathered, Host};

/// `memtotal_mb`, `memfree_mb`, `swaptotal_mb`, `swapfree_mb`, `memory_mb`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let text = host.files.text("/proc/meminfo").unwrap_or_default();
    let sizes: HashMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let kilobytes: u64 = value.split_whitespace().next()?.parse().ok()?;
            Some((name, kilobytes / 1024))
        })
        .collect();
    let Some(total) = sizes.get("MemTotal").copied() else { return };
    let size = |name: &str| sizes.get(name).copied().unwrap_or(0);
    let free = size("MemFree");
    let (swap, swap_free) = (size("SwapTotal"), size("SwapFree"));
    gathered.set("memtotal_mb", total);
    gathered.set("memfree_mb", free);
    gathered.set("swaptotal_mb", swap);
    gathered.set("swapfree_mb", swap_free);
    let reclaimable = free + size("Cached") + size("Buffers");
    gathered.set(
        "memory_mb",
        json!({
            "real": {"total": total, "used": total.saturating_sub(free), "free": free},
            "nocache": {"free": reclaimable, "used": total.saturating_sub(reclaimable)},
            "swap": {"total": swap, "used": swap.saturating_sub(swap_free), "free": swap_free, "cached": size("SwapCached")},
        }),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn sizes_are_whole_megabytes() {
        let text = "MemTotal:        2048500 kB\nMemFree:          512000 kB\nBuffers:           10240 kB\n\
            Cached:           102400 kB\nSwapCached:            0 kB\nSwapTotal:       1048576 kB\nSwapFree:        1047552 kB\n";
        let facts = facts_of(&[("/proc/meminfo", text)], collect);
        assert_eq!((&facts["memtotal_mb"], &facts["swapfree_mb"]), (&2000.into(), &1023.into()));
        assert_eq!(
            facts["memory_mb"],
            json!({"real": {"total": 2000, "used": 1500, "free": 500}, "nocache": {"free": 610, "used": 1390},
                "swap": {"total": 1024, "used": 1, "free": 1023, "cached": 0}})
        );
    }
}
