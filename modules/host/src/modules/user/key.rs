//! The user's key pair for ssh.

use std::path::{Path, PathBuf};

use super::UserArgs;
use super::commands::act;
use crate::system::account;
use crate::{Context, ModuleError, Outcome};

/// Makes a key pair, unless there is one.
pub(super) fn ssh_key(args: &UserArgs, outcome: &mut Outcome, context: &Context) -> Result<(), ModuleError> {
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
