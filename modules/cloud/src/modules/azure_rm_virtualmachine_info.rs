//! `azure_rm_virtualmachine_info`.

use std::collections::HashMap;

use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::azure_rm_virtualmachine::{COMPUTE, KIND, told};
use super::info::{InfoOptions, listed, tagged};
use super::{CloudContext, CloudModule};

/// The module.
pub struct VirtualMachineInfo;

impl CloudModule for VirtualMachineInfo {
    type Args = InfoOptions;
    const NAME: &'static str = "azure_rm_virtualmachine_info";
    const SUMMARY: &'static str = "Tells of virtual machines of Azure";

    async fn run(args: InfoOptions, context: &CloudContext) -> Result<Outcome, ModuleError> {
        let cloud = &context.cloud;
        let machines = match (&args.resource_group, &args.name) {
            (Some(_), Some(name)) => {
                let path = format!("{}/{name}?$expand=instanceView", args.path(KIND));
                cloud.get(&path, COMPUTE).await?.into_iter().collect()
            }
            _ => {
                // What they do is told by a list of its own.
                let statuses = format!("providers/{KIND}?statusOnly=true");
                let (path, statuses) = (args.path(KIND), cloud.list(&statuses, COMPUTE));
                let (machines, statuses) = futures::future::join(cloud.list(&path, COMPUTE), statuses).await;
                with_statuses(listed(machines)?, statuses?)
            }
        };
        let machines = tagged(machines, &args.tags);
        Ok(Outcome::new(false).with("vms", machines.iter().map(told).collect::<Value>()))
    }
}

fn with_statuses(mut machines: Vec<Value>, statuses: Vec<Value>) -> Vec<Value> {
    let key = |machine: &Value| machine["id"].as_str().unwrap_or_default().to_ascii_lowercase();
    let mut views: HashMap<String, Value> = statuses
        .into_iter()
        .map(|mut status| (key(&status), status["properties"]["instanceView"].take()))
        .collect();
    for machine in &mut machines {
        if let Some(view) = views.remove(&key(machine)) {
            machine["properties"]["instanceView"] = view;
        }
    }
    machines
}
