//! Access and modification times of `file`.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use crate::ModuleError;
use crate::module::Doing as _;
use crate::system::attributes::AttributeChange;
use crate::system::{clock, status};

/// What a time should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Time {
    Preserve,
    Now,
    At(i64),
}

impl Time {
    /// Reads `preserve`, `now`, or a time in a format.
    pub(super) fn read(text: Option<&str>, format: &str, unset: Self) -> Result<Self, ModuleError> {
        match text {
            None => Ok(unset),
            Some("preserve") => Ok(Self::Preserve),
            Some("" | "now") => Ok(Self::Now),
            Some(text) => clock::parse_local(text, format)
                .map(Self::At)
                .map_err(|reason| ModuleError::new(format!("time `{text}` is not as `{format}`: {reason}"))),
        }
    }

    fn resolve(self, current: Timespec) -> Timespec {
        match self {
            Self::Preserve => current,
            Self::At(seconds) => Timespec { tv_sec: seconds, tv_nsec: 0 },
            Self::Now => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timespec {
                    tv_sec: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
                    tv_nsec: i64::from(now.subsec_nanos()),
                }
            }
        }
    }
}

/// The times a task asks for.
pub(super) struct Times {
    pub(super) access: Time,
    pub(super) modification: Time,
}

impl Times {
    /// Gives a path these times, or in check mode only says what would change.
    pub(super) fn apply(
        &self,
        path: &Path,
        metadata: &Metadata,
        follow: bool,
        check: bool,
    ) -> Result<AttributeChange, ModuleError> {
        let mut change = AttributeChange::default();
        let access = Timespec { tv_sec: metadata.atime(), tv_nsec: metadata.atime_nsec() };
        let modification = Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() };
        let times = Timestamps {
            last_access: self.access.resolve(access),
            last_modification: self.modification.resolve(modification),
        };
        for (name, old, new) in
            [("mtime", modification, times.last_modification), ("atime", access, times.last_access)]
        {
            if old != new {
                change.note(
                    name,
                    status::seconds(old.tv_sec, old.tv_nsec),
                    status::seconds(new.tv_sec, new.tv_nsec),
                );
            }
        }
        if change.changed() && !check {
            let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            utimensat(CWD, path, &times, flags)
                .doing(|| format!("cannot set the times of {}", path.display()))?;
        }
        Ok(change)
    }
}
