//! Getting an agent to run on a host, with nothing there but a shell.
//!
//! One command is sent: a script that looks for the agent in private folders and becomes it. Where it is not there, the
//! script asks for it on the very channel that then is the agent's, so that one connection and, the second time, one
//! round trip are all it takes.

use std::time::Duration;

use clouder_modules::protocol::GREETING;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::binary::Binaries;
use super::channel::Channel;
use super::{Become, BecomeMethod, ConnectionError};

/// What the script and `sudo` say; unlikely to be said by anything else.
const NEED: &str = "CLOUDER-NEED";
const FAIL: &str = "CLOUDER-FAIL";
const PROMPT: &str = "CLOUDER-PASSWORD:";

/// How many bytes a login shell may say before the agent does.
const NOISE: usize = 256 * 1024;

/// The script. It uses no more than a POSIX shell, `mkdir`, `chmod`, `mv`, `head` and, if there is one, `gzip`.
const SCRIPT: &str = r#"
umask 077
h=HASHES
m=$(uname -m 2>/dev/null) || m=x86_64
case $m in arm64) m=aarch64;; amd64) m=x86_64;; esac
for p in $h; do case $p in $m:*) h=${p#*:};; esac; done
u=$(id -u 2>/dev/null) || u=${USER:-me}
n=agent-$h
set -- "${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/clouder" "/var/tmp/.clouder-$u" "/tmp/.clouder-$u" "/dev/shm/.clouder-$u" "/run/user/$u/clouder" "/run/clouder-$u"
for d in "$@"; do
  if [ -x "$d/$n" ] && [ -O "$d" ] && [ -O "$d/$n" ] && "$d/$n" probe 2>/dev/null; then cd / 2>/dev/null; umask UMASK; exec "$d/$n"; fi
done
EXTRA
w=
for d in "$@"; do
  mkdir -p "$d" 2>/dev/null && [ -O "$d" ] && chmod 700 "$d" 2>/dev/null || continue
  t="$d/.t$$"
  (printf '#!/bin/sh\nexit 0\n' >"$t") 2>/dev/null && chmod 700 "$t" && "$t" 2>/dev/null && w=$d
  rm -f "$t" 2>/dev/null
  [ -n "$w" ] && break
done
if [ -z "$w" ]; then echo "CLOUDER-FAIL no folder of this user that programs may be run from (tried $*)"; exit 1; fi
c=plain
command -v gzip >/dev/null 2>&1 && c=gzip
echo "CLOUDER-NEED $c $m"
read -r s || exit 1
t="$w/.new$$"
if [ $c = gzip ]; then head -c "$s" | gzip -dc >"$t" 2>/dev/null; else head -c "$s" >"$t"; fi
if ! chmod 700 "$t" || ! "$t" probe; then rm -f "$t"; echo "CLOUDER-FAIL cannot write or run $w/$n (is the disk full?)"; exit 1; fi
for o in "$w"/agent-*; do [ -e "$o" ] && rm -f "$o"; done
mv -f "$t" "$w/$n" && cd / 2>/dev/null; umask UMASK; exec "$w/$n"
"#;

/// Who there is to be, and where an agent may be already.
pub(super) struct Bootstrap<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) become_: Option<&'a Become>,
    /// The agent of the login user, which root may run as it is.
    pub(super) beside: Option<&'a str>,
    pub(super) timeout: Duration,
}

