//! The log file: what is shown, each line with the time, the process and the user, as Ansible has it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use clouder_modules::system::clock;

/// A file that lines are added to. Others may not read it: what tasks show is not everyone's.
pub struct Log {
    file: File,
    user: String,
    /// A line that has not ended yet.
    begun: Vec<u8>,
}

impl Log {
    /// Opens a log, and makes it if it is not there.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self {
            file,
            user: std::env::var("USER").unwrap_or_else(|_| "root".to_owned()),
            begun: Vec::new(),
        })
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            if line.len() > 1 {
                let head = format!("{} p={} u={} n=ansible INFO| ", now(), std::process::id(), self.user);
                self.file.write_all(&[head.as_bytes(), &line].concat())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The time here: `2026-11-26 12:00:00,123`.
fn now() -> String {
    let mut time = clock::local(SystemTime::now());
    let milliseconds = std::mem::take(&mut time.nanosecond) / 1_000_000;
    format!("{},{milliseconds:03}", time.plain())
}
