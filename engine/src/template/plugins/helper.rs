//! The process that runs plugins.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::foreign::Python;

/// What Python is given to run.
const SCRIPT: &str = include_str!("helper.py");

/// A running helper; it ends when this is dropped.
pub(super) struct Helper {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts one.
    pub(super) fn start(python: &Python) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("cannot run {}: {error}", python.program.display());
        let mut child = Command::new(&python.program)
            .args(["-c", SCRIPT])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(told)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the helper has no pipes".to_owned());
        };
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// Asks for something, and waits for the answer.
    pub(super) fn ask(&mut self, request: &Json) -> Result<Json, String> {
        let ended = |error: std::io::Error| format!("the Python that runs plugins has ended: {error}");
        self.input.write_all(format!("{request}\n").as_bytes()).map_err(ended)?;
        self.input.flush().map_err(ended)?;
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(ended)?;
        if line.is_empty() {
            return Err("the Python that runs plugins has ended".to_owned());
        }
        let mut answer: Json =
            serde_json::from_str(&line).map_err(|error| format!("it answered no JSON: {error}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].take()),
        }
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
