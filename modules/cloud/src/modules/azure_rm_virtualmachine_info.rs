//! `azure_rm_virtualmachine_info`.

use std::collections::HashMap;

use clouder_modules::args::Arguments;
use clouder_modules::{ModuleError, Outcome};
use serde_json::Value;

use super::azure_rm_virtualmachine::{COMPUTE, KIND, told};
use super::{AzureOptions, CloudContext, CloudModule, Running};

/// Tells of virtual machines: one, those of a resource group, or all.
#[derive(Arguments)]
#[arguments(required_by("name", "resource_group"))]
pub struct VirtualMachineInfoArgs {
    /// Only those of this resource group.
    resource_group: Option<String>,
    /// Only the one of this name.
    name: Option<String>,
    /// Only those with these tags: `name`, or `name:value`.
    #[arg(default = "")]
    tags: Vec<String>,
    /// The account.
    #[arg(flatten)]
    azure: AzureOptions,
}

/// The module.
pub struct VirtualMachineInfo;

impl CloudModule for VirtualMachineInfo {
    type Args = VirtualMachineInfoArgs;
    const NAME: &'static str = "azure_rm_virtualmachine_info";
    const SUMMARY: &'static str = "Tells of virtual machines of Azure";

    fn account(args: &VirtualMachineInfoArgs) -> &AzureOptions {
        &args.azure
    }

    fn run(args: VirtualMachineInfoArgs, context: &CloudContext) -> Running<'_> {
        Box::pin(run(args, context))
    }
}

async fn run(args: VirtualMachineInfoArgs, context: &CloudContext) -> Result<Outcome, ModuleError> {
    let cloud = &context.cloud;
    let machines = match (&args.resource_group, &args.name) {
        (Some(group), Some(name)) => {
            let path = format!("resourceGroups/{group}/providers/{KIND}/{name}?$expand=instanceView");
            cloud.get(&path, COMPUTE).await?.into_iter().collect()
        }
        (group, _) => {
            // What they do is told by a list of its own.
            let path = match group {
                Some(group) => format!("resourceGroups/{group}/providers/{KIND}"),
                None => format!("providers/{KIND}"),
            };
            let statuses = format!("providers/{KIND}?statusOnly=true");
            let both =
                futures::future::try_join(cloud.list(&path, COMPUTE), cloud.list(&statuses, COMPUTE)).await;
            match both {
                // In a group that is not there, there is none.
                Err(error) if error.code() == "ResourceGroupNotFound" => Vec::new(),
                both => both.map(|(machines, statuses)| with_statuses(machines, statuses))?,
            }
        }
    };
    let has = |machine: &Value, tag: &String| {
        let (name, value) =
            tag.split_once(':').map_or((tag.as_str(), None), |(name, value)| (name, Some(value)));
        let there = machine["tags"].get(name).and_then(Value::as_str);
        there.is_some_and(|there| value.is_none_or(|value| there == value))
    };
    let chosen = machines.iter().filter(|machine| args.tags.iter().all(|tag| has(machine, tag)));
    Ok(Outcome::new(false).with("vms", chosen.map(told).collect::<Value>()))
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
