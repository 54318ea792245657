//! A simulated Azure, in a program of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::Service;
use crate::command::FleetError;

/// A running `azure-sim`; it and its machines go when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    program: Service,
    ready: Value,
    secret: String,
}

impl Simulator {
    /// Starts `azure-sim`, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become so.
    pub fn start(command: &mut Command) -> Result<Self, FleetError> {
        let program = Service::start(command)?;
        let ready = serde_json::from_str(program.ready());
        let ready = ready.map_err(|_| FleetError::Other(format!("azure-sim said {}", program.ready())))?;
        let mut simulator = Self { program, ready, secret: String::new() };
        let path = PathBuf::from(simulator.of("client_secret_file"));
        simulator.secret = fs::read_to_string(&path).map_err(|error| FleetError::io("read", &path, error))?;
        Ok(simulator)
    }

    /// A field of what it said when it was ready; nothing where it did not say it.
    pub fn of(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap_or_default()
    }

    /// The secret by which clients log in.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The variables by which `clouder` finds it, and logs in to it.
    pub fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("AZURE_AUTHORITY_HOST", self.of("endpoint")),
            ("CLOUDER_AZURE_ENDPOINT", self.of("endpoint")),
            ("AZURE_SUBSCRIPTION_ID", self.of("subscription")),
            ("AZURE_TENANT_ID", self.of("tenant")),
            ("AZURE_CLIENT_ID", self.of("client_id")),
            ("AZURE_CLIENT_SECRET", &self.secret),
        ]
    }

    /// Asks it to end, and waits until it has.
    pub fn end(&mut self) {
        self.program.end();
    }
}
