//! `mount`: file systems, mounted and listed to be.

mod table;

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::{Arguments, Choice};
use crate::module::Doing as _;
use crate::system::attributes::FileAttributes;
use crate::system::command::Command;
use crate::system::placement::{Content, Placement};
use crate::system::{file, mounts};
use crate::{Context, Module, ModuleError, Outcome};
use table::Entry;

const FSTAB: &str = "/etc/fstab";

/// Mounts and unmounts file systems, and lists them in `/etc/fstab`.
#[derive(Arguments)]
#[arguments(
    required_if("state", "present", "src"),
    required_if("state", "present", "fstype"),
    required_if("state", "mounted", "src"),
    required_if("state", "mounted", "fstype"),
    required_if("state", "ephemeral", "src"),
    required_if("state", "ephemeral", "fstype")
)]
pub struct MountArgs {
    /// The folder it appears in; `none` for swap.
    #[arg(alias = "name")]
    path: PathBuf,
    /// What is mounted: a device, `UUID=…`, `server:/folder`, or for some kinds just a name.
    src: Option<String>,
    /// The kind of file system: `ext4`, `nfs`, `tmpfs`, `swap`, `none` for a bind mount.
    fstype: Option<String>,
    /// Mount options, with commas between; `defaults` if nothing is said.
    opts: Option<String>,
    /// Do not show the options in results and differences: they may hold a password.
    #[arg(default = "false")]
    opts_no_log: bool,
    /// Field of `/etc/fstab` for the program dump.
    #[arg(default = "0")]
    dump: String,
    /// Field of `/etc/fstab` that says when the file system is checked while the host starts: 1 first, 2 later, 0 never.
    #[arg(default = "0")]
    passno: String,
    /// How it should be: `present` lists it, `mounted` lists and mounts it, `unmounted` unmounts it and leaves the list
    /// alone, `absent_from_fstab` only takes it off the list, `absent` does both and removes the folder, `remounted`
    /// mounts it again in place, `ephemeral` mounts it without listing it.
    state: State,
    /// Another file to use for `/etc/fstab`.
    fstab: Option<PathBuf>,
    /// Whether it is mounted when the host starts; `false` adds the option `noauto`.
    #[arg(default = "true")]
    boot: bool,
    /// Keep the old list beside the new one, with the time in its name.
    #[arg(default = "false")]
    backup: bool,
}

/// How a file system should be.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum State {
    /// Neither mounted nor listed, and its folder gone.
    Absent,
    /// Not listed.
    AbsentFromFstab,
    /// Mounted and listed.
    Mounted,
    /// Listed.
    Present,
    /// Not mounted.
    Unmounted,
    /// Mounted again.
    Remounted,
    /// Mounted, not listed.
    Ephemeral,
}

/// The `mount` module.
pub struct Mount;

impl Module for Mount {
    type Args = MountArgs;
    const NAME: &'static str = "mount";
    const SUMMARY: &'static str = "Manages mounted file systems and their list";

    fn run(args: MountArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let fstab = args.fstab.clone().unwrap_or_else(|| FSTAB.into());
        let fstab = file::follow(&fstab);
        let mut outcome = match args.state {
            State::Present => list(&args, &fstab, context)?,
            State::Mounted => mount(&args, &fstab, context)?,
            State::AbsentFromFstab => unlist(&args, &fstab, context)?,
            State::Absent => absent(&args, &fstab, context)?,
            State::Unmounted => unmount(&args, context)?,
            State::Remounted => {
                if !context.check {
                    remount(&args, &fstab, context)?;
                }
                Outcome::new(true)
            }
            State::Ephemeral => ephemeral(&args, context)?,
        };
        let mut set = |name: &str, value: String| drop(outcome.result.insert(name.to_owned(), value.into()));
        set("name", args.path.display().to_string());
        set("fstab", fstab.display().to_string());
        set("dump", args.dump.clone());
        set("passno", args.passno.clone());
        set("boot", if args.boot { "yes" } else { "no" }.to_owned());
        if !args.opts_no_log {
            set("opts", args.options());
        }
        for (name, value) in [("src", &args.src), ("fstype", &args.fstype)] {
            if let Some(value) = value {
                set(name, value.clone());
            }
        }
        outcome.result.entry("backup_file").or_insert_with(|| "".into());
        Ok(outcome)
    }
}

impl MountArgs {
    fn options(&self) -> String {
        let given = self.opts.clone().filter(|options| !options.is_empty());
        let options = given.unwrap_or_else(|| "defaults".to_owned());
        let listed = matches!(self.state, State::Present | State::Mounted);
        if self.boot || !listed || options.split(',').any(|option| option == "noauto") {
            options
        } else {
            format!("{options},noauto")
        }
    }

