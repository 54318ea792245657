//! `group_by`: puts hosts into groups made from what is known of them.

use std::sync::Arc;

use clouder_modules::{Arguments, Outcome};

use super::{Action, Running};
use crate::run::{Step, StepError};

/// Puts the host into a group.
#[derive(Arguments)]
pub struct GroupByArgs {
    /// The group's name; spaces become dashes.
    pub key: String,
    /// Groups above it.
    #[arg(default = "all")]
    pub parents: Vec<String>,
}

/// The `group_by` action.
pub struct GroupBy;

impl Action for GroupBy {
    type Args = GroupByArgs;
    const NAME: &'static str = "group_by";
    const SUMMARY: &'static str = "Puts hosts into groups made from what is known of them";

    fn run<'a>(args: GroupByArgs, step: &'a Step<'a>) -> Running<'a> {
        Box::pin(async move {
            let group = args.key.replace(' ', "-");
            let host = Arc::clone(&step.variables.host.name);
            let parents: Vec<String> = args.parents.iter().map(|parent| parent.replace(' ', "-")).collect();
            let name = group.clone();
            let changed = step.run.variables.add_to_inventory(move |inventory| {
                let mut changed = inventory.add_to_group(&host, &name);
                for parent in parents.iter().filter(|parent| *parent != "all") {
                    let known =
                        inventory.group(parent).is_some_and(|parent| parent.children.contains(name.as_str()));
                    changed |= !known && inventory.add_child(parent, &name);
                }
                changed
            });
            let changed = changed.map_err(|error| StepError::Failed(error.to_string()))?;
            Ok(Outcome::new(changed).with("add_group", group).with("parent_groups", args.parents).into())
        })
    }
}
