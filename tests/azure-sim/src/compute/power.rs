//! Starting and stopping machines.

use std::sync::Arc;

use serde_json::json;

use super::spec;
use crate::arm::Call;
use crate::cloud::{Cloud, state};
use crate::failure::{Failure, Result};
use crate::json::text;
use crate::machine::Job;
use crate::operation::Effect;
use crate::store::Resource;

/// Does what is asked of a machine.
///
/// # Errors
/// When it is not in the state for it.
pub fn act(cloud: &mut Cloud, call: &Call<'_>, machine: &Resource, action: &str) -> Result<()> {
    let key = machine.id.key();
    let power = text(&machine.hidden, "/power").to_owned();
    let name = machine.id.name();
    let stopped = |what: &str| {
        Failure::conflict(
            "OperationNotAllowed",
            format!("Cannot {what} VM '{name}' because it is {power}. Start the VM first."),
        )
    };
    let (during, after): (&str, &'static str) = match action.to_ascii_lowercase().as_str() {
        "start" => ("starting", "running"),
        "restart" | "redeploy" if power != "running" => return Err(stopped(action)),
        "restart" | "redeploy" => ("running", "running"),
        "reapply" => return reapply(cloud, machine, &power),
        "poweroff" if power == "deallocated" => return Err(stopped("power off")),
        "poweroff" => ("stopping", "stopped"),
        "deallocate" => ("deallocating", "deallocated"),
        _ => return Err(call.not_allowed()),
    };
    let job: Option<Arc<Job>> = match (after, during) {
        ("running", "starting") => {
            let machine = spec::of(cloud, machine);
            cloud.machines.start(machine)
        }
        ("running", _) => cloud.machines.restart(&key),
        _ => cloud.machines.stop(&key),
    };
    cloud.store.change(&key, |value, hidden| {
        state(value, "Updating");
        hidden["power"] = json!(during);
    });
    cloud.begin(&key, None, Effect::Power(after), job);
    Ok(())
}

fn reapply(cloud: &mut Cloud, machine: &Resource, power: &str) -> Result<()> {
    let after = ["running", "stopped", "deallocated"].into_iter().find(|known| *known == power);
    let key = machine.id.key();
    cloud.store.change(&key, |value, _| state(value, "Updating"));
    cloud.begin(&key, None, Effect::Power(after.unwrap_or("running")), None);
    Ok(())
}
