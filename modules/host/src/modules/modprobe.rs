//! `modprobe`: modules of the kernel.

use std::path::{Path, PathBuf};

use super::group::State;
use crate::args::{Arguments, Choice};
use crate::system::attributes::FileAttributes;
use crate::system::file;
use crate::{Context, Module, ModuleError, Outcome};

/// Loads and unloads modules of the kernel, now and when the host starts.
#[derive(Arguments)]
pub struct ModprobeArgs {
    /// The module.
    name: String,
    /// Whether it is loaded.
    #[arg(default = "present")]
    state: State,
    /// Its parameters.
    #[arg(default = "")]
    params: String,
    /// Whether that is written down for when the host starts.
    #[arg(default = "disabled")]
    persistent: Persistent,
}

/// What is written down for when the host starts.
#[derive(Choice, Clone, Copy, PartialEq)]
pub enum Persistent {
    /// Nothing is touched.
    Disabled,
    /// It is loaded.
    Present,
    /// It is not loaded.
    Absent,
}

/// The `modprobe` module.
pub struct Modprobe;

impl Module for Modprobe {
    type Args = ModprobeArgs;
    const NAME: &'static str = "modprobe";
    const SUMMARY: &'static str = "Manages modules of the kernel";

    fn run(args: ModprobeArgs, context: &mut Context) -> Result<Outcome, ModuleError> {
        let loaded = is_loaded(&args.name)?;
        let wanted = args.state == State::Present;
        let state = if wanted { "present" } else { "absent" };
        let mut outcome = Outcome::new(loaded != wanted)
            .with("name", args.name.as_str())
            .with("params", args.params.as_str())
            .with("state", state);
        if loaded != wanted && !context.check {
            let command = context.tool("modprobe");
            let command = if wanted { command } else { command.argument("-r") };
            let finished = command.argument(&args.name).arguments(args.params.split_whitespace()).run()?;
            if !finished.status.success() {
                return Err(finished.failure(&format!(
                    "cannot {} the module {}",
                    if wanted { "load" } else { "unload" },
                    args.name
                )));
            }
        }
        if args.persistent != Persistent::Disabled {
            let present = args.persistent == Persistent::Present;
            let text = |content: String| present.then_some(content);
            outcome.changed |= keep(
                &Path::new("/etc/modules-load.d").join(format!("{}.conf", args.name)),
                text(format!("{}\n", args.name)),
                context,
            )?;
            let options = Some(format!("options {} {}\n", args.name, args.params))
                .filter(|_| present && !args.params.is_empty());
            outcome.changed |=
                keep(&PathBuf::from(format!("/etc/modprobe.d/{}.conf", args.name)), options, context)?;
        }
        Ok(outcome)
    }
}

/// Whether a module is loaded, or built into the kernel.
fn is_loaded(name: &str) -> Result<bool, ModuleError> {
    let name = name.replace('-', "_");
    if Path::new("/sys/module").join(&name).exists() {
        return Ok(true);
    }
    let loaded = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if loaded.lines().any(|line| line.split(' ').next() == Some(&name)) {
        return Ok(true);
    }
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let built_in =
        std::fs::read_to_string(format!("/lib/modules/{release}/modules.builtin")).unwrap_or_default();
    let file_name =
        |line: &str| line.rsplit('/').next().map(|file| file.trim_end_matches(".ko").replace('-', "_"));
    Ok(built_in.lines().any(|line| file_name(line).as_deref() == Some(&name)))
}

/// Makes a file have a content, or not be there. Returns whether that is a change.
fn keep(path: &Path, content: Option<String>, context: &Context) -> Result<bool, ModuleError> {
    let before = file::read(path)?;
    if before.as_deref() == content.as_deref().map(str::as_bytes) {
        return Ok(false);
    }
    if !context.check {
        match content {
            Some(content) => file::replace(path, content.as_bytes(), &FileAttributes::default(), context)?,
            None => std::fs::remove_file(path)
                .map_err(|error| ModuleError::new(format!("cannot remove {}: {error}", path.display())))?,
        }
    }
    Ok(true)
}
