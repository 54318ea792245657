//! What `stat` and `find` tell of a path.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{attributes, mode};
use crate::Context;

/// Kind, permissions, owners, size, links and times of a path, under the names playbooks read.
pub fn status(path: &Path, metadata: &Metadata, context: &Context) -> Map<String, Value> {
    let kind = metadata.file_type();
    let bits = metadata.mode();
    let (owner, group) = attributes::names_of(metadata, context);
    let set = |bit: u32| bits & bit != 0;
    let Value::Object(facts) = json!({
        "path": path.to_string_lossy(),
        "mode": mode::octal(bits),
        "isdir": kind.is_dir(),
        "ischr": kind.is_char_device(),
        "isblk": kind.is_block_device(),
        "isreg": kind.is_file(),
        "isfifo": kind.is_fifo(),
        "islnk": kind.is_symlink(),
        "issock": kind.is_socket(),
        "uid": metadata.uid(),
        "gid": metadata.gid(),
        "size": metadata.size(),
        "inode": metadata.ino(),
        "dev": metadata.dev(),
        "nlink": metadata.nlink(),
        "atime": seconds(metadata.atime(), metadata.atime_nsec()),
        "mtime": seconds(metadata.mtime(), metadata.mtime_nsec()),
        "ctime": seconds(metadata.ctime(), metadata.ctime_nsec()),
        "pw_name": owner,
        "gr_name": group,
        "rusr": set(0o400),
        "wusr": set(0o200),
        "xusr": set(0o100),
        "rgrp": set(0o040),
        "wgrp": set(0o020),
        "xgrp": set(0o010),
        "roth": set(0o004),
        "woth": set(0o002),
        "xoth": set(0o001),
        "isuid": set(0o4000),
        "isgid": set(0o2000),
    }) else {
        return Map::new();
    };
    facts
}

/// A time as seconds with a fraction.
pub fn seconds(whole: i64, nanoseconds: i64) -> f64 {
    whole as f64 + nanoseconds as f64 / 1e9
}
