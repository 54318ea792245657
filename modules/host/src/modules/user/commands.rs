//! The commands that add, change and remove users.

use super::UserArgs;
use crate::system::account::{self, User as Account};
use crate::system::command::Command;
use crate::{Context, ModuleError};

/// One command to run.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    tool: &'static str,
    words: Vec<String>,
}

impl Call {
    /// Runs it, unless in check mode.
    pub(super) fn run(&self, what: &str, name: &str, context: &Context) -> Result<(), ModuleError> {
        if !context.check && context.find_program(self.tool).is_none() {
            let package = if self.tool.starts_with('l') { "libuser" } else { "passwd" };
            return Err(ModuleError::new(format!(
                "cannot {what} user {name}: this host has no {}; install the package {package}",
                self.tool
            )));
        }
        act(context.tool(self.tool).arguments(&self.words), what, name, context)
    }
}

/// Runs a command that must succeed, unless in check mode.
pub(super) fn act(command: Command, what: &str, name: &str, context: &Context) -> Result<(), ModuleError> {
    if context.check {
        return Ok(());
    }
    let finished = command.run()?;
    if finished.status.success() {
        Ok(())
    } else {
        Err(finished.failure(&format!("cannot {what} user {name}")))
    }
}

/// Groups of a user, by name, as they are and as they should be.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// Number of the primary group asked for, or its name while it is not there.
    pub(super) primary: Option<String>,
    /// The groups that list the user, without the primary one.
    pub(super) now: Vec<String>,
    /// Those that should; `None` when nothing is asked.
    pub(super) wanted: Option<Vec<String>>,
}

impl Membership {
    pub(super) fn of(args: &UserArgs, user: &Account, context: &Context) -> Self {
        let number = |group: &String| {
            account::group(context, group).map_or_else(|| group.clone(), |group| group.gid.to_string())
        };
        let name =
            |group: &String| account::group(context, group).map_or_else(|| group.clone(), |group| group.name);
        let primary = account::group(context, &user.gid.to_string()).map(|group| group.name);
        let named =
            |groups: &Vec<String>| groups.iter().filter(|group| !group.is_empty()).map(name).collect();
        let mut now = groups_of(&args.name);
        let wanted: Option<Vec<String>> = args.groups.as_ref().map(named);
        // The primary group may list the user, too; that is neither asked for nor in the way.
        now.retain(|group| {
            Some(group) != primary.as_ref() || wanted.iter().flatten().any(|wanted| wanted == group)
        });
        Self { primary: args.group.as_ref().map(number), now, wanted }
    }

    fn missing(&self) -> impl Iterator<Item = &String> {
        self.wanted.iter().flatten().filter(|group| !self.now.contains(group))
    }

    fn extra(&self) -> impl Iterator<Item = &String> {
        self.now.iter().filter(|group| self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(group)))
    }
}

/// The groups that list a user.
fn groups_of(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let listed = |line: &&str| {
        line.rsplit(':').next().is_some_and(|members| members.split(',').any(|member| member == name))
    };
    text.lines().filter(listed).filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

/// Options of a command, with values or without.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn option(&mut self, flag: &str, value: Option<String>) {
        self.0.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    }

    fn flag(&mut self, flag: &str, is_wanted: bool) {
        self.0.extend(is_wanted.then(|| flag.to_owned()));
    }

    fn call(mut self, tool: &'static str, name: &str) -> Call {
        self.0.push(name.to_owned());
        Call { tool, words: self.0 }
    }
}

pub(super) fn removal(args: &UserArgs) -> Call {
    let mut words = Words::default();
    words.flag("-f", args.force && !args.local);
    words.flag("-r", args.remove);
    words.call(if args.local { "luserdel" } else { "userdel" }, &args.name)
}

/// The commands that make a user. `has_own_group` is whether there is a group of its name.
pub(super) fn creation(args: &UserArgs, has_own_group: bool) -> Vec<Call> {
    let mut words = Words::default();
    let groups: Vec<&String> = args.groups.iter().flatten().filter(|group| !group.is_empty()).collect();
    let own_group = args.group.is_none() && has_own_group;
    words.option("-u", args.uid.map(|uid| uid.to_string()));
    words.option("-g", args.group.clone());
    words.option("-c", args.comment.clone());
    words.option("-d", args.home.as_ref().map(|home| home.display().to_string()));
    words.option("-s", args.shell.clone());
    let skeleton = args.skeleton.as_ref().filter(|_| args.create_home);
    words.option("-k", skeleton.map(|skeleton| skeleton.display().to_string()));
    words.flag("-r", args.system);
    words.flag("-M", !args.create_home);
    if args.local {
        words.flag("-n", own_group || args.group.is_some());
        let joins = groups.into_iter().map(|group| join("-M", &args.name, group));
        return std::iter::once(words.call("luseradd", &args.name)).chain(joins).collect();
    }
    let groups: Vec<&str> = groups.into_iter().map(String::as_str).collect();
    words.option("-G", (!groups.is_empty()).then(|| groups.join(",")));
    words.option("-K", args.umask.as_ref().map(|umask| format!("UMASK={umask}")));
    words.option("-K", args.uid_min.map(|number| format!("UID_MIN={number}")));
    words.option("-K", args.uid_max.map(|number| format!("UID_MAX={number}")));
    words.option("-Z", args.seuser.clone());
    words.flag("-o", args.non_unique && args.uid.is_some());
    words.flag("-N", own_group);
    words.flag("-m", args.create_home);
    vec![words.call("useradd", &args.name)]
}

