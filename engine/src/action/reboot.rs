//! `reboot`: reboots a host and waits until it is back.

use std::time::{Duration, Instant};

use clouder_modules::system::words::quote;
use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value, json};

use super::wait_for_connection::reach;
use super::{Action, Running};
use crate::connection::Transport;
use crate::run::{Step, StepError};

/// Reboots a host and waits until it is back and does work.
#[derive(Arguments)]
pub struct RebootArgs {
    /// Seconds before the host is shut down; whole minutes count.
    #[arg(default = "0")]
    pub pre_reboot_delay: u64,
    /// Seconds between the command that reboots and the first look whether the host is back.
    #[arg(default = "0")]
    pub post_reboot_delay: u64,
    /// Seconds it may take until the host is back, and once more until the test command succeeds.
    #[arg(default = "600")]
    pub reboot_timeout: u64,
    /// Seconds one try to connect may take; that of all connections, unless it is given.
    pub connect_timeout: Option<u64>,
    /// A command that must succeed on the host that is back.
    #[arg(default = "whoami")]
    pub test_command: String,
    /// What is shown to users that are logged in.
    #[arg(default = "Reboot initiated by clouder")]
    pub msg: String,
    /// The command that reboots, with its arguments. The delays and the message are left out then.
    pub reboot_command: Option<String>,
    /// The command that tells one boot from another.
    #[arg(default = "cat /proc/sys/kernel/random/boot_id")]
    pub boot_time_command: String,
    /// Folders in which the command is looked for.
    #[arg(default = "/sbin,/bin,/usr/sbin,/usr/bin,/usr/local/sbin")]
    pub search_paths: Vec<String>,
}

/// How long it is between two looks whether the host is back.
const PERIOD: Duration = Duration::from_secs(1);

/// The `reboot` action.
pub struct Reboot;

impl Action for Reboot {
    type Args = RebootArgs;
    const NAME: &'static str = "reboot";
    const SUMMARY: &'static str = "Reboots a host and waits until it is back";

    fn run<'a>(args: RebootArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            if matches!(step.target.transport, Transport::Local) {
                return Err(StepError::Failed(
                    "Running reboot with local connection would reboot the control node".to_owned(),
                ));
            }
            if step.settings.check {
                return Ok(result(Outcome::new(true), true, Duration::ZERO).into());
            }
            let before = boot_time(step, &args).await?;
            let command = command(step, &args).await?;
            let started = Instant::now();
            if let Err(reason) = start(step, &command, args.reboot_timeout).await? {
                let message = format!("Reboot command failed. Error was: {reason}");
                return Ok(result(Outcome::failed(message), false, started.elapsed()).into());
            }
            if args.reboot_command.is_none() {
                tokio::time::sleep(Duration::from_secs(args.post_reboot_delay)).await;
            }
            Ok(match back(step, &args, &before).await {
                Ok(()) => result(Outcome::new(true), true, started.elapsed()),
                Err(message) => result(Outcome::failed(message), true, started.elapsed()),
            }
            .into())
        })
    }
}

/// An outcome with what `reboot` always tells.
fn result(outcome: Outcome, rebooted: bool, elapsed: Duration) -> Outcome {
    outcome.with("rebooted", rebooted).with("elapsed", elapsed.as_secs())
}

