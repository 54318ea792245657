//! A program that answers ssh's questions for a password and a key's passphrase. They go through a pipe that only its owner can open,
//! never through a file, an argument or the environment.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;

use super::Secret;

/// How often it is looked whether ssh asks.
const PERIOD: Duration = Duration::from_millis(20);

/// What ssh runs. Nothing else is answered: an unknown host key is refused, a key whose passphrase is not known not used.
const PROGRAM: &str = r#"#!/bin/sh
case $1 in
  *'(yes/no'*) echo no;;
  *' PIN '*) exit 1;;
  *assphrase*) [ -p 'FOLDER/passphrase' ] && IFS= read -r answer <'FOLDER/passphrase' && printf '%s\n' "$answer";;
  *) [ -p 'FOLDER/password' ] && IFS= read -r answer <'FOLDER/password' && printf '%s\n' "$answer";;
esac
"#;

/// The program and the pipes it reads.
pub(super) struct Askpass<'a> {
    /// What `SSH_ASKPASS` names.
    pub(super) program: PathBuf,
    pipes: Vec<(PathBuf, &'a Secret)>,
}

impl<'a> Askpass<'a> {
    /// Makes the program, and a pipe for each answer there is, in a private folder.
    pub(super) fn new(
        folder: &Path,
        password: Option<&'a Secret>,
        passphrase: Option<&'a Secret>,
    ) -> std::io::Result<Self> {
        let mut pipes = Vec::new();
        for (name, answer) in [("password", password), ("passphrase", passphrase)] {
            let Some(answer) = answer else { continue };
            let pipe = folder.join(name);
            mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
            pipes.push((pipe, answer));
        }
        let program = folder.join("askpass");
        let text = PROGRAM.replace("FOLDER", &folder.display().to_string());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o700).open(&program)?.write_all(text.as_bytes())?;
        Ok(Self { program, pipes })
    }

    /// Waits for the questions and answers them, each once.
    pub(super) async fn answer(&self) {
        join_all(self.pipes.iter().map(|(pipe, secret)| answer(pipe, secret))).await;
    }
}

async fn answer(pipe: &Path, secret: &Secret) {
    loop {
        match pipe::OpenOptions::new().open_sender(pipe) {
            // Who does not read the answer does not get in, and ssh says so.
            Ok(mut sender) => {
                let line = format!("{}\n", secret.reveal());
                return drop(sender.write_all(line.as_bytes()).await);
            }
            // Nobody has asked yet.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                tokio::time::sleep(PERIOD).await;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;

    async fn asked(question: &str, password: Option<&str>, passphrase: Option<&str>) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let secret = |text: Option<&str>| text.map(|text| Secret::new(text.to_owned()));
        let (password, passphrase) = (secret(password), secret(passphrase));
        let askpass = Askpass::new(folder.path(), password.as_ref(), passphrase.as_ref()).unwrap();
        let mut command = Command::new(&askpass.program);
        let asking = command.arg(question).kill_on_drop(true).output();
        tokio::pin!(asking);
        let output = tokio::select! {
            output = &mut asking => output.unwrap(),
            () = askpass.answer() => asking.await.unwrap(),
        };
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    #[tokio::test]
    async fn each_question_has_its_answer() {
        let nothing = (false, String::new());
        let secret = r"it's \n %s  ";
        let told = (true, format!("{secret}\n"));
        assert_eq!(asked("me@host's password: ", Some(secret), Some("p")).await, told);
        assert_eq!(asked("(me@host) Password: ", Some(secret), None).await, told);
        assert_eq!(asked("me@host's password: ", None, Some("p")).await, nothing);
        assert_eq!(asked("Enter passphrase for key '/k': ", Some("p"), Some(secret)).await, told);
        assert_eq!(asked("Enter passphrase for key '/k': ", Some("p"), None).await, nothing);
        let question = "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
        assert_eq!(asked(question, Some("p"), Some("p")).await, (true, "no\n".to_owned()));
    }
}