impl Bootstrap<'_> {
    /// The command line that starts the script, as any login shell understands it.
    pub(super) fn command(&self) -> Result<Vec<String>, ConnectionError> {
        let mut hashes = Vec::new();
        for architecture in ["x86_64", "aarch64"] {
            if let Ok(binary) = self.binaries.of(architecture) {
                hashes.push(format!("{architecture}:{}", binary.hash));
            }
        }
        if hashes.is_empty() {
            // The error of the one that should be there says where it was looked for.
            self.binaries.of(std::env::consts::ARCH)?;
        }
        let extra = match self.beside {
            Some(path) => {
                format!("if [ -x {0} ] && {0} probe 2>/dev/null; then umask UMASK; exec {0}; fi", quote(path))
            }
            None => String::new(),
        };
        let script = SCRIPT
            .replace("HASHES", &quote(&hashes.join(" ")))
            .replace("EXTRA", &extra)
            .replace("UMASK", "022");
        let shell = ["/bin/sh".to_owned(), "-c".to_owned(), script];
        Ok(match self.become_ {
            Some(become_) => becoming(become_, &shell),
            None => shell.to_vec(),
        })
    }

    /// Leads the script on a channel until the agent greets.
    pub(super) async fn lead(&self, channel: &mut Channel) -> Result<(), ConnectionError> {
        // An upload of a megabyte and a half over a slow line takes its time.
        let limit = self.timeout + Duration::from_secs(120);
        match tokio::time::timeout(limit, self.converse(channel)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectionError::Agent(format!(
                "the host did not answer within {} seconds",
                limit.as_secs()
            ))),
        }
    }

    async fn converse(&self, channel: &mut Channel) -> Result<(), ConnectionError> {
        if let Some(become_) = self.become_ {
            self.password(become_, channel).await?;
        }
        let mut heard = 0;
        loop {
            let Ok(Some(line)) = read_line(channel).await else {
                return Err(self.ended(channel).await);
            };
            heard += line.len();
            // A prompt without a line break may stand in front.
            let line = line.rsplit_once(PROMPT).map_or(line.as_str(), |(_, rest)| rest).trim().to_owned();
            if line.ends_with(GREETING) {
                return Ok(());
            }
            if let Some((_, reason)) = line.split_once(FAIL) {
                return Err(ConnectionError::Agent(reason.trim().to_owned()));
            }
            if let Some((_, what)) = line.split_once(NEED) {
                self.upload(what.trim(), channel).await?;
            }
            if heard > NOISE {
                return Err(ConnectionError::Agent("the login shell says too much".to_owned()));
            }
        }
    }

    async fn upload(&self, what: &str, channel: &mut Channel) -> Result<(), ConnectionError> {
        let (form, architecture) = what.split_once(' ').unwrap_or((what, std::env::consts::ARCH));
        let binary = self.binaries.of(architecture)?;
        let bytes = if form == "gzip" { binary.gzip() } else { &binary.plain };
        let sent = async {
            channel.input.write_all(format!("{}\n", bytes.len()).as_bytes()).await?;
            channel.input.write_all(bytes).await?;
            channel.input.flush().await
        };
        let sent: std::io::Result<()> = sent.await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended(channel).await),
        }
    }

    /// Waits for the question for a password and answers it, or sees that there is none; then sees that the answer is
    /// taken: `sudo` would ask again, and wait.
    async fn password(&self, become_: &Become, channel: &mut Channel) -> Result<(), ConnectionError> {
        let Some(password) = &become_.password else { return Ok(()) };
        // su asks in the language of the host, and reads what is there.
        let mut answered = become_.method == BecomeMethod::Su;
        if answered {
            self.answer(password.reveal(), channel).await?;
        }
        let deadline = tokio::time::Instant::now() + self.timeout;
        while tokio::time::Instant::now() < deadline {
            let questions = channel.messages.text().matches(PROMPT).count();
            if questions > 0 && !answered {
                answered = true;
                self.answer(password.reveal(), channel).await?;
            }
            if questions > 1 {
                let reason = "the password was not accepted".to_owned();
                return Err(ConnectionError::Become { user: become_.user.clone(), reason });
            }
            // The script speaks as soon as it runs.
            let mut byte = [0];
            match tokio::time::timeout(Duration::from_millis(20), channel.output.read(&mut byte)).await {
                Ok(Ok(1)) => {
                    channel.push_back(byte[0]);
                    return Ok(());
                }
                Ok(_) => return Err(self.ended(channel).await),
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn answer(&self, password: &str, channel: &mut Channel) -> Result<(), ConnectionError> {
        let sent = async {
            channel.input.write_all(format!("{password}\n").as_bytes()).await?;
            channel.input.flush().await
        };
        let sent: std::io::Result<()> = sent.await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended(channel).await),
        }
    }

    /// Why the channel ended before the agent spoke.
    async fn ended(&self, channel: &mut Channel) -> ConnectionError {
        // What it said last may still be on its way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let said = channel.messages.text();
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let said = lines[lines.len().saturating_sub(3)..].join("; ").replace(PROMPT, "").trim().to_owned();
        let Some(become_) = self.become_ else {
            return ConnectionError::Agent(if said.is_empty() {
                "the shell of the host ended".to_owned()
            } else {
                said
            });
        };
        let lower = said.to_lowercase();
        let reason = if lower.contains("a password is required")
            || lower.contains("no password was provided")
            || (become_.password.is_none() && lower.contains("password"))
        {
            "a password is needed: give it with -K, or as ansible_become_password".to_owned()
        } else if lower.contains("incorrect password")
            || lower.contains("try again")
            || lower.contains("authentication failure")
            || lower.contains("incorrect")
        {
            "the password was not accepted".to_owned()
        } else if said.is_empty() {
            format!("{} ended without a word", become_.method.program())
        } else {
            said
        };
        ConnectionError::Become { user: become_.user.clone(), reason }
    }
}

/// A command line run as another user.
pub(super) fn becoming(become_: &Become, command: &[String]) -> Vec<String> {
    let program = become_.exe.clone().unwrap_or_else(|| become_.method.program().to_owned());
    let flags = become_.flags.as_deref().unwrap_or(match become_.method {
        BecomeMethod::Sudo => "-H",
        BecomeMethod::Su => "",
    });
    let mut words: Vec<String> = vec![program];
    words.extend(flags.split_whitespace().map(str::to_owned));
    match become_.method {
        BecomeMethod::Sudo => {
            // Without a password sudo must fail at once instead of waiting for one.
            let asking: &[&str] = if become_.password.is_some() { &["-S", "-p", PROMPT] } else { &["-n"] };
            words.extend(asking.iter().map(|word| (*word).to_owned()));
            words.extend(["-u".to_owned(), become_.user.clone(), "--".to_owned()]);
            words.extend(command.iter().cloned());
        }
        BecomeMethod::Su => {
            let line = command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            words.extend([
                become_.user.clone(),
                "-s".to_owned(),
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                line,
            ]);
        }
    }
    words
}

/// A text as one word of any POSIX shell.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

async fn read_line(channel: &mut Channel) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        let Some(byte) = channel.next_byte().await? else { return Ok(None) };
        if byte == b'\n' || line.len() > NOISE {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
        }
        line.push(byte);
    }
}