/// The commands that make a user what it should be; none when it is.
pub(super) fn modification(args: &UserArgs, user: &Account, membership: &Membership) -> Vec<Call> {
    let mut words = Words::default();
    let mut differs = |flag: &str, wanted: Option<String>, now: &str| {
        let wanted = wanted.filter(|wanted| wanted != now);
        let does = wanted.is_some();
        words.option(flag, wanted);
        does
    };
    let renumbers = differs("-u", args.uid.map(|uid| uid.to_string()), &user.uid.to_string());
    differs("-g", membership.primary.clone(), &user.gid.to_string());
    differs("-c", args.comment.clone(), &user.comment);
    let moves = differs("-d", args.home.as_ref().map(|home| home.display().to_string()), &user.home);
    differs("-s", args.shell.clone(), &user.shell);
    words.flag("-m", moves && args.move_home);
    let mut calls = Vec::new();
    if args.local {
        calls.extend(membership.missing().map(|group| join("-M", &args.name, group)));
        calls.extend(membership.extra().filter(|_| !args.append).map(|group| join("-m", &args.name, group)));
    } else {
        words.flag("-o", renumbers && args.non_unique);
        let is_extra = membership.extra().next().is_some() && !args.append;
        if membership.missing().next().is_some() || is_extra {
            words.flag("-a", args.append);
            words.option("-G", membership.wanted.as_ref().map(|wanted| wanted.join(",")));
        }
    }
    if !words.0.is_empty() {
        calls.insert(0, words.call(if args.local { "lusermod" } else { "usermod" }, &args.name));
    }
    calls
}

/// Takes a user into a group of the host's own, or out of it.
fn join(flag: &str, name: &str, group: &str) -> Call {
    let mut words = Words::default();
    words.option(flag, Some(name.to_owned()));
    words.call("lgroupmod", group)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Arguments as _;

    fn args(value: &Value) -> UserArgs {
        UserArgs::read(value.as_object().unwrap().clone()).unwrap()
    }

    fn lines(calls: &[Call]) -> Vec<String> {
        calls.iter().map(|call| format!("{} {}", call.tool, call.words.join(" "))).collect()
    }

    fn user() -> Account {
        Account {
            name: "ann".to_owned(),
            uid: 1000,
            gid: 1000,
            comment: "Ann".to_owned(),
            home: "/home/ann".to_owned(),
            shell: "/bin/sh".to_owned(),
        }
    }

    #[test]
    fn users_are_made() {
        for (given, has_own_group, expected) in [
            (json!({"name": "ann"}), false, &["useradd -m ann"][..]),
            (json!({"name": "ann", "create_home": false}), true, &["useradd -M -N ann"]),
            (
                json!({"name": "ann", "group": "ops", "groups": "a,b", "uid": 7, "non_unique": true, "system": true}),
                true,
                &["useradd -u 7 -g ops -r -G a,b -o -m ann"],
            ),
            (
                json!({"name": "ann", "umask": "077", "uid_min": 5, "uid_max": 9, "skeleton": "/s", "seuser": "x_u"}),
                false,
                &["useradd -k /s -K UMASK=077 -K UID_MIN=5 -K UID_MAX=9 -Z x_u -m ann"],
            ),
            (
                json!({"name": "ann", "local": true, "groups": ["a", "b"], "shell": "/bin/sh", "home": "/h"}),
                true,
                &["luseradd -d /h -s /bin/sh -n ann", "lgroupmod -M ann a", "lgroupmod -M ann b"],
            ),
        ] {
            assert_eq!(lines(&creation(&args(&given), has_own_group)), expected, "{given}");
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let membership = |args: &UserArgs| Membership {
            primary: args.group.clone(),
            now: vec!["a".to_owned(), "b".to_owned()],
            wanted: args.groups.clone(),
        };
        for (given, expected) in [
            (
                json!({"name": "ann", "uid": 1000, "comment": "Ann", "home": "/home/ann", "groups": "b,a"}),
                &[][..],
            ),
            (json!({"name": "ann", "groups": "a", "append": true}), &[]),
            (json!({"name": "ann", "groups": "a"}), &["usermod -G a ann"]),
            (json!({"name": "ann", "groups": []}), &["usermod -G  ann"]),
            (json!({"name": "ann", "groups": "c", "append": true}), &["usermod -a -G c ann"]),
            (json!({"name": "ann", "home": "/h", "move_home": true}), &["usermod -d /h -m ann"]),
            (
                json!({"name": "ann", "uid": 7, "group": "1001", "shell": "/bin/bash", "non_unique": true}),
                &["usermod -u 7 -g 1001 -s /bin/bash -o ann"],
            ),
            (
                json!({"name": "ann", "local": true, "groups": ["b", "c"], "comment": "A"}),
                &["lusermod -c A ann", "lgroupmod -M ann c", "lgroupmod -m ann a"],
            ),
        ] {
            let args = args(&given);
            assert_eq!(lines(&modification(&args, &user(), &membership(&args))), expected, "{given}");
        }
    }

    #[test]
    fn users_are_removed() {
        let line = |given: Value| lines(&[removal(&args(&given))]).remove(0);
        assert_eq!(line(json!({"name": "ann", "state": "absent"})), "userdel ann");
        assert_eq!(line(json!({"name": "ann", "force": true, "remove": true})), "userdel -f -r ann");
        assert_eq!(line(json!({"name": "ann", "local": true, "remove": true})), "luserdel -r ann");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let args = args(&json!({"name": "ann", "local": true, "uid_min": 5}));
        assert_eq!(args.check().unwrap_err().to_string(), "'uid_min' can not be used with 'local'");
    }
}
