//! `user`: users.

mod commands;
mod home;
mod key;
mod password;

use std::path::PathBuf;

use crate::args::{Arguments, Choice};
use crate::modules::group::State;
use crate::system::account;
use crate::{Context, Module, ModuleError, Outcome};

/// Adds, changes and removes users.
#[derive(Arguments)]
pub struct UserArgs {
    /// The user.
    #[arg(alias = "user")]
    name: String,
    /// Whether it is there.
    #[arg(default = "present")]
    state: State,
    /// Its number.
    uid: Option<u32>,
    /// Its primary group.
    group: Option<String>,
    /// Its other groups; an empty list takes it out of all.
    groups: Option<Vec<String>>,
    /// Only add to other groups, take it out of none.
    #[arg(default = "false")]
    append: bool,
    /// Its comment: a person's name.
    comment: Option<String>,
    /// Its home folder.
    home: Option<PathBuf>,
    /// Its login shell.
    shell: Option<String>,
    /// Its password, as a hash; `!` and `*` let no password in.
    #[arg(secret)]
    password: Option<String>,
    /// Whether a password that differs is changed, or only a new user's set.
    #[arg(default = "always")]
    update_password: UpdatePassword,
    /// Whether logging in with the password is forbidden.
    password_lock: Option<bool>,
    /// Most days a password is good for.
    password_expire_max: Option<i64>,
    /// Least days between changes of the password.
    password_expire_min: Option<i64>,
    /// Days of warning before the password is no longer good.
    password_expire_warn: Option<i64>,
    /// When the account ends, in seconds since 1970; negative for never.
    expires: Option<f64>,
    /// Days after the end of a password until the account ends, too.
    password_expire_account_disable: Option<i64>,
    /// Whether the user gets a home folder when there is none.
    #[arg(default = "true", alias = "createhome")]
    create_home: bool,
    /// Move the home folder's content when it changes.
    #[arg(default = "false")]
    move_home: bool,
    /// The folder a new home folder is copied from.
    skeleton: Option<PathBuf>,
    /// Whether a new user is given a number of the system's.
    #[arg(default = "false")]
    system: bool,
    /// Whether the number may be another user's, too.
    #[arg(default = "false")]
    non_unique: bool,
    /// When removing: remove the home folder, too.
    #[arg(default = "false")]
    remove: bool,
    /// When removing: even if it is logged in.
    #[arg(default = "false")]
    force: bool,
    /// The umask of a new home folder.
    umask: Option<String>,
    /// Least number that a new user is given.
    uid_min: Option<u32>,
    /// Greatest number that a new user is given.
    uid_max: Option<u32>,
    /// Only the host's own files count, not those of a directory service: with `luseradd` and its kin, of libuser.
    #[arg(default = "false")]
    local: bool,
    /// The user of SELinux that a new user is.
    seuser: Option<String>,
    /// Of Solaris; without effect.
    authorization: Option<String>,
    /// Of Solaris; without effect.
    profile: Option<String>,
    /// Of Solaris; without effect.
    role: Option<String>,
    /// Of BSD; without effect.
    login_class: Option<String>,
    /// Of macOS; without effect.
    hidden: Option<bool>,
    /// Make a key pair for ssh, unless there is one.
    #[arg(default = "false")]
    generate_ssh_key: bool,
    /// The key's size.
    ssh_key_bits: Option<u32>,
    /// The key's kind.
    #[arg(default = "rsa")]
    ssh_key_type: String,
    /// The key's file, from the home folder.
    ssh_key_file: Option<PathBuf>,
    /// The key's comment.
    ssh_key_comment: Option<String>,
}

/// When a password is changed.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum UpdatePassword {
    /// When it differs.
    Always,
    /// Only when the user is made.
    OnCreate,
}

/// The `user` module.
pub struct User;

impl Module for User {
    type Args = UserArgs;
    const NAME: &'static str = "user";
    const SUMMARY: &'static str = "Manages users";

