//! Programs that go on beside a test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::command::{FleetError, before, run};

/// A program that says a line when it is ready, and goes on until it is asked to end. Dropping this asks it, and waits until it has; it
/// is asked, too, when whoever started it is killed.
#[derive(Debug)]
pub struct Service {
    child: Child,
    ready: String,
}

impl Service {
    /// Starts a program, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, or ends without having said anything.
    pub fn start(command: &mut Command) -> Result<Self, FleetError> {
        let line = format!("{command:?}");
        let told = |source| FleetError::Start { line: line.clone(), source };
        // It is sent SIGTERM when the thread that started it ends.
        let mut bound = Command::new("setpriv");
        bound.args(["--pdeathsig", "TERM", "--"]);
        let child = before(bound, command).stdout(Stdio::piped()).spawn().map_err(told)?;
        let mut service = Self { child, ready: String::new() };
        if let Some(output) = service.child.stdout.take() {
            BufReader::new(output).read_line(&mut service.ready).map_err(told)?;
        }
        if service.ready.is_empty() {
            return Err(FleetError::Other(format!("`{line}` did not become ready")));
        }
        Ok(service)
    }

    /// What it said when it was ready.
    pub fn ready(&self) -> &str {
        self.ready.trim_end()
    }

    /// Asks it to end (by SIGTERM), and waits until it has.
    pub fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = run("kill", &[&self.child.id().to_string()]);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}
