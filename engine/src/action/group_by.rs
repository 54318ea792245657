//! `group_by`: puts hosts into groups made from what is known of them.

use clouder_modules::{Arguments, Outcome};

use super::{Action, Running};
use crate::run::Step;

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
            let host = &step.variables.host.name;
            let changed = step.run.variables.with_inventory(true, |inventory| {
                let mut changed = inventory.add_to_group(host, &group);
                for parent in args
                    .parents
                    .iter()
                    .map(|parent| parent.replace(' ', "-"))
                    .filter(|parent| parent != "all")
                {
                    let known = inventory
                        .group(&parent)
                        .is_some_and(|parent| parent.children.contains(group.as_str()));
                    changed |= !known && inventory.add_child(&parent, &group);
                }
                changed
            });
            Ok(Outcome::new(changed).with("add_group", group).with("parent_groups", args.parents).into())
        })
    }
}
