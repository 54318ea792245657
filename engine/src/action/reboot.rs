//! `reboot`: reboots a host and waits until it is back.

use std::time::{Duration, Instant};

use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value, json};

use super::wait_for_connection::wait;
use super::{Action, Running};
use crate::run::{Step, StepError};

/// Reboots a host and waits until it is back and does work.
#[derive(Arguments)]
pub struct RebootArgs {
    /// Seconds before the host is shut down.
    #[arg(default = "0")]
    pub pre_reboot_delay: u64,
    /// Seconds after it is back, before the next task.
    #[arg(default = "0")]
    pub post_reboot_delay: u64,
    /// Seconds it may take.
    #[arg(default = "600")]
    pub reboot_timeout: u64,
    /// Seconds one try to connect may take.
    #[arg(default = "5")]
    pub connect_timeout: u64,
    /// A command that must succeed on the host that is back.
    #[arg(default = "whoami")]
    pub test_command: String,
    /// What is shown to users that are logged in.
    #[arg(default = "Reboot initiated by clouder")]
    pub msg: String,
    /// The command that reboots.
    pub reboot_command: Option<String>,
    /// The command that tells one boot from another.
    #[arg(default = "cat /proc/sys/kernel/random/boot_id")]
    pub boot_time_command: String,
    /// Folders in which the command is looked for.
    #[arg(default = "/sbin,/bin,/usr/sbin,/usr/bin,/usr/local/sbin")]
    pub search_paths: Vec<String>,
}

/// The `reboot` action.
pub struct Reboot;

impl Action for Reboot {
    type Args = RebootArgs;
    const NAME: &'static str = "reboot";
    const SUMMARY: &'static str = "Reboots a host and waits until it is back";

    fn run<'a>(args: RebootArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            if matches!(step.target.transport, crate::connection::Transport::Local) {
                return Err(StepError::Failed(
                    "Running reboot with local connection would reboot the control node".to_owned(),
                ));
            }
            if step.settings.check {
                return Ok(Outcome::new(true).with("elapsed", 0).with("rebooted", true).into());
            }
            let started = Instant::now();
            let before = shell(step, &args.boot_time_command).await?;
            tokio::time::sleep(Duration::from_secs(args.pre_reboot_delay)).await;
            let path = args.search_paths.join(":");
            let command = args
                .reboot_command
                .clone()
                .unwrap_or_else(|| format!("shutdown -r now \"{}\"", args.msg.replace('"', "")));
            // The command's answer may be cut off by the very reboot it starts.
            let line = format!("PATH={path}:$PATH; (sleep 1; {command}) >/dev/null 2>&1 </dev/null &");
            shell(step, &line).await?;
            let deadline = started + Duration::from_secs(args.reboot_timeout);
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                wait(step, deadline, 1, args.connect_timeout).await?;
                if shell(step, &args.boot_time_command).await.is_ok_and(|now| now != before) {
                    break;
                }
                if Instant::now() >= deadline {
                    return Err(StepError::Failed(format!(
                        "the host did not reboot within {} seconds",
                        args.reboot_timeout
                    )));
                }
            }
            shell(step, &args.test_command).await?;
            tokio::time::sleep(Duration::from_secs(args.post_reboot_delay)).await;
            Ok(Outcome::new(true).with("rebooted", true).with("elapsed", started.elapsed().as_secs()).into())
        })
    }
}

/// Runs a command line on the host; returns what it says.
async fn shell(step: &Step<'_>, line: &str) -> Result<String, StepError> {
    let arguments: Map<String, Value> = [("_raw_params".to_owned(), json!(line))].into_iter().collect();
    let outcome = step.module("shell", arguments, None, None).await?;
    if outcome.failed {
        let said = outcome.msg.unwrap_or_default();
        return Err(StepError::Failed(format!("`{line}` failed on the host: {said}")));
    }
    Ok(outcome.result.get("stdout").and_then(Value::as_str).unwrap_or_default().to_owned())
}