    fn entry(&self) -> Entry {
        Entry {
            source: self.src.clone().unwrap_or_default(),
            point: self.path.display().to_string(),
            kind: self.fstype.clone().unwrap_or_default(),
            options: self.options(),
            dump: self.dump.clone(),
            pass: self.passno.clone(),
        }
    }

    /// The device, when this is about swap.
    fn swap(&self) -> Option<&str> {
        if self.fstype.as_deref() == Some("swap") { self.src.as_deref() } else { None }
    }

    /// What is mounted at the path now.
    fn mounted(&self) -> Result<Option<mounts::Mounted>, ModuleError> {
        let point = file::tidy(&file::follow(&self.path));
        Ok(mounts::mounted()?.into_iter().rev().find(|mounted| mounted.point == point))
    }
}

fn read(fstab: &Path) -> Result<String, ModuleError> {
    let bytes = file::read(fstab)?.unwrap_or_default();
    String::from_utf8(bytes).doing(|| format!("{} is not text", fstab.display()))
}

/// Writes the list, unless it is so already.
fn write(args: &MountArgs, fstab: &Path, text: &str, context: &mut Context) -> Result<Outcome, ModuleError> {
    let attributes = FileAttributes::default();
    let placement = Placement { backup: args.backup, ..Placement::new(fstab, &attributes) };
    let placed = placement.place(&Content::Bytes(text.as_bytes()), context)?;
    let mut outcome = Outcome::new(placed.content_changed);
    if !args.opts_no_log {
        outcome.diff = placed.diff;
    }
    if let Some(backup) = placed.backup {
        outcome.result.insert("backup_file".to_owned(), backup.to_string_lossy().into());
    }
    Ok(outcome)
}

fn list(args: &MountArgs, fstab: &Path, context: &mut Context) -> Result<Outcome, ModuleError> {
    let text = table::with_entry(&read(fstab)?, &args.entry());
    write(args, fstab, &text, context)
}

fn unlist(args: &MountArgs, fstab: &Path, context: &mut Context) -> Result<Outcome, ModuleError> {
    let before = read(fstab)?;
    let after = table::without(&before, &args.path.display().to_string(), args.swap());
    if before == after { Ok(Outcome::new(false)) } else { write(args, fstab, &after, context) }
}

/// Lists it, then mounts it or, when it is mounted and the list changed, mounts it again. A list that cannot be mounted
/// is taken back.
fn mount(args: &MountArgs, fstab: &Path, context: &mut Context) -> Result<Outcome, ModuleError> {
    let before = file::read(fstab)?;
    let is_mounted = args.mounted()?.is_some();
    let mut outcome = list(args, fstab, context)?;
    let relisted = outcome.changed;
    outcome.changed |= !is_mounted;
    if context.check || !outcome.changed {
        return Ok(outcome);
    }
    let made = make_point(&args.path)?;
    let done = if is_mounted && relisted {
        remount(args, fstab, context)
    } else {
        let command = with_list(context.tool("mount"), fstab).argument(&args.path);
        act(command, "mounting", &args.path)
    };
    if let Err(error) = done {
        match before {
            _ if !relisted => {}
            Some(before) => file::replace(fstab, &before, &FileAttributes::default(), context)?,
            None => fs::remove_file(fstab).doing(|| format!("cannot remove {}", fstab.display()))?,
        }
        if made {
            // Something may be in it by now.
            let _ = fs::remove_dir(&args.path);
        }
        return Err(error);
    }
    Ok(outcome)
}

fn absent(args: &MountArgs, fstab: &Path, context: &mut Context) -> Result<Outcome, ModuleError> {
    let outcome = unlist(args, fstab, context)?;
    // As in Ansible, what is not listed is left alone.
    if !outcome.changed || context.check || args.swap().is_some() {
        return Ok(outcome);
    }
    if args.mounted()?.is_some() {
        act(context.tool("umount").argument(&args.path), "unmounting", &args.path)?;
    }
    if args.path.exists() {
        fs::remove_dir(&args.path).doing(|| format!("Error rmdir {}", args.path.display()))?;
    }
    Ok(outcome)
}

fn unmount(args: &MountArgs, context: &Context) -> Result<Outcome, ModuleError> {
    let is_mounted = args.mounted()?.is_some();
    if is_mounted && !context.check {
        act(context.tool("umount").argument(&args.path), "unmounting", &args.path)?;
    }
    Ok(Outcome::new(is_mounted))
}

/// Mounts it again in place; where that cannot be, unmounts and mounts it.
fn remount(args: &MountArgs, fstab: &Path, context: &Context) -> Result<(), ModuleError> {
    // What the list says counts, unless options are given for this time only.
    let options = match (args.state, &args.opts) {
        (State::Remounted, Some(options)) if options != "defaults" => format!("remount,{options}"),
        _ => "remount".to_owned(),
    };
    let command = with_list(context.tool("mount"), fstab).arguments(["-o", &options]).argument(&args.path);
    if command.run()?.status.success() {
        return Ok(());
    }
    act(context.tool("umount").argument(&args.path), "remounting", &args.path)?;
    let mut command = with_list(context.tool("mount"), fstab);
    if let Some(options) = options.strip_prefix("remount,") {
        command = command.arguments(["-o", options]);
    }
    act(command.argument(&args.path), "remounting", &args.path)
}

