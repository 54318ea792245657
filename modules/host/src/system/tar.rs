//! The host's GNU tar, and its list of an archive.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::system::clock;
use crate::system::command::Command;
use crate::{Context, ModuleError};

/// The host's GNU tar.
///
/// # Errors
/// When there is none.
pub fn program(context: &Context) -> Result<PathBuf, ModuleError> {
    let found = ["gtar", "tar"]
        .into_iter()
        .find_map(|name| context.find_program(name))
        .ok_or_else(|| ModuleError::new("this host has no tar: install the package tar"))?;
    let version = context.tool(&found).argument("--version").run()?;
    if version.out().contains("GNU tar") {
        return Ok(found);
    }
    Err(ModuleError::new(format!(
        "{} is not GNU tar, which archives need: install the package tar",
        found.display()
    )))
}

/// GNU tar with a mode (`--list` and the like), whatever its user usually wants of it, and with names of archives that have
/// a colon taken for files of this host.
pub fn command(program: &Path, mode: &str, context: &Context) -> Command {
    context.tool(program).environment("TAR_OPTIONS", "").arguments([mode, "--force-local"])
}

/// How tar is to list an archive so that [`Listed`] can read it.
pub const LIST_OPTIONS: [&str; 4] = ["--verbose", "--utc", "--full-time", "--quoting-style=escape"];

/// A line of tar's list: `-rw-r--r-- root/root 6 2024-01-02 03:04:05 name`.
#[derive(Debug, PartialEq)]
pub struct Listed {
    /// The first letter: `-` for a file, `d` for a folder.
    pub kind: u8,
    /// Permissions.
    pub mode: u32,
    /// User, by name or number.
    pub owner: String,
    /// Group.
    pub group: String,
    /// Length.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: Option<i64>,
    /// Name; a folder's ends in a slash.
    pub name: OsString,
    /// Where a link leads to.
    pub target: Option<OsString>,
}

impl Listed {
    /// Reads a line; `None` when it is something else. `width` is that of the widest time so far: narrower ones are filled up to it.
    pub fn read(line: &[u8], width: &mut usize) -> Option<Self> {
        let (permissions, rest) = word(line)?;
        let (ids, mut rest) = word(rest)?;
        let mut ids = String::from_utf8_lossy(ids).into_owned();
        // Names of users may have spaces in them: the size is what comes before a date.
        let (size, modified, name) = loop {
            let (size, after) = word(rest)?;
            let (date, after_date) = word(after)?;
            let (time, after_time) = word(after_date)?;
            if let Some(moment) = moment(date, time) {
                *width = time.len().max(*width);
                break (size, moment, after_time.get(*width - time.len() + 1..).unwrap_or_default());
            }
            ids = format!("{ids} {}", String::from_utf8_lossy(size));
            rest = after;
        };
        let (owner, group) = ids.split_once('/')?;
        let kind = *permissions.first()?;
        let separator: &[u8] = match kind {
            b'l' => b" -> ",
            b'h' => b" link to ",
            _ => b"",
        };
        let at = name.windows(separator.len().max(1)).position(|part| part == separator);
        let (name, target) = match at {
            Some(at) => (&name[..at], Some(unescaped(&name[at + separator.len()..]))),
            None => (name, None),
        };
        Some(Self {
            kind,
            mode: mode(permissions),
            owner: owner.to_owned(),
            group: group.to_owned(),
            // Devices have two numbers instead.
            size: std::str::from_utf8(size).ok()?.parse().unwrap_or(0),
            modified: Some(modified),
            name: unescaped(name),
            target,
        })
    }
}

/// The first word of a text, and the rest.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = text.iter().position(|byte| *byte != b' ')?;
    let text = &text[start..];
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    Some(text.split_at(end))
}

/// Seconds since 1970 of `2024-01-02` and `03:04:05` in Greenwich.
fn moment(date: &[u8], time: &[u8]) -> Option<i64> {
    let numbers = |text: &[u8], separator: char| -> Option<(u32, u32, u32)> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parts = text.split('.').next()?.split(separator).map(|part| part.parse().ok());
        let numbers = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(numbers)
    };
    let (year, month, day) = numbers(date, '-')?;
    Some(clock::from_utc((i64::from(year), month, day), numbers(time, ':')?))
}

/// The permissions that `rwxr-sr-t` means.
fn mode(permissions: &[u8]) -> u32 {
    let mut mode = 0;
    for (at, letter) in permissions.iter().skip(1).take(9).enumerate() {
        let bit = 0o400 >> at;
        let special = 0o4000 >> (at / 3);
        match letter {
            b'r' | b'w' | b'x' => mode |= bit,
            b's' | b't' => mode |= bit | special,
            b'S' | b'T' => mode |= special,
            _ => {}
        }
    }
    mode
}

/// A name as tar escapes it: `\n`, `\\`, `\303\274`.
pub fn unescaped(text: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let digits = after.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
        if digits > 0 {
            bytes
                .push(after[..digits].iter().fold(0_u8, |byte, digit| byte.wrapping_mul(8) | (digit - b'0')));
            rest = &after[digits..];
        } else if let [escape, after @ ..] = after {
            bytes.push(match escape {
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            });
            rest = after;
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list_are_read() {
        let line = |text: &str| Listed::read(text.as_bytes(), &mut 0).unwrap();
        let plain = line("-rwsr-xr-T root/ops group      16 1970-01-02 00:00:01.5 a  b\\n\\303\\274");
        assert_eq!((plain.kind, plain.mode, plain.size), (b'-', 0o5754, 16));
        assert_eq!((plain.owner.as_str(), plain.group.as_str()), ("root", "ops group"));
        assert_eq!((plain.modified, plain.name.to_str()), (Some(86_401), Some("a  b\nü")));
        let link = line("lrwxrwxrwx 0/0               0 2024-01-02 03:04:05 dir/link -> ../a b");
        assert_eq!((link.name.to_str(), link.target.as_deref()), (Some("dir/link"), Some("../a b".as_ref())));
        let hard = line("hrw-r--r-- 0/0 0 2024-01-02 03:04:05 b link to dir/a");
        assert_eq!((hard.name.to_str(), hard.target.as_deref()), (Some("b"), Some("dir/a".as_ref())));
        assert_eq!(line("crw-r--r-- root/root 1,3 2024-01-02 03:04:05 null").size, 0);
        // What `--strip-components` leaves of the top folder.
        assert_eq!(line("drwxr-xr-x root/root 0 2024-01-02 03:04:05 ").name, "");
        assert_eq!(Listed::read(b"", &mut 0), None);
        let mut width = 0;
        let padded = [
            "drwxr-xr-x 0/0 0 2024-01-02 03:04:05.123456789 dir/",
            "-rw-r--r-- 0/0 0 2024-01-02 03:04:05             a",
        ]
        .map(|line| Listed::read(line.as_bytes(), &mut width).unwrap());
        assert_eq!((padded[0].name.to_str(), padded[1].name.to_str()), (Some("dir/"), Some("  a")));
    }
}
