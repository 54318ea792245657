//! Questions at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::connection::Secret;
use crate::run::Ask;

/// A way to ask, if there is a terminal.
pub(super) fn terminal() -> Option<Ask> {
    io::stdin().is_terminal().then(|| Ask(Arc::new(ask)))
}

/// Asks a question; what is typed is hidden if asked for.
pub(super) fn ask(question: &str, hidden: bool) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "{question}: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    if hidden {
        let silence = Silence::new(&terminal)?;
        let read = BufReader::new(&terminal).read_line(&mut answer);
        drop(silence);
        writeln!(terminal)?;
        read?;
    } else {
        BufReader::new(&terminal).read_line(&mut answer)?;
    }
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"));
    }
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence<'a> {
    terminal: &'a File,
    before: rustix::termios::Termios,
}

impl<'a> Silence<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // There is no one left to tell.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

/// A password: asked for, or the first line of a file (or of what a program prints).
pub(super) fn password(wanted: bool, question: &str, file: Option<&Path>) -> io::Result<Option<Secret>> {
    if let Some(path) = file {
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read the password file {}: {error}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(told)?;
        return Ok(text.lines().next().map(|line| Secret::new(line.to_owned())));
    }
    if !wanted {
        return Ok(None);
    }
    let ask =
        terminal().ok_or_else(|| io::Error::other(format!("{question}: there is no terminal to ask at")))?;
    (ask.0)(question, true).map(|answer| Some(Secret::new(answer)))
}
