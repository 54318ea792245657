//! Tables of mounts: `/etc/fstab` and `/proc/self/mounts` write them alike.

use std::path::{Path, PathBuf};

use super::file;
use crate::ModuleError;

/// A mounted file system.
#[derive(Clone, Debug, PartialEq)]
pub struct Mounted {
    /// Which part of the file system is shown; `/` is all of it.
    pub part: String,
    /// Where it is shown.
    pub point: PathBuf,
    /// What it is on: a device, a server's folder, or just a name.
    pub source: String,
    /// The kind of file system.
    pub kind: String,
}

/// All that is mounted, as this process sees it; of several at one point, the last covers the others.
///
/// # Errors
/// When the kernel does not tell.
pub fn mounted() -> Result<Vec<Mounted>, ModuleError> {
    let table = Path::new("/proc/self/mountinfo");
    let Some(bytes) = file::read(table)? else {
        return Err(ModuleError::new(format!("there is no {}: is /proc mounted?", table.display())));
    };
    Ok(parse(&String::from_utf8_lossy(&bytes)))
}

/// Reads lines as in `/proc/self/mountinfo`: the fields after the fifth are of any number, up to a dash.
pub fn parse(table: &str) -> Vec<Mounted> {
    let line = |line: &str| {
        let (place, what) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (part, point) = (place.next()?, place.next()?);
        let mut what = what.split(' ');
        let (kind, source) = (what.next()?, what.next()?);
        Some(Mounted {
            part: unescape(part),
            point: unescape(point).into(),
            source: unescape(source),
            kind: kind.to_owned(),
        })
    };
    table.lines().filter_map(line).collect()
}

/// A field of such a table as the text it stands for: `\040` is a space.
pub fn unescape(field: &str) -> String {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, after @ ..] = rest {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, after) {
            text.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
        } else {
            text.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A text as a field of such a table.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_spaces() {
        assert_eq!(unescape("/mnt/my\\040data"), "/mnt/my data");
        assert_eq!(unescape("a\\09\\134"), "a\\09\\");
        for text in ["/mnt/a b\tc", "back\\slash", "/ü"] {
            assert_eq!(unescape(&escape(text)), text);
        }
    }

    #[test]
    fn mounts_are_read() {
        let table =
            "22 21 8:1 /data /srv/a\\040b rw,relatime shared:1 master:2 - ext4 /dev/sda1 rw\nnonsense\n";
        let expected = Mounted {
            part: "/data".to_owned(),
            point: "/srv/a b".into(),
            source: "/dev/sda1".to_owned(),
            kind: "ext4".to_owned(),
        };
        assert_eq!(parse(table), [expected]);
        assert!(mounted().unwrap().iter().any(|mounted| mounted.point == Path::new("/")));
    }
}
