//! Lines of `/etc/fstab`.

use crate::system::mounts::{escape, unescape};

/// What a line says, fields as they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) source: String,
    pub(super) point: String,
    pub(super) kind: String,
    pub(super) options: String,
    pub(super) dump: String,
    pub(super) pass: String,
}

impl Entry {
    fn read(line: &str) -> Option<Self> {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace().map(unescape);
        Some(Self {
            source: words.next()?,
            point: words.next()?,
            kind: words.next()?,
            options: words.next().unwrap_or_else(|| "defaults".to_owned()),
            dump: words.next().unwrap_or_else(|| "0".to_owned()),
            pass: words.next().unwrap_or_else(|| "0".to_owned()),
        })
    }

    fn line(&self) -> String {
        let fields = [&self.source, &self.point, &self.kind, &self.options, &self.dump, &self.pass];
        fields.map(|field| escape(field)).join(" ") + "\n"
    }

    /// Whether a line is about the same thing: the same mount point, or for swap, which has none, the same device.
    fn is_about(&self, point: &str, swap: Option<&str>) -> bool {
        match swap {
            Some(source) => self.kind == "swap" && self.source == source,
            None => same_path(&self.point, point),
        }
    }
}

fn same_path(one: &str, other: &str) -> bool {
    let bare = |path: &str| path.trim_end_matches('/').to_owned();
    bare(one) == bare(other)
}

/// The table with an entry in place of the first about the same thing, and without more of those.
pub(super) fn with_entry(table: &str, entry: &Entry) -> String {
    let swap = (entry.kind == "swap").then_some(entry.source.as_str());
    let mut text = String::new();
    let mut placed = false;
    for line in table.split_inclusive('\n') {
        match Entry::read(line).filter(|found| found.is_about(&entry.point, swap)) {
            // A line that says the same stays as it is, with its spacing.
            Some(found) if !placed && found == *entry => text.push_str(line),
            Some(_) if !placed => text.push_str(&entry.line()),
            Some(_) => {}
            None => text.push_str(line),
        }
        placed |= Entry::read(line).is_some_and(|found| found.is_about(&entry.point, swap));
    }
    if !placed {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&entry.line());
    }
    text
}

/// The table without the entries about something.
pub(super) fn without(table: &str, point: &str, swap: Option<&str>) -> String {
    let is_other = |line: &&str| !Entry::read(line).is_some_and(|found| found.is_about(point, swap));
    table.split_inclusive('\n').filter(is_other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "# devices\n/dev/sda1  /  ext4 defaults 0 1\n/dev/sda2\tnone swap sw\nnas:/a /mnt/a\\040b nfs ro 0 0";

    fn entry(source: &str, point: &str, kind: &str, options: &str) -> Entry {
        let own = str::to_owned;
        Entry {
            source: own(source),
            point: own(point),
            kind: own(kind),
            options: own(options),
            dump: own("0"),
            pass: own("0"),
        }
    }

    #[test]
    fn an_entry_replaces_the_one_of_its_mount_point() {
        let changed = with_entry(TABLE, &entry("nas:/b", "/mnt/a b/", "nfs", "ro"));
        assert_eq!(
            changed,
            TABLE.replace("nas:/a /mnt/a\\040b nfs ro 0 0", "nas:/b /mnt/a\\040b/ nfs ro 0 0\n")
        );
        let added = with_entry(TABLE, &entry("tmpfs", "/tmp", "tmpfs", "size=1m"));
        assert_eq!(added, format!("{TABLE}\ntmpfs /tmp tmpfs size=1m 0 0\n"));
        assert_eq!(with_entry(&added, &entry("tmpfs", "/tmp", "tmpfs", "size=1m")), added);
        let twice = format!("{added}x /tmp ext4 ro 0 0\n");
        assert_eq!(with_entry(&twice, &entry("tmpfs", "/tmp", "tmpfs", "size=1m")), added);
    }

    #[test]
    fn swap_goes_by_its_device() {
        assert_eq!(with_entry(TABLE, &entry("/dev/sda2", "none", "swap", "sw")), TABLE);
        assert!(with_entry(TABLE, &entry("/swapfile", "none", "swap", "sw")).contains("/dev/sda2"));
        assert!(!without(TABLE, "none", Some("/dev/sda2")).contains("swap"));
    }

    #[test]
    fn other_lines_stay() {
        assert_eq!(without(TABLE, "/mnt/a b", None), TABLE.replace("nas:/a /mnt/a\\040b nfs ro 0 0", ""));
        assert_eq!(without(TABLE, "/nowhere", None), TABLE);
    }
}
