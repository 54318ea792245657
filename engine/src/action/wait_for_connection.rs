//! `wait_for_connection`: waits until a host can be worked on.

use std::time::{Duration, Instant};

use clouder_modules::{Arguments, Outcome};
use serde_json::Map;

use super::{Action, Running};
use crate::connection::Target;
use crate::run::{Step, StepError};

/// Waits until a host can be reached and does work.
#[derive(Arguments)]
pub struct WaitForConnectionArgs {
    /// Seconds before the first try.
    #[arg(default = "0")]
    pub delay: u64,
    /// Seconds between tries.
    #[arg(default = "1")]
    pub sleep: u64,
    /// Seconds after which it fails.
    #[arg(default = "600")]
    pub timeout: u64,
    /// Seconds one try may take.
    #[arg(default = "5")]
    pub connect_timeout: u64,
}

/// The `wait_for_connection` action.
pub struct WaitForConnection;

impl Action for WaitForConnection {
    type Args = WaitForConnectionArgs;
    const NAME: &'static str = "wait_for_connection";
    const SUMMARY: &'static str = "Waits until a host can be worked on";

    fn run<'a>(args: WaitForConnectionArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let started = Instant::now();
            if step.settings.check {
                return Ok(Outcome::new(false).with("elapsed", 0).into());
            }
            tokio::time::sleep(Duration::from_secs(args.delay)).await;
            wait(step, started + Duration::from_secs(args.timeout), args.sleep, args.connect_timeout).await?;
            Ok(Outcome::new(false).with("elapsed", started.elapsed().as_secs()).into())
        })
    }
}

/// Tries to reach the host anew until it answers.
async fn wait(step: &Step<'_>, deadline: Instant, sleep: u64, connect_timeout: u64) -> Result<(), StepError> {
    while let Err(met) = reach(step, Some(connect_timeout)).await {
        if Instant::now() >= deadline {
            return Err(StepError::Failed(format!("timed out waiting for the host: {met}")));
        }
        tokio::time::sleep(Duration::from_secs(sleep.max(1))).await;
    }
    Ok(())
}

/// Reaches the host over a connection that is made anew, within so many seconds.
///
/// # Errors
/// When it does not answer.
pub(super) async fn reach(step: &Step<'_>, seconds: Option<u64>) -> Result<(), StepError> {
    step.run.connections.reset(&step.target.host).await;
    let timeout = seconds.map_or(step.target.timeout, |seconds| Duration::from_secs(seconds.max(1)));
    let attempt = async {
        step.run.connections.agent(&Target { timeout, ..step.target.clone() }).await?;
        step.module("ping", Map::new(), None, None).await
    };
    // A little more than a connection's own limit, so that its better message is the one that is seen.
    match tokio::time::timeout(timeout + Duration::from_secs(15), attempt).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(StepError::Unreachable("no answer".to_owned())),
    }
}
