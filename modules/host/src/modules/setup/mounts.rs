//! Mounted file systems that are on something.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rustix::fs::StatVfs;
use serde_json::{Map, Value, json};

use super::collectors::{Gathered, Host};
use super::devices::Links;
use crate::system::mounts::{self, unescape};

/// `mounts`.
pub(super) fn collect(host: &Host<'_>, gathered: &mut Gathered) {
    let table = host.files.text("/proc/self/mounts").unwrap_or_default();
    let information = host.files.text("/proc/self/mountinfo").unwrap_or_default();
    let shown: BTreeMap<PathBuf, String> =
        mounts::parse(&information).into_iter().map(|mounted| (mounted.point, mounted.part)).collect();
    let links = Links::read(&host.files);
    let mut found = Vec::new();
    let mut waiting = Vec::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [device, mount, kind, options, dump, pass] = words.as_slice() else { continue };
        let (device, mount) = (unescape(device), unescape(mount));
        let on_something = device.starts_with('/') || device.starts_with('\\') || device.contains(":/");
        if !on_something || *kind == "none" {
            continue;
        }
        let mut options = (*options).to_owned();
        if shown.get(Path::new(&mount)).is_some_and(|part| part != "/")
            && !options.split(',').any(|option| option == "bind")
        {
            options.push_str(",bind");
        }
        let name = std::fs::canonicalize(&device).unwrap_or_else(|_| PathBuf::from(&device));
        let name = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let uuid = links.uuids.get(&name).and_then(|uuids| uuids.first()).map_or("N/A", String::as_str);
        let number = |text: &str| text.parse::<u32>().unwrap_or(0);
        waiting.push(measure(host.files.path(&mount)));
        let described = json!({
            "mount": mount, "device": device, "fstype": kind, "options": options, "dump": number(dump),
            "passno": number(pass), "uuid": uuid,
        });
        found.push(described);
    }
    // A server that is gone may keep its mount's answer back for ever.
    let deadline = std::time::Instant::now() + host.patience;
    for (mount, answer) in found.iter_mut().zip(waiting) {
        let Value::Object(mount) = mount else { continue };
        match answer.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())) {
            Ok(Ok(measured)) => mount.extend(sizes(&measured)),
            Ok(Err(_)) => drop(mount.insert("note".to_owned(), "Could not get extra information.".into())),
            Err(_) => {
                let note = "Timed out while attempting to get extra information.";
                drop(mount.insert("note".to_owned(), note.into()));
            }
        }
    }
    gathered.set("mounts", found);
}

/// Asks for the sizes of a file system without waiting.
fn measure(path: PathBuf) -> mpsc::Receiver<rustix::io::Result<StatVfs>> {
    let (sender, receiver) = mpsc::channel();
    // Nobody waits any more when it takes too long.
    std::thread::spawn(move || drop(sender.send(rustix::fs::statvfs(&path))));
    receiver
}

fn sizes(found: &StatVfs) -> Map<String, Value> {
    let pairs = [
        ("size_total", found.f_frsize * found.f_blocks),
        ("size_available", found.f_frsize * found.f_bavail),
        ("block_size", found.f_bsize),
        ("block_total", found.f_blocks),
        ("block_available", found.f_bavail),
        ("block_used", found.f_blocks.saturating_sub(found.f_bavail)),
        ("inode_total", found.f_files),
        ("inode_available", found.f_favail),
        ("inode_used", found.f_files.saturating_sub(found.f_favail)),
    ];
    pairs.into_iter().map(|(name, size)| (name.to_owned(), Value::from(size))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::collect;
    use crate::modules::setup::files::tests::facts_of;

    #[test]
    fn only_mounts_of_something_are_told() {
        let table = "proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw,relatime 0 1\ntmpfs /run tmpfs rw 0 0\n\
            nas:/export /mnt/my\\040data nfs4 rw 0 0\n/dev/sda1 /srv ext4 rw 0 0\n";
        let information =
            "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 8:1 /data /srv rw - ext4 /dev/sda1 rw\n";
        let facts = facts_of(
            &[("/proc/self/mounts", table), ("/proc/self/mountinfo", information), ("/srv/x", "")],
            collect,
        );
        let mounts = facts["mounts"].as_array().unwrap();
        let told: Vec<_> = mounts
            .iter()
            .map(|mount| [mount["mount"].clone(), mount["options"].clone(), mount["passno"].clone()])
            .collect();
        assert_eq!(
            told,
            [
                [json!("/"), json!("rw,relatime"), json!(1)],
                [json!("/mnt/my data"), json!("rw"), json!(0)],
                [json!("/srv"), json!("rw,bind"), json!(0)],
            ]
        );
        assert!(mounts[0]["size_total"].as_u64().unwrap() > 0);
        assert_eq!(mounts[1]["note"], "Could not get extra information.");
    }
}
