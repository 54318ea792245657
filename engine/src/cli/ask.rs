//! Questions at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use crate::connection::Secret;
use crate::run::{Ask, Console};

/// A way to ask, if there is a terminal.
pub(super) fn terminal() -> Option<Ask> {
    io::stdin().is_terminal().then(|| Ask(Arc::new(ask)))
}

/// Where commands are given: standard input, be it a terminal or not. What is shown goes to standard error, away from what
/// reports write.
#[derive(Debug)]
pub(super) struct Standard;

impl Console for Standard {
    fn line(&self, prompt: &str) -> Option<String> {
        self.tell(prompt);
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        (read > 0).then_some(line)
    }

    fn tell(&self, text: &str) {
        let mut out = io::stderr().lock();
        // There is no one left to tell.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Asks a question; what is typed is hidden if asked for.
pub(super) fn ask(question: &str, hidden: bool) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let reader = terminal.try_clone()?;
    // Before the question: what is typed early is lost, but not shown.
    let silence = if hidden { Some(Silence::new(&reader)?) } else { None };
    write!(terminal, "{question}: ")?;
    terminal.flush()?;
    let mut answer = String::new();
    let read = BufReader::new(&reader).read_line(&mut answer);
    if silence.is_some() {
        drop(silence);
        writeln!(terminal)?;
    }
    read?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"));
    }
    Ok(answer.trim_end_matches(['\n', '\r']).to_owned())
}

/// Says something to whoever is asked.
pub(super) fn tell(text: &str) {
    Standard.tell(text);
}

/// Asks for a line, outside of a run.
pub(super) fn line(question: &str) -> io::Result<String> {
    ask(question, false)
}

/// Asks for a secret, outside of a run. Keys are read one by one, so that Ctrl-C ends the question and leaves the terminal
/// as it was.
pub(super) fn secret(question: &str) -> io::Result<String> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    // Before the question: what is typed early is lost, but not shown.
    let silence = Silence::key_by_key(&terminal)?;
    write!(&terminal, "{question}: ")?;
    let mut key = [0];
    let typed = keys(&mut std::iter::from_fn(|| match (&terminal).read(&mut key) {
        Ok(0) => None,
        read => Some(read.map(|_| key[0])),
    }));
    drop(silence);
    writeln!(&terminal)?;
    let typed = typed?;
    String::from_utf8(typed).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "that is not UTF-8"))
}

/// What is typed until Enter.
fn keys(keys: &mut dyn Iterator<Item = io::Result<u8>>) -> io::Result<Vec<u8>> {
    let mut typed: Vec<u8> = Vec::new();
    for key in keys {
        match key? {
            b'\n' | b'\r' => return Ok(typed),
            // Ctrl-C.
            3 => return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
            // Ctrl-D ends what has not begun.
            4 if typed.is_empty() => break,
            4 => {}
            // A letter may be several bytes.
            8 | 127 => while typed.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {},
            // Ctrl-U.
            21 => typed.clear(),
            other => typed.push(other),
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silence<'a> {
    terminal: &'a File,
    before: rustix::termios::Termios,
}

impl<'a> Silence<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        Self::without(terminal, LocalModes::ECHO)
    }

    /// The same, and each key is read as it is typed.
    fn key_by_key(terminal: &'a File) -> io::Result<Self> {
        Self::without(terminal, LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    fn without(terminal: &'a File, modes: LocalModes) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(modes);
        if modes.contains(LocalModes::ICANON) {
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        }
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
    if !io::stdin().is_terminal() {
        return Err(io::Error::other(format!("{question}: there is no terminal to ask at")));
    }
    secret(question).map(|answer| Some(Secret::new(answer)))
}

#[cfg(test)]
mod tests {
    use super::{io, keys};

    #[test]
    fn keys_are_read_as_a_terminal_would() {
        let typed = |keys_: &str| {
            let read = keys(&mut keys_.bytes().map(Ok));
            read.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|error| error.kind())
        };
        assert_eq!(typed("secret\nrest"), Ok("secret".to_owned()));
        assert_eq!(typed("grüß\u{7f}\u{7f}n\r"), Ok("grn".to_owned()));
        assert_eq!(typed("\u{7f}wrong\u{15}right\u{4}\n"), Ok("right".to_owned()));
        assert_eq!(typed("\n"), Ok(String::new()));
        assert_eq!(typed("abc\u{3}\n"), Err(io::ErrorKind::Interrupted));
        assert_eq!(typed("\u{4}"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(typed("cut off"), Err(io::ErrorKind::UnexpectedEof));
    }
}
