//! The lists of packages that apt fetches from its sources.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::system::command::Command;
use crate::{Context, ModuleError};

/// When the lists of packages were last fetched.
const STAMPS: [&str; 2] = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"];

/// `apt-get` with what all uses share.
pub(crate) fn apt_get(lock_timeout: u64, context: &Context) -> Command {
    context
        .tool("apt-get")
        .environment("DEBIAN_FRONTEND", "noninteractive")
        .environment("DEBIAN_PRIORITY", "critical")
        .environment("APT_LISTCHANGES_FRONTEND", "none")
        .arguments(["-q", "-o", &format!("DPkg::Lock::Timeout={lock_timeout}")])
}

/// Seconds since 1970 when the lists were last fetched; 0 for never.
pub(crate) fn fetched_at() -> u64 {
    // The folder alone is no list: images are shipped with an empty one.
    let lists = std::fs::read_dir("/var/lib/apt/lists").into_iter().flatten().flatten();
    if !lists.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with("Release")) {
        return 0;
    }
    let time = |path: &&str| Path::new(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let newest = STAMPS.iter().filter_map(time).max();
    newest.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs())
}

/// Whether the lists are not older than some seconds; with none they never count as fresh.
pub(crate) fn are_fresh(valid_time: u64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    valid_time > 0 && fetched_at() + valid_time > now
}

/// Fetches the lists, several times if need be, with growing pauses of at most some seconds.
///
/// # Errors
/// What apt-get said the last time.
pub(crate) fn fetch(
    retries: u32,
    most_delay: u64,
    lock_timeout: u64,
    context: &Context,
) -> Result<(), ModuleError> {
    let mut delay = 1;
    let mut attempt = 0;
    loop {
        // A source that is not to be had is otherwise only warned of.
        let command =
            apt_get(lock_timeout, context).arguments(["-o", "APT::Update::Error-Mode=any", "update"]);
        let finished = command.run()?;
        if finished.status.success() {
            return Ok(());
        }
        if attempt >= retries || context.is_cancelled() {
            return Err(finished.failure("Failed to update apt cache"));
        }
        std::thread::sleep(Duration::from_secs(delay));
        delay = (delay * 2).min(most_delay.max(1));
        attempt += 1;
    }
}
