//! `user`: users.

use std::path::{Path, PathBuf};

use crate::args::{Arguments, Choice};
use crate::modules::group::State;
use crate::system::account::{self, User as Account};
use crate::system::command::Command;
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
    /// Whether a new user gets a home folder.
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
        let found = account::user(context, &args.name).filter(|user| user.name == args.name);
        let state = if args.state == State::Present { "present" } else { "absent" };
        let mut outcome = Outcome::new(false).with("name", args.name.as_str()).with("state", state);
        match (&found, args.state) {
            (None, State::Absent) => return Ok(outcome),
            (Some(_), State::Absent) => {
                outcome.changed = true;
                let flags = [(args.force, "-f"), (args.remove, "-r")];
                let command = context.tool("userdel").arguments(chosen(&flags)).argument(&args.name);
                act(command, "remove", &args.name, context)?;
                return Ok(outcome.with("force", args.force).with("remove", args.remove));
            }
            (None, State::Present) => {
                outcome.changed = true;
                act(creation(&args, context), "add", &args.name, context)?;
            }
            (Some(user), State::Present) => {
                if let Some(command) = modification(&args, user, context)? {
                    outcome.changed = true;
                    act(command, "change", &args.name, context)?;
                }
            }
        }
        outcome.changed |= password(&args, found.is_none(), context)?;
        outcome.changed |= ageing(&args, context)?;
        if args.generate_ssh_key {
            ssh_key(&args, &mut outcome, context)?;
        }
        Ok(described(outcome, &args, context))
    }
}

fn chosen<'a>(flags: &[(bool, &'a str)]) -> Vec<&'a str> {
    flags.iter().filter(|(wanted, _)| *wanted).map(|(_, flag)| *flag).collect()
}

fn act(command: Command, what: &str, name: &str, context: &Context) -> Result<(), ModuleError> {
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

fn creation(args: &UserArgs, context: &Context) -> Command {
    let mut command = context.tool("useradd");
    let mut option = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            command = std::mem::replace(&mut command, context.tool("true")).arguments([flag, &value]);
        }
    };
    option("-u", args.uid.map(|uid| uid.to_string()));
    option("-g", args.group.clone());
    option("-G", args.groups.as_ref().filter(|groups| !groups.is_empty()).map(|groups| groups.join(",")));
    option("-c", args.comment.clone());
    option("-d", args.home.as_ref().map(|home| home.display().to_string()));
    option("-s", args.shell.clone());
    option("-K", args.umask.as_ref().map(|umask| format!("UMASK={umask}")));
    option(
        "-k",
        args.skeleton.as_ref().filter(|_| args.create_home).map(|skeleton| skeleton.display().to_string()),
    );
    // A group of the user's own name that is there already is its group.
    let own_group = args.group.is_none() && account::group(context, &args.name).is_some();
    let flags = [
        (args.non_unique && args.uid.is_some(), "-o"),
        (own_group, "-N"),
        (args.system, "-r"),
        (args.create_home, "-m"),
        (!args.create_home, "-M"),
    ];
    command.arguments(chosen(&flags)).argument(&args.name)
}

/// The command that makes a user what it should be; `None` when it is.
fn modification(args: &UserArgs, user: &Account, context: &Context) -> Result<Option<Command>, ModuleError> {
    let mut words: Vec<String> = Vec::new();
    let mut differs = |flag: &str, wanted: Option<String>, now: &str| {
        if let Some(wanted) = wanted.filter(|wanted| wanted != now) {
            words.extend([flag.to_owned(), wanted]);
        }
    };
    differs("-u", args.uid.map(|uid| uid.to_string()), &user.uid.to_string());
    let gid = match &args.group {
        Some(group) => match account::group(context, group) {
            Some(group) => Some(group.gid.to_string()),
            // An earlier task of the real run may make it.
            None if context.check => Some(group.clone()),
            None => return Err(ModuleError::new(format!("Group {group} does not exist"))),
        },
        None => None,
    };
    differs("-g", gid, &user.gid.to_string());
    differs("-c", args.comment.clone(), &user.comment);
    differs("-d", args.home.as_ref().map(|home| home.display().to_string()), &user.home);
    differs("-s", args.shell.clone(), &user.shell);
    if args.move_home && words.iter().any(|word| word == "-d") {
        words.push("-m".to_owned());
    }
    if let Some(wanted) = &args.groups {
        let now = groups_of(&args.name);
        let wanted: Vec<String> = wanted
            .iter()
            .filter(|group| !group.is_empty())
            .map(|group| account::group(context, group).map_or_else(|| group.clone(), |group| group.name))
            .collect();
        let missing = wanted.iter().any(|group| !now.contains(group));
        let primary = account::group(context, &user.gid.to_string()).map(|group| group.name);
        let extra = now.iter().any(|group| !wanted.contains(group) && Some(group) != primary.as_ref());
        if missing || (extra && !args.append) {
            if args.append {
                words.push("-a".to_owned());
            }
            words.extend(["-G".to_owned(), wanted.join(",")]);
        }
    }
    if args.non_unique && words.iter().any(|word| word == "-u") {
        words.push("-o".to_owned());
    }
    Ok((!words.is_empty()).then(|| context.tool("usermod").arguments(words).argument(&args.name)))
}

