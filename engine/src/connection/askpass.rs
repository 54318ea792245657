//! A program that answers ssh's question for a password. The password goes through a pipe that only its owner can open,
//! never through a file, an argument or the environment.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;

/// How often it is looked whether ssh asks.
const PERIOD: Duration = Duration::from_millis(20);

/// What ssh runs. Only a password is answered: an unknown host key is refused, a key with a passphrase is not used.
const PROGRAM: &str = r#"#!/bin/sh
case $1 in
  *'(yes/no'*) echo no;;
  *assphrase*|*' PIN '*) exit 1;;
  *) IFS= read -r answer <'PIPE' && printf '%s\n' "$answer";;
esac
"#;

/// The program and the pipe it reads.
pub(super) struct Askpass {
    /// What `SSH_ASKPASS` names.
    pub(super) program: PathBuf,
    pipe: PathBuf,
}

impl Askpass {
    /// Makes both in a private folder.
    pub(super) fn new(folder: &Path) -> std::io::Result<Self> {
        let (pipe, program) = (folder.join("answer"), folder.join("askpass"));
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
        let text = PROGRAM.replace("PIPE", &pipe.display().to_string());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o700).open(&program)?.write_all(text.as_bytes())?;
        Ok(Self { program, pipe })
    }

    /// Waits for the question and answers it, once.
    pub(super) async fn answer(&self, password: &str) {
        loop {
            match pipe::OpenOptions::new().open_sender(&self.pipe) {
                // Who does not read the answer does not get in, and ssh says so.
                Ok(mut sender) => return drop(sender.write_all(format!("{password}\n").as_bytes()).await),
                // Nobody has asked yet.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                    tokio::time::sleep(PERIOD).await;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;

    async fn asked(question: &str, password: &str) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let askpass = Askpass::new(folder.path()).unwrap();
        let mut command = Command::new(&askpass.program);
        let asking = command.arg(question).kill_on_drop(true).output();
        tokio::pin!(asking);
        let output = tokio::select! {
            output = &mut asking => output.unwrap(),
            () = askpass.answer(password) => asking.await.unwrap(),
        };
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    #[tokio::test]
    async fn only_passwords_are_answered() {
        let password = r"it's \n %s  ";
        assert_eq!(asked("me@host's password: ", password).await, (true, format!("{password}\n")));
        assert_eq!(asked("(me@host) Password: ", "x").await, (true, "x\n".to_owned()));
        let question = "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
        assert_eq!(asked(question, "x").await, (true, "no\n".to_owned()));
        assert_eq!(asked("Enter passphrase for key '/k': ", "x").await, (false, String::new()));
    }
}