    fn run(args: UserArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        // What other systems have is no use here, and no harm.
        let _ = (&args.authorization, &args.profile, &args.role, &args.login_class, args.hidden);
        args.check()?;
        let found = args.found(context);
        let state = if args.state == State::Present { "present" } else { "absent" };
        let mut outcome = Outcome::new(false).with("name", args.name.as_str()).with("state", state);
        match (&found, args.state) {
            (None, State::Absent) => return Ok(outcome),
            (Some(_), State::Absent) => {
                outcome.changed = true;
                commands::removal(&args).run("remove", &args.name, context)?;
                return Ok(outcome.with("force", args.force).with("remove", args.remove));
            }
            (None, State::Present) => {
                outcome.changed = true;
                args.groups_exist(context)?;
                // A group of the user's own name that is there already is its group.
                let has_own_group = account::group(context, &args.name).is_some();
                for call in commands::creation(&args, has_own_group) {
                    call.run("add", &args.name, context)?;
                }
            }
            (Some(user), State::Present) => {
                args.groups_exist(context)?;
                for call in
                    commands::modification(&args, user, &commands::Membership::of(&args, user, context))
                {
                    outcome.changed = true;
                    call.run("change", &args.name, context)?;
                }
                outcome.changed |= home::make_missing(&args, user, context)?;
            }
        }
        outcome.changed |= password::password(&args, found.is_none(), context)?;
        outcome.changed |= password::ageing(&args, context)?;
        if args.generate_ssh_key {
            key::ssh_key(&args, &mut outcome, context)?;
        }
        Ok(described(outcome, &args, found.is_none(), context))
    }
}

impl UserArgs {
    /// Refuses what does not go together.
    fn check(&self) -> Result<(), ModuleError> {
        let given = [
            ("umask", self.umask.is_some()),
            ("uid_min", self.uid_min.is_some()),
            ("uid_max", self.uid_max.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given && self.local) {
            Some((name, _)) => Err(ModuleError::new(format!("'{name}' can not be used with 'local'"))),
            None => Ok(()),
        }
    }

    /// The user, if there is one.
    fn found(&self, context: &Context) -> Option<account::User> {
        let found =
            if self.local { account::local_user(&self.name) } else { account::user(context, &self.name) };
        found.filter(|user| user.name == self.name)
    }

    /// Refuses groups that are not there. In check mode an earlier task of the real run may make them.
    fn groups_exist(&self, context: &Context) -> Result<(), ModuleError> {
        if context.check {
            return Ok(());
        }
        let named = self.group.iter().chain(self.groups.iter().flatten()).filter(|group| !group.is_empty());
        match named.into_iter().find(|group| account::group(context, group).is_none()) {
            Some(missing) => Err(ModuleError::new(format!("Group {missing} does not exist"))),
            None => Ok(()),
        }
    }
}

/// The outcome with what playbooks read of a user.
fn described(mut outcome: Outcome, args: &UserArgs, is_new: bool, context: &Context) -> Outcome {
    if let Some(user) = account::user(context, &args.name) {
        for (name, value) in [("uid", user.uid), ("group", user.gid)] {
            outcome.result.insert(name.to_owned(), value.into());
        }
        for (name, value) in [("comment", user.comment), ("home", user.home), ("shell", user.shell)] {
            outcome.result.insert(name.to_owned(), value.into());
        }
    }
    let of_this_change = match is_new {
        true => [("create_home", args.create_home), ("system", args.system)],
        false => [("append", args.append), ("move_home", args.move_home)],
    };
    for (name, value) in of_this_change {
        outcome.result.insert(name.to_owned(), value.into());
    }
    if args.password.is_some() {
        outcome.result.insert("password".to_owned(), "NOT_LOGGING_PASSWORD".into());
    }
    if let Some(groups) = &args.groups {
        outcome.result.insert("groups".to_owned(), groups.join(",").into());
    }
    outcome
}
