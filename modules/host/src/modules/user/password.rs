//! The user's password, and how long it and the account are good for.

use super::commands::act;
use super::{UpdatePassword, UserArgs};
use crate::{Context, ModuleError};

/// A user's line of `/etc/shadow`, in fields.
fn shadow(name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string("/etc/shadow").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}

/// Sets and locks the password. It goes through a pipe, for all can read arguments.
pub(super) fn password(args: &UserArgs, is_new: bool, context: &Context) -> Result<bool, ModuleError> {
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
                context
                    .tool(if args.local { "lusermod" } else { "usermod" })
                    .arguments([if lock { "-L" } else { "-U" }, &args.name]),
                "lock",
                &args.name,
                context,
            )?;
        }
    }
    Ok(changed)
}

/// Sets how long the password and the account are good for.
pub(super) fn ageing(args: &UserArgs, context: &Context) -> Result<bool, ModuleError> {
    let fields = shadow(&args.name).unwrap_or_default();
    let field = |index: usize| fields.get(index).cloned().unwrap_or_default();
    let days = args.expires.map(|seconds| {
        if seconds < 0.0 { String::new() } else { format!("{}", (seconds / 86400.0).floor()) }
    });
    let wanted = [
        ("-m", args.password_expire_min.map(|days| days.to_string()), field(3)),
        ("-M", args.password_expire_max.map(|days| days.to_string()), field(4)),
        ("-W", args.password_expire_warn.map(|days| days.to_string()), field(5)),
        ("-I", args.password_expire_account_disable.map(|days| days.to_string()), field(6)),
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
        context.tool(if args.local { "lchage" } else { "chage" }).arguments(words).argument(&args.name),
        "set the ageing of",
        &args.name,
        context,
    )?;
    Ok(true)
}
