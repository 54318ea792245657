//! Every event as a line of JSON.

use std::io::Write;

use super::{Event, Report};

/// Writes every event as a line of JSON.
pub struct JsonLines<W>(W);

impl<W: Write + Send> JsonLines<W> {
    /// Lines for a writer.
    pub fn new(writer: W) -> Self {
        Self(writer)
    }
}

impl<W: Write + Send> Report for JsonLines<W> {
    fn event(&mut self, event: &Event) {
        // A reader that went away (`| head`) is no reason to stop the run.
        if serde_json::to_writer(&mut self.0, event).is_ok() {
            let _ = self.0.write_all(b"\n").and_then(|()| self.0.flush());
        }
    }
}
