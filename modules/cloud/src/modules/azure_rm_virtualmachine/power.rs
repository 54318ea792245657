//! Whether a machine runs.

use clouder_modules::ModuleError;
use serde_json::Value;

use super::{COMPUTE, VirtualMachineArgs};
use crate::modules::CloudContext;

/// What a machine is seen to do: running, stopped, deallocated …
pub(super) fn state(machine: Option<&Value>) -> Option<String> {
    let statuses = machine?["properties"]["instanceView"]["statuses"].as_array()?;
    let codes = statuses.iter().filter_map(|status| status["code"].as_str());
    codes.filter_map(|code| code.strip_prefix("PowerState/")).next_back().map(str::to_owned)
}

/// Starts or stops a machine, if need be; returns what it does then, if that is something else.
pub(super) async fn change(
    args: &VirtualMachineArgs,
    context: &CloudContext,
    path: &str,
    state: Option<&str>,
    is_new: bool,
) -> Result<Option<String>, ModuleError> {
    // A new one runs.
    let state = if is_new { "running" } else { state.unwrap_or("running") };
    let runs = matches!(state, "running" | "starting");
    let (verb, then) = if !args.allocated {
        if matches!(state, "deallocated" | "deallocating") {
            return Ok(None);
        }
        ("deallocate", "deallocated")
    } else if args.started == Some(false) {
        if !runs {
            return Ok(None);
        }
        ("powerOff", "stopped")
    } else if args.restarted && runs && !is_new {
        ("restart", "running")
    } else if (args.started == Some(true) || args.restarted) && !runs {
        ("start", "running")
    } else {
        return Ok(None);
    };
    if !context.check {
        context.cloud.post(&format!("{path}/{verb}"), COMPUTE, None).await?;
    }
    Ok(Some(then.to_owned()))
}
