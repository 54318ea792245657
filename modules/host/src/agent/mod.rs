//! The agent: serves module runs over its standard input and output.
//!
//! One thread reads frames; each request, or each queue of requests, has a thread of its own. When input ends, the
//! controller is gone: running commands are killed (apt-get finishes what it is at), the agent's own files removed, and the process
//! ends.

mod exchange;
mod store;
mod workers;

#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::protocol::{Frame, FrameError, GREETING, Hello, Kind, Request, Unpacker, VERSION};
use exchange::Outbox;
use workers::Workers;

/// How long running requests have to end once the controller is gone.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves until standard input ends, from a folder if one is named.
pub fn serve(folder: Option<PathBuf>) -> ExitCode {
    if let Some(folder) = folder {
        settle(&folder);
    }
    match serve_on(&mut io::stdin().lock(), Outbox::new(Box::new(io::stdout()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard output belongs to frames; the controller shows what an agent says here before it ends.
            let _ = writeln!(io::stderr(), "clouder-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to a folder, as commands expect to be there; home, or at worst to the root, if this user may not be there.
fn settle(folder: &Path) {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let places = [Some(folder), home.as_deref(), Some(Path::new("/"))];
    let usable = |place: &&Path| {
        place.is_absolute() && std::fs::read_dir(place).is_ok() && std::env::set_current_dir(place).is_ok()
    };
    // At the root there is always a way; where there is none, it stays where it is.
    let _ = places.into_iter().flatten().find(usable);
}

fn serve_on(input: &mut impl io::Read, outbox: Outbox) -> Result<(), FrameError> {
    let outbox = Arc::new(outbox);
    outbox.line(GREETING)?;
    let hello = Hello {
        protocol: VERSION,
        uid: rustix::process::geteuid().as_raw(),
        home: std::env::var("HOME").unwrap_or_default(),
        pid: std::process::id(),
        path: std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default(),
    };
    outbox.json(0, Kind::Hello, &hello)?;
    let workers = Workers::new(Arc::clone(&outbox));
    let mut unpacker = Unpacker::default();
    let result = loop {
        match Frame::read(input) {
            Ok(Some(frame)) => {
                if let Err(error) = dispatch(frame, &mut unpacker, &workers) {
                    break Err(error);
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    workers.end(FAREWELL);
    result
}

fn dispatch(frame: Frame, unpacker: &mut Unpacker, workers: &Workers) -> Result<(), FrameError> {
    match frame.kind {
        Kind::Request => {
            let request: Request = serde_json::from_slice(&unpacker.unpack(&frame.payload)?)
                .map_err(|error| FrameError::Garbage(format!("a request: {error}")))?;
            workers.start(frame.id, request);
        }
        Kind::Chunk | Kind::ChunkEnd | Kind::Missing => workers.deliver(frame),
        Kind::Cancel => workers.cancel(frame.id),
        other => return Err(FrameError::Garbage(format!("{other:?} sent to an agent"))),
    }
    Ok(())
}
