//! `group`: groups of users.

use crate::args::{Arguments, Choice};
use crate::system::account;
use crate::{Context, Module, ModuleError, Outcome};

/// Adds, changes and removes groups.
#[derive(Arguments)]
pub struct GroupArgs {
    /// The group.
    name: String,
    /// Its number.
    gid: Option<u32>,
    /// Whether it is there.
    #[arg(default = "present")]
    state: State,
    /// Whether a new one is given a number of the system's.
    #[arg(default = "false")]
    system: bool,
    /// Whether the number may be another group's, too.
    #[arg(default = "false")]
    non_unique: bool,
    /// Remove it even if it is the primary group of a user.
    #[arg(default = "false")]
    force: bool,
    /// Only the host's own files count, not those of a directory service: with `lgroupadd` and its kin, of libuser.
    #[arg(default = "false")]
    local: bool,
    /// Least number that a new group is given.
    gid_min: Option<u32>,
    /// Greatest number that a new group is given.
    gid_max: Option<u32>,
}

/// Whether something is there.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum State {
    /// It is not.
    Absent,
    /// It is.
    Present,
}

/// The `group` module.
pub struct Group;

impl Module for Group {
    type Args = GroupArgs;
    const NAME: &'static str = "group";
    const SUMMARY: &'static str = "Manages groups";

    fn run(args: GroupArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        for (name, value) in [("gid_min", args.gid_min), ("gid_max", args.gid_max)] {
            if args.local && value.is_some() {
                return Err(ModuleError::new(format!("'{name}' can not be used with 'local'")));
            }
        }
        let found =
            if args.local { account::local_group(&args.name) } else { account::group(context, &args.name) };
        let found = found.filter(|group| group.name == args.name);
        let state = if args.state == State::Present { "present" } else { "absent" };
        let mut outcome = Outcome::new(false).with("name", args.name.as_str()).with("state", state);
        let Some((tool, words)) = args.command(found.as_ref()) else {
            return Ok(match found {
                Some(group) => outcome.with("gid", group.gid),
                None => outcome,
            });
        };
        outcome.changed = true;
        if !context.check {
            if args.local && context.find_program(tool).is_none() {
                return Err(ModuleError::new(format!(
                    "this host has no {tool}: install the package libuser"
                )));
            }
            let finished = context.tool(tool).arguments(words).run()?;
            if !finished.status.success() {
                return Err(finished.failure(&format!("cannot make group {} {state}", args.name)));
            }
        }
        let now = account::group(context, &args.name).map(|group| group.gid).or(args.gid);
        Ok(match now {
            Some(gid) if args.state == State::Present => outcome.with("gid", gid),
            _ => outcome,
        })
    }
}

impl GroupArgs {
    /// The command that makes the group what it should be; `None` when it is.
    fn command(&self, found: Option<&account::Group>) -> Option<(&'static str, Vec<String>)> {
        let mut words = Vec::new();
        let gid = self.gid.map(|gid| gid.to_string());
        let tools = match (found, self.state) {
            (None, State::Absent) => return None,
            (Some(group), State::Present) if self.gid.is_none_or(|gid| gid == group.gid) => return None,
            (Some(_), State::Present) => ("groupmod", "lgroupmod"),
            (None, State::Present) => ("groupadd", "lgroupadd"),
            (Some(_), State::Absent) => ("groupdel", "lgroupdel"),
        };
        if self.state == State::Present {
            words.extend(gid.into_iter().flat_map(|gid| ["-g".to_owned(), gid]));
            let limits = [("GID_MIN", self.gid_min), ("GID_MAX", self.gid_max)];
            for (name, limit) in limits.into_iter().filter(|_| found.is_none()) {
                words
                    .extend(limit.into_iter().flat_map(|limit| ["-K".to_owned(), format!("{name}={limit}")]));
            }
            words.extend((self.system && found.is_none()).then(|| "-r".to_owned()));
            words.extend((self.non_unique && self.gid.is_some() && !self.local).then(|| "-o".to_owned()));
        } else {
            words.extend((self.force && !self.local).then(|| "-f".to_owned()));
        }
        words.push(self.name.clone());
        Some((if self.local { tools.1 } else { tools.0 }, words))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn groups_are_made_changed_and_removed() {
        let there = account::Group { name: "ops".to_owned(), gid: 5, members: Vec::new() };
        for (given, is_there, expected) in [
            (json!({"name": "ops"}), true, None),
            (json!({"name": "ops", "gid": 5}), true, None),
            (
                json!({"name": "ops", "gid": 6, "non_unique": true, "system": true}),
                true,
                Some("groupmod -g 6 -o ops"),
            ),
            (
                json!({"name": "ops", "gid_min": 5, "gid_max": 9, "system": true}),
                false,
                Some("groupadd -K GID_MIN=5 -K GID_MAX=9 -r ops"),
            ),
            (json!({"name": "ops", "gid": 7, "local": true}), false, Some("lgroupadd -g 7 ops")),
            (json!({"name": "ops", "state": "absent"}), false, None),
            (json!({"name": "ops", "state": "absent", "force": true}), true, Some("groupdel -f ops")),
            (json!({"name": "ops", "state": "absent", "local": true}), true, Some("lgroupdel ops")),
        ] as [(Value, bool, Option<&str>); 8]
        {
            let args = GroupArgs::read(given.as_object().unwrap().clone()).unwrap();
            let command = args.command(Some(&there).filter(|_| is_there));
            let line = command.map(|(tool, words)| format!("{tool} {}", words.join(" ")));
            assert_eq!(line.as_deref(), expected, "{given}");
        }
    }
}