/// The groups that list a user.
fn groups_of(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let listed = |line: &&str| {
        line.rsplit(':').next().is_some_and(|members| members.split(',').any(|member| member == name))
    };
    text.lines().filter(listed).filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

/// A user's line of `/etc/shadow`, in fields.
fn shadow(name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string("/etc/shadow").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}

/// Sets and locks the password. It goes through a pipe, for all can read arguments.
fn password(args: &UserArgs, is_new: bool, context: &Context) -> Result<bool, ModuleError> {
    let now = shadow(&args.name).and_then(|fields| fields.into_iter().nth(1)).unwrap_or_default();
    let mut changed = false;
    let differs = |wanted: &&String| {
        now.trim_start_matches('!') != wanted.trim_start_matches('!')
            || (wanted.starts_with(['!', '*']) && now != **wanted)
    };
    let may_change = is_new || args.update_password == UpdatePassword::Always;
    if let Some(wanted) = args.password.as_ref().filter(|_| may_change).filter(differs) {
        changed = true;
        if !context.check {
            let line = format!("{}:{wanted}\n", args.name);
            let finished = context.tool("chpasswd").argument("-e").input(line).run()?;
            if !finished.status.success() {
                return Err(ModuleError::new(format!("cannot set the password of {}", args.name)));
            }
        }
    }
    if let Some(lock) = args.password_lock {
        let is_locked = if changed { false } else { now.starts_with('!') };
        if lock != is_locked {
            changed = true;
            act(
                context.tool("usermod").arguments([if lock { "-L" } else { "-U" }, &args.name]),
                "lock",
                &args.name,
                context,
            )?;
        }
    }
    Ok(changed)
}

/// Sets how long the password and the account are good for.
fn ageing(args: &UserArgs, context: &Context) -> Result<bool, ModuleError> {
    let fields = shadow(&args.name).unwrap_or_default();
    let field = |index: usize| fields.get(index).cloned().unwrap_or_default();
    let days = args.expires.map(|seconds| {
        if seconds < 0.0 { String::new() } else { format!("{}", (seconds / 86400.0).floor()) }
    });
    let wanted = [
        ("-m", args.password_expire_min.map(|days| days.to_string()), field(3)),
        ("-M", args.password_expire_max.map(|days| days.to_string()), field(4)),
        ("-W", args.password_expire_warn.map(|days| days.to_string()), field(5)),
        ("-E", days, field(7)),
    ];
    let mut words: Vec<String> = Vec::new();
    for (flag, wanted, now) in wanted {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != now) {
            words.extend([flag.to_owned(), if wanted.is_empty() { "-1".to_owned() } else { wanted }]);
        }
    }
    if words.is_empty() {
        return Ok(false);
    }
    act(
        context.tool("chage").arguments(words).argument(&args.name),
        "set the ageing of",
        &args.name,
        context,
    )?;
    Ok(true)
}

/// Makes a key pair, unless there is one.
fn ssh_key(args: &UserArgs, outcome: &mut Outcome, context: &Context) -> Result<(), ModuleError> {
    let home = account::user(context, &args.name)
        .map(|user| user.home)
        .or_else(|| args.home.as_ref().map(|home| home.display().to_string()));
    let home = home.unwrap_or_else(|| format!("/home/{}", args.name));
    let default = PathBuf::from(format!(".ssh/id_{}", args.ssh_key_type));
    let path = Path::new(&home).join(args.ssh_key_file.as_ref().unwrap_or(&default));
    outcome.result.insert("ssh_key_file".to_owned(), path.display().to_string().into());
    if !path.exists() {
        outcome.changed = true;
        if context.check {
            return Ok(());
        }
        let comment = args.ssh_key_comment.clone().unwrap_or_else(|| {
            format!("clouder-generated on {}", rustix::system::uname().nodename().to_string_lossy())
        });
        let file = path.display().to_string();
        let folder = path.parent().unwrap_or(Path::new("/")).display().to_string();
        // As the user itself, so that everything is its own.
        let bits = args.ssh_key_bits.map_or_else(String::new, |bits| format!("-b {bits} "));
        let line = format!(
            "umask 077; mkdir -p \"$KEY_FOLDER\" && exec ssh-keygen -q -t \"$KEY_TYPE\" {bits}-C \"$KEY_COMMENT\" -N '' -f \"$KEY_FILE\""
        );
        let variables = [
            ("KEY_FOLDER", folder),
            ("KEY_TYPE", args.ssh_key_type.clone()),
            ("KEY_COMMENT", comment),
            ("KEY_FILE", file),
        ];
        let mut command = context.tool("su").arguments(["-s", "/bin/sh", "-m", &args.name, "-c", &line]);
        for (name, value) in variables {
            command = command.environment(name, value);
        }
        act(command, "make a key for", &args.name, context)?;
    }
    let public = std::fs::read_to_string(format!("{}.pub", path.display())).unwrap_or_default();
    outcome.result.insert("ssh_public_key".to_owned(), public.trim().into());
    Ok(())
}

/// The outcome with what playbooks read of a user.
fn described(mut outcome: Outcome, args: &UserArgs, context: &Context) -> Outcome {
    if let Some(user) = account::user(context, &args.name) {
        for (name, value) in [("uid", user.uid), ("group", user.gid)] {
            outcome.result.insert(name.to_owned(), value.into());
        }
        for (name, value) in [("comment", user.comment), ("home", user.home), ("shell", user.shell)] {
            outcome.result.insert(name.to_owned(), value.into());
        }
    }
    outcome.result.insert("append".to_owned(), args.append.into());
    outcome.result.insert("move_home".to_owned(), args.move_home.into());
    if args.password.is_some() {
        outcome.result.insert("password".to_owned(), "NOT_LOGGING_PASSWORD".into());
    }
    if let Some(groups) = &args.groups {
        outcome.result.insert("groups".to_owned(), groups.join(",").into());
    }
    outcome
}
