//! `add_host`: adds a host to the inventory of the run.

use std::sync::Arc;

use clouder_inventory::Inventory;
use clouder_lang::Span;
use clouder_lang::yaml::Node;
use clouder_modules::{Arguments, Outcome};
use serde_json::{Map, Value, json};

use super::{Action, Running};
use crate::run::{Step, StepError};

/// Adds a host, and groups, to the inventory for the rest of the run. Each other argument is a variable of the host.
#[derive(Arguments)]
pub struct AddHostArgs {
    /// The host's name; `name:port` sets the port.
    #[arg(alias = "host", alias = "hostname")]
    pub name: String,
    /// Groups it is put into.
    #[arg(alias = "group", alias = "groupname")]
    pub groups: Option<Vec<String>>,
}

/// The `add_host` action.
pub struct AddHost;

impl Action for AddHost {
    type Args = AddHostArgs;
    const NAME: &'static str = "add_host";
    const SUMMARY: &'static str = "Adds a host to the inventory of the run";
    const OPEN: bool = true;

    fn run<'a>(args: AddHostArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let Value::Object(mut variables) = crate::template::to_json(&step.arguments) else {
                return Ok(Outcome::new(false).into());
            };
            for taken in ["name", "host", "hostname", "groups", "group", "groupname"] {
                variables.remove(taken);
            }
            let (name, port) = match args.name.rsplit_once(':') {
                Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => {
                    (name.to_owned(), Some(port.to_owned()))
                }
                _ => (args.name.clone(), None),
            };
            if let Some(port) = port {
                variables.insert("ansible_port".to_owned(), port.into());
            }
            let groups = args.groups.unwrap_or_default();
            let added = json!({"host_name": name, "groups": groups, "host_vars": variables});
            let span = step.task.span.clone();
            let changed = step
                .run
                .variables
                .add_to_inventory(move |inventory| add(inventory, &span, &name, &groups, &variables))
                .map_err(|error| StepError::Failed(error.to_string()))?;
            Ok(Outcome::new(changed).with("add_host", added).into())
        })
    }
}

fn add(
    inventory: &mut Inventory,
    span: &Span,
    name: &str,
    groups: &[String],
    variables: &Map<String, Value>,
) -> bool {
    let mut changed = inventory.host(name).is_none_or(|host| host.implicit);
    let host = inventory.add_host(name);
    for (key, value) in variables {
        let new = Node::from_json(value, span);
        let old = host.variables.insert(Arc::from(key.as_str()), new.clone());
        changed |= old.is_none_or(|old| clouder_lang::yaml::to_json(&old) != *value);
    }
    for group in groups {
        changed |= inventory.add_to_group(name, group.trim());
    }
    changed
}