/// The command line that reboots.
async fn command(step: &Step<'_>, args: &RebootArgs) -> Result<String, StepError> {
    if let Some(line) = &args.reboot_command {
        let line = line.trim();
        let (program, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let program = find(step, program, &args.search_paths).await?;
        return Ok(format!("{} {arguments}", quote(&program)));
    }
    match find(step, "shutdown", &args.search_paths).await {
        Ok(program) => {
            Ok(format!("{} -r {} {}", quote(&program), args.pre_reboot_delay / 60, quote(&args.msg)))
        }
        // Small systems have no `shutdown` beside systemd.
        Err(error) => match find(step, "systemctl", &args.search_paths).await {
            Ok(program) => Ok(format!("{} reboot", quote(&program))),
            Err(_) => Err(error),
        },
    }
}

/// A program of the host by its name.
async fn find(step: &Step<'_>, name: &str, folders: &[String]) -> Result<String, StepError> {
    if name.starts_with('/') {
        return Ok(name.to_owned());
    }
    for folder in folders {
        let path = format!("{}/{name}", folder.trim_end_matches('/'));
        let arguments = json!({"path": path, "follow": true, "get_checksum": false, "get_mime": false});
        let Value::Object(arguments) = arguments else { continue };
        let found = step.module("stat", arguments, None, None).await?;
        let is = |word: &str| found.result.get("stat").and_then(|stat| stat.get(word)) == Some(&json!(true));
        if is("isreg") && is("executable") {
            return Ok(path);
        }
    }
    let folders: Vec<String> = folders.iter().map(|folder| format!("'{folder}'")).collect();
    Err(StepError::Failed(format!(
        "Unable to find command \"{name}\" in search paths: [{}]",
        folders.join(", ")
    )))
}

/// Runs the command that reboots; `Err` is why it does not. The very reboot may cut off its answer, or never give one.
async fn start(step: &Step<'_>, command: &str, limit: u64) -> Result<Result<(), String>, StepError> {
    let running = shell(step, command);
    match tokio::time::timeout(Duration::from_secs(limit), running).await {
        // A signal ends it when the host goes down.
        Ok(Ok(said)) if said.code > 0 => Ok(Err(said.words())),
        Ok(Ok(_) | Err(StepError::Unreachable(_))) | Err(_) => Ok(Ok(())),
        Ok(Err(error)) => Err(error),
    }
}

/// Waits until the host has booted anew and the test command succeeds; `Err` says what it waited for in vain.
async fn back(step: &Step<'_>, args: &RebootArgs, before: &str) -> Result<(), String> {
    let limit = Duration::from_secs(args.reboot_timeout);
    let timed_out = |what: &str, met: &str| {
        format!("Timed out waiting for {what} (timeout={}): {met}", args.reboot_timeout)
    };
    let deadline = Instant::now() + limit;
    loop {
        let met = match anew(step, args).await {
            Ok(now) if now != before => break,
            Ok(_) => "the host answers, but has not booted since".to_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() + PERIOD > deadline {
            return Err(timed_out("last boot time check", &met));
        }
        tokio::time::sleep(PERIOD).await;
    }
    let deadline = Instant::now() + limit;
    loop {
        let met = match shell(step, &args.test_command).await {
            Ok(said) if said.code == 0 => return Ok(()),
            Ok(said) => said.words(),
            Err(error) => error.to_string(),
        };
        if Instant::now() + PERIOD > deadline {
            return Err(timed_out("post-reboot test command", &met));
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// The boot time over a connection that is made anew.
async fn anew(step: &Step<'_>, args: &RebootArgs) -> Result<String, StepError> {
    reach(step, args.connect_timeout).await?;
    boot_time(step, args).await
}

/// What tells this boot from others.
async fn boot_time(step: &Step<'_>, args: &RebootArgs) -> Result<String, StepError> {
    let said = shell(step, &args.boot_time_command).await?;
    if said.code == 0 {
        return Ok(said.stdout);
    }
    Err(StepError::Failed(format!("reboot: failed to get host boot time info, {}", said.words())))
}

/// What a command said.
struct Said {
    code: i64,
    stdout: String,
    stderr: String,
}

impl Said {
    fn words(&self) -> String {
        format!("rc: {}, stdout: {}, stderr: {}", self.code, self.stdout, self.stderr)
    }
}

/// Runs a command line on the host.
async fn shell(step: &Step<'_>, line: &str) -> Result<Said, StepError> {
    let arguments: Map<String, Value> = [("_raw_params".to_owned(), json!(line))].into_iter().collect();
    let outcome = step.module("shell", arguments, None, None).await?;
    let text = |name: &str| outcome.result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(code) = outcome.result.get("rc").and_then(Value::as_i64) else {
        return Err(StepError::Failed(outcome.msg.unwrap_or_default()));
    };
    Ok(Said { code, stdout: text("stdout"), stderr: text("stderr") })
}
