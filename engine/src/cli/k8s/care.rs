//! `clouder k8s certs`, `clouder k8s doctor` and `clouder k8s smoke`.

use clap::Args;
use serde_json::json;

use super::super::Failure;
use super::{Context, Front, Named};

/// Shows how long the certificates of a cluster's control planes are valid, or renews those that end soon.
#[derive(Args)]
pub(super) struct Certs {
    #[command(flatten)]
    cluster: Named,
    /// Renew those that end soon, and restart what uses them
    #[arg(long)]
    renew: bool,
    /// How many days before its end a certificate is renewed
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    before: u32,
    #[command(flatten)]
    front: Front,
}

/// Examines a cluster, and says what to do about what is found; fails when something is grave. Changes nothing.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    cluster: Named,
    #[command(flatten)]
    front: Front,
}

/// Tries whether a cluster works: pods of every node ask DNS for a name and pods of other nodes for an answer, and each storage class
/// makes a volume. What it makes for that is gone in the end.
#[derive(Args)]
pub(super) struct Smoke {
    #[command(flatten)]
    cluster: Named,
    #[command(flatten)]
    front: Front,
}

impl Certs {
    /// Runs the command; returns the exit code.
    pub(super) fn run(mut self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        // To predict is to show.
        self.front.check |= !self.renew;
        let variables = json!({"certificates_renew_before": self.before});
        self.front.play_alone(&cluster, "renew-certificates.yml", &variables, context)
    }
}

impl Doctor {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        self.front.play(&cluster, "check-cluster.yml", &json!({}), context)
    }
}

impl Smoke {
    /// Runs the command; returns the exit code.
    pub(super) fn run(self, context: &Context<'_>) -> Result<i32, Failure> {
        let cluster = self.cluster.find(context)?;
        self.front.play_alone(&cluster, "smoke.yml", &json!({"smoke_enabled": true}), context)
    }
}
