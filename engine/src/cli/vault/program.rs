//! The editor and the pager.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::super::Failure;
use crate::config::{self, Config, Setting};
use crate::playbook::split_words;

/// The words of a program that a setting names.
fn words(config: &Config, setting: &'static Setting) -> Result<Vec<String>, Failure> {
    let line = config.text(setting).unwrap_or_else(|| setting.default.to_owned());
    let wrong = |why: &str| {
        let name = setting.name.to_lowercase();
        Failure::new(
            format!("the {name} `{line}` cannot be run: {why}"),
            format!("${} names it", setting.name),
        )
    };
    let words = split_words(&line).map_err(wrong)?;
    if words.is_empty() { Err(wrong("it has no name")) } else { Ok(words) }
}

/// Lets somebody edit a file.
///
/// # Errors
/// When the editor cannot be run, or fails: what is in the file is not to be used then.
pub(super) fn edit(config: &Config, path: &Path) -> Result<(), Failure> {
    let words = words(config, &config::EDITOR)?;
    let (name, arguments) = words.split_first().ok_or_else(|| Failure::plain("there is no editor"))?;
    let mut command = Command::new(name);
    command.args(arguments).arg(path);
    let status = attend(command, None).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::plain("interrupted; nothing was changed"),
        _ => Failure::new(format!("cannot run the editor {name}: {error}"), "$EDITOR names another one"),
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("the editor {name} failed: {status}"), "nothing was changed"))
    }
}

/// Shows a text page by page; `false` when there is no pager.
pub(super) fn page(config: &Config, bytes: &[u8]) -> Result<bool, Failure> {
    let words = words(config, &config::PAGER)?;
    let (name, arguments) = words.split_first().ok_or_else(|| Failure::plain("there is no pager"))?;
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // It ends by itself where one page is enough, and leaves what it showed.
        command.env("LESS", "FRSX");
    }
    match attend(command, Some(bytes)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::plain(format!("cannot run the pager {name}: {error}"))),
    }
}

/// Runs a program that has the terminal for itself. Ctrl-C is meant for it, not for us; when we are to end, it has to end
/// first, so that what it had to see can be removed.
fn attend(mut command: Command, input: Option<&[u8]>) -> io::Result<ExitStatus> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut keys = [signal(SignalKind::interrupt())?, signal(SignalKind::quit())?];
        let mut ends = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let mut child = command.spawn()?;
        if let (Some(bytes), Some(mut pipe)) = (input, child.stdin.take()) {
            // Who has seen enough does not read the rest.
            let _ = pipe.write_all(bytes).await;
        }
        loop {
            let [interrupt, quit] = &mut keys;
            tokio::select! {
                status = child.wait() => return status,
                () = any(&mut ends) => {
                    child.kill().await?;
                    return Err(io::ErrorKind::Interrupted.into());
                }
                _ = interrupt.recv() => {}
                _ = quit.recv() => {}
            }
        }
    })
}

/// Waits for one of two signals.
async fn any([one, two]: &mut [Signal; 2]) {
    tokio::select! {
        _ = one.recv() => {}
        _ = two.recv() => {}
    }
}