/// Mounts it without the list. What is mounted already is mounted again, so that its options are as asked for.
fn ephemeral(args: &MountArgs, context: &Context) -> Result<Outcome, ModuleError> {
    let (source, kind) = (args.src.clone().unwrap_or_default(), args.fstype.clone().unwrap_or_default());
    let mounted = args.mounted()?;
    if let Some(other) = mounted.as_ref().filter(|mounted| mounted.source != source) {
        return Err(ModuleError::new(format!(
            "{} is mounted at {} already, and will not be covered by {source}: unmount it first (state: unmounted), \
             or use another path",
            other.source,
            args.path.display()
        )));
    }
    if !context.check {
        let options = match mounted {
            Some(_) => format!("remount,{}", args.options()),
            None => args.options(),
        };
        make_point(&args.path)?;
        let command = context.tool("mount").arguments(["-t", &kind, "-o", &options, &source]);
        act(command.argument(&args.path), "mounting", &args.path)?;
    }
    Ok(Outcome::new(true))
}

/// Makes the folder to mount at, if there is none; says whether it did.
fn make_point(path: &Path) -> Result<bool, ModuleError> {
    if path.exists() {
        return Ok(false);
    }
    fs::create_dir_all(path).doing(|| format!("Error making dir {}", path.display()))?;
    Ok(true)
}

fn with_list(command: Command, fstab: &Path) -> Command {
    if fstab == Path::new(FSTAB) { command } else { command.argument("-T").argument(fstab) }
}

fn act(command: Command, doing: &str, path: &Path) -> Result<(), ModuleError> {
    let finished = command.run()?;
    if finished.status.success() {
        return Ok(());
    }
    let said = if finished.stderr.is_empty() { finished.out() } else { finished.err() };
    Err(ModuleError::new(format!("Error {doing} {}: {}", path.display(), said.trim_end())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::Mount;
    use crate::modules::testing::{changes_once, context, run, run_in};

    #[test]
    fn what_is_listed_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let fstab = folder.path().join("fstab");
        std::fs::write(&fstab, "/dev/sda1 / ext4 defaults 0 1\n").unwrap();
        let mut arguments = json!({
            "path": "/mnt/data", "src": "UUID=1-2", "fstype": "xfs", "opts": "noatime", "boot": false,
            "state": "present", "fstab": fstab, "backup": true,
        });
        let outcome = changes_once::<Mount>(&arguments);
        let text = std::fs::read_to_string(&fstab).unwrap();
        assert_eq!(text, "/dev/sda1 / ext4 defaults 0 1\nUUID=1-2 /mnt/data xfs noatime,noauto 0 0\n");
        assert_eq!(outcome.result["opts"], "noatime,noauto");
        assert!(std::path::Path::new(outcome.result["backup_file"].as_str().unwrap()).exists());
        assert_eq!(outcome.diff.len(), 1);
        arguments["state"] = json!("absent");
        changes_once::<Mount>(&arguments);
        assert_eq!(std::fs::read_to_string(&fstab).unwrap(), "/dev/sda1 / ext4 defaults 0 1\n");
    }

    #[test]
    fn a_list_that_cannot_be_mounted_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let mount = folder.path().join("mount");
        std::fs::write(&mount, "#!/bin/sh\necho \"no such device\" >&2\nexit 32\n").unwrap();
        std::fs::set_permissions(&mount, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut context = context();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
        context.environment.insert("PATH".to_owned(), path);
        let (fstab, point) = (folder.path().join("fstab"), folder.path().join("point"));
        let arguments =
            json!({"path": point, "src": "/dev/none", "fstype": "ext4", "state": "mounted", "fstab": fstab});
        let outcome = run_in::<Mount>(arguments, &mut context);
        assert!(outcome.failed && outcome.msg.as_ref().unwrap().contains("no such device"), "{outcome:?}");
        assert!(!fstab.exists() && !point.exists());
    }

    #[test]
    fn what_is_mounted_is_seen() {
        let root = run::<Mount>(json!({"path": "/", "state": "unmounted"}), true);
        assert!(root.changed, "{root:?}");
        let folder = tempfile::tempdir().unwrap();
        assert!(!run::<Mount>(json!({"path": folder.path(), "state": "unmounted"}), false).changed);
    }

    #[test]
    fn listing_needs_to_know_what() {
        let outcome = run::<Mount>(json!({"path": "/mnt", "state": "mounted", "src": "x"}), true);
        assert!(outcome.failed && outcome.msg.unwrap().contains("`fstype`"));
    }
}
