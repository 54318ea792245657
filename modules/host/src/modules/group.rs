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
    /// Only look into the host's own files; they are always asked first.
    #[arg(default = "false")]
    local: bool,
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
        let _ = args.local;
        let found = account::group(context, &args.name).filter(|group| group.name == args.name);
        let state = if args.state == State::Present { "present" } else { "absent" };
        let mut outcome = Outcome::new(false).with("name", args.name.as_str()).with("state", state);
        let mut command = match (&found, args.state) {
            (Some(group), State::Present) => match args.gid.filter(|gid| *gid != group.gid) {
                Some(gid) => context.tool("groupmod").arguments(["-g", &gid.to_string()]),
                None => return Ok(outcome.with("gid", group.gid)),
            },
            (None, State::Present) => {
                let mut command = context.tool("groupadd");
                if let Some(gid) = args.gid {
                    command = command.arguments(["-g", &gid.to_string()]);
                }
                if args.system { command.argument("-r") } else { command }
            }
            (Some(_), State::Absent) if args.force => context.tool("groupdel").argument("-f"),
            (Some(_), State::Absent) => context.tool("groupdel"),
            (None, State::Absent) => return Ok(outcome),
        };
        if args.non_unique && args.state == State::Present && args.gid.is_some() {
            command = command.argument("-o");
        }
        outcome.changed = true;
        if !context.check {
            let finished = command.argument(&args.name).run()?;
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
