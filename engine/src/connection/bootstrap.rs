//! Getting an agent to run on a host, with nothing there but a shell.
//!
//! One command is sent: a script that looks for the agent in private folders and becomes it. Where it is not there, the
//! script asks for it on the very channel that then is the agent's, so that one connection and, the second time, one
//! round trip are all it takes.

use std::time::Duration;

use clouder_modules::protocol::GREETING;
use tokio::io::AsyncWriteExt as _;

use super::binary::Binaries;
use super::channel::{Channel, Messages};
use super::escalate::{self, after_prompt, becoming, last_words};
use super::{Become, ConnectionError};

/// What the script says; unlikely to be said by anything else.
const NEED: &str = "CLOUDER-NEED";

/// How many bytes a login shell may say before the agent does.
const NOISE: usize = 256 * 1024;

/// How often the script may ask for an agent: once for each folder it tries.
const TRIES: usize = 8;

/// How long it may take to send an agent: over a slow line that takes its time.
const UPLOAD: Duration = Duration::from_secs(120);

/// The script.
const SCRIPT: &str = include_str!("bootstrap.sh");

/// Who there is to be, and where an agent may be already.
pub(super) struct Bootstrap<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) become_: Option<&'a Become>,
    /// Agents that may be run as they are, as words of a shell; `$n` is the name of the agent on this host.
    pub(super) beside: Vec<String>,
    pub(super) timeout: Duration,
}

/// What came of the script.
#[derive(Debug)]
pub(super) enum Led {
    /// The agent has greeted.
    Greeted,
    /// The host cannot take an agent in: it must be put in place from outside.
    Outside {
        /// The host's architecture.
        architecture: String,
        /// Why.
        reason: String,
    },
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
        let script = script(&hashes.join(" "), &self.beside.join(" "));
        let shell = ["/bin/sh".to_owned(), "-c".to_owned(), script];
        Ok(match self.become_ {
            Some(become_) => becoming(become_, &shell),
            None => shell.to_vec(),
        })
    }

    /// Leads the script on a channel until the agent greets.
    pub(super) async fn lead(&self, channel: &mut Channel) -> Result<Led, ConnectionError> {
        let limit = self.timeout * 2 + UPLOAD;
        match tokio::time::timeout(limit, self.converse(channel)).await {
            Ok(result) => result,
            Err(_) => Err(silent(limit)),
        }
    }

    async fn converse(&self, channel: &mut Channel) -> Result<Led, ConnectionError> {
        if let Some(become_) = self.become_ {
            escalate::unlock(become_, self.timeout, channel).await?;
        }
        let (mut heard, mut asked) = (0, 0);
        // What is neither the script's nor the agent's; it may say why there is none.
        let mut noise = String::new();
        loop {
            // A login shell may do much before it runs the script, but one that says nothing at all hangs.
            let patience = if heard == 0 { self.timeout * 2 } else { UPLOAD };
            let Ok(line) = tokio::time::timeout(patience, read_line(channel)).await else {
                return Err(silent(patience));
            };
            let Ok(Some(line)) = line else {
                return Err(self.ended(&channel.messages, &noise).await);
            };
            heard += line.len();
            let line = after_prompt(&line).trim();
            if line.ends_with(GREETING) {
                return Ok(Led::Greeted);
            }
            if let Some((_, what)) = line.split_once(NEED) {
                let (form, what) =
                    what.trim().split_once(' ').unwrap_or((what.trim(), std::env::consts::ARCH));
                let (architecture, reason) = what.split_once(' ').unwrap_or((what, ""));
                asked += 1;
                if form == "outside" || asked > TRIES {
                    return Ok(Led::Outside {
                        architecture: architecture.to_owned(),
                        reason: reason.to_owned(),
                    });
                }
                self.upload(form, architecture, channel).await?;
            } else {
                noise.push_str(line);
                noise.push('\n');
            }
            if heard > NOISE {
                return Err(ConnectionError::Agent("the login shell says too much".to_owned()));
            }
        }
    }

    async fn upload(
        &self,
        form: &str,
        architecture: &str,
        channel: &mut Channel,
    ) -> Result<(), ConnectionError> {
        let binary = self.binaries.of(architecture)?;
        let text;
        let bytes = if form == "text" {
            text = printable(&binary.sent);
            text.as_bytes()
        } else {
            binary.sent.as_slice()
        };
        let sent = async {
            channel.input.write_all(format!("{form} {}\n", bytes.len()).as_bytes()).await?;
            channel.input.write_all(bytes).await?;
            channel.input.flush().await
        };
        let sent: std::io::Result<()> = sent.await;
        match sent {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended(&channel.messages, "").await),
        }
    }

    /// Why the channel ended before the agent spoke.
    async fn ended(&self, messages: &Messages, noise: &str) -> ConnectionError {
        // What it said last may still be on its way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let messages = messages.raw();
        let said = if messages.trim().is_empty() { noise } else { &messages };
        if let Some(become_) = self.become_ {
            return escalate::explain(become_, said);
        }
        let said = last_words(said);
        ConnectionError::Agent(if said.is_empty() { "the shell of the host ended".to_owned() } else { said })
    }
}

fn silent(limit: Duration) -> ConnectionError {
    let seconds = limit.as_secs();
    ConnectionError::Agent(format!(
        "the shell that logged in said nothing within {seconds} seconds; --timeout gives it more time"
    ))
}

/// The script for agents of some hashes; its comments stay here.
fn script(hashes: &str, beside: &str) -> String {
    let lines = SCRIPT.lines().filter(|line| !line.trim_start().starts_with('#'));
    let script = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    script.replace("HASHES", hashes).replace("BESIDE", beside)
}

/// Bytes as lines that a shell's `printf` turns into them again; the last line is a dot.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for line in bytes.chunks(512) {
        for byte in line {
            if byte.is_ascii_alphanumeric() {
                text.push(char::from(*byte));
            } else {
                text.push_str(&format!("\\{byte:03o}"));
            }
        }
        text.push('\n');
    }
    text.push_str(".\n");
    text
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::process::Stdio;

    use tokio::io::AsyncReadExt as _;
    use tokio::process::Command;

    use super::*;

    /// What stands for an agent that unpacks itself: it then says where it is, and what it was told.
    const AGENT: &[u8] = br#"#!/bin/sh
[ "$1" = unpack ] || exit 2
cat >"$2" <<'END'
#!/bin/sh
[ "$1" = probe ] || echo "AGENT $0 $*"
END
chmod 700 "$2" && exec mv -f "$2" "$0"
"#;

    /// One that is the agent already.
    const UNPACKED: &[u8] = b"#!/bin/sh\n[ \"$1\" != in ] || echo \"AGENT $0 $*\"\n";

    /// Shells of this machine.
    fn shells() -> impl Iterator<Item = &'static str> {
        ["/bin/sh", "/bin/dash", "/bin/bash"].into_iter().filter(|shell| Path::new(shell).exists())
    }

    /// Runs the script with a home; gives what it asks for, and returns all lines it says.
    async fn lines(shell: &str, home: &Path, path: Option<&Path>) -> Vec<String> {
        let script = script(&format!("{}:abc", std::env::consts::ARCH), "");
        let mut command = Command::new(shell);
        command.args(["-c", &script]).env("HOME", home).env_remove("XDG_CACHE_HOME").current_dir("/usr");
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while let Ok(byte) = output.read_u8().await {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
            let form = text.strip_prefix(NEED).and_then(|rest| rest.split_whitespace().next());
            if let Some(form) = form.filter(|form| *form != "outside") {
                let sent = if form == "bytes" { AGENT.to_vec() } else { printable(UNPACKED).into_bytes() };
                input.write_all(format!("{form} {}\n", sent.len()).as_bytes()).await.unwrap();
                input.write_all(&sent).await.unwrap();
            }
            lines.push(text);
        }
        lines
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[tokio::test]
    async fn the_agent_is_put_in_a_private_folder_once() {
        for shell in shells() {
            let home = tempfile::tempdir().unwrap();
            let first = lines(shell, home.path(), None).await;
            assert!(first[0].starts_with("CLOUDER-NEED bytes "), "{shell}: {first:?}");
            let folder = home.path().join(".cache/clouder");
            // Some shells make the path absolute.
            let expected = "/agent-abc in /usr";
            assert!(first[1].starts_with("AGENT ") && first[1].ends_with(expected), "{shell}: {first:?}");
            assert_eq!((mode(&folder), mode(&home.path().join(".cache"))), (0o700, 0o700));
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{shell}: only the agent is left");
            std::fs::write(folder.join("agent-old"), "").unwrap();
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
            let second = lines(shell, home.path(), None).await;
            assert!(second.len() == 1 && second[0].ends_with(expected), "{shell}: {second:?}");
            assert_eq!(mode(&folder), 0o700, "{shell}: others could have changed it");
        }
    }

    #[tokio::test]
    async fn a_symbolic_link_is_not_followed() {
        for shell in shells() {
            let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let elsewhere = elsewhere.path().join("folder");
            std::fs::create_dir(&elsewhere).unwrap();
            std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::create_dir(home.path().join(".cache")).unwrap();
            symlink(&elsewhere, home.path().join(".cache/clouder")).unwrap();
            // An agent that a stranger could have put there.
            std::fs::write(elsewhere.join("agent-abc"), AGENT).unwrap();
            std::fs::set_permissions(elsewhere.join("agent-abc"), std::fs::Permissions::from_mode(0o755))
                .unwrap();
            // Without the tools to make another folder, nothing is left to try.
            let empty = tempfile::tempdir().unwrap();
            symlink("/bin/chmod", empty.path().join("chmod")).unwrap();
            let said = lines(shell, home.path(), Some(empty.path())).await;
            assert!(said[0].starts_with("CLOUDER-NEED outside"), "{shell}: {said:?}");
            assert_eq!(mode(&elsewhere), 0o755, "{shell}");
        }
    }

    #[tokio::test]
    async fn mkdir_and_chmod_are_enough() {
        for shell in shells() {
            let (home, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            for program in ["mkdir", "chmod"] {
                symlink(Path::new("/bin").join(program), path.path().join(program)).unwrap();
            }
            let said = lines(shell, home.path(), Some(path.path())).await;
            assert!(said[0].starts_with("CLOUDER-NEED text "), "{shell}: {said:?}");
            assert!(said[1].contains("/.new") && said[1].ends_with(" in /usr"), "{shell}: {said:?}");
        }
    }

    #[tokio::test]
    async fn the_next_folder_is_tried_and_reasons_are_told() {
        for shell in shells() {
            let (home, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            // Whatever is written cannot be executed: as on a file system that is mounted so.
            let mkdir = format!(
                "case $PWD/$1 in *{}/*) exec /bin/mkdir \"$@\";; esac; exit 1",
                home.path().display()
            );
            for (program, text) in [("chmod", "exit 0"), ("mkdir", mkdir.as_str())] {
                let program = path.path().join(program);
                std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
                std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            let said = lines(shell, home.path(), Some(path.path())).await;
            let reason =
                format!("{}/.cache/clouder: programs there cannot be executed; ", home.path().display());
            assert!(said.len() == 1 && said[0].starts_with("CLOUDER-NEED outside "), "{shell}: {said:?}");
            assert!(said[0].contains(&reason), "{shell}: {said:?}");
            assert!(said[0].contains("; /tmp/.clouder-"), "{shell}: {said:?}");
        }
    }

    #[test]
    fn all_bytes_are_printable() {
        let all: Vec<u8> = (0..=255).cycle().take(2000).collect();
        let script = "while IFS= read -r s && [ \"$s\" != . ]; do printf \"$s\"; done";
        for shell in shells() {
            let mut child = std::process::Command::new(shell)
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), printable(&all).as_bytes()).unwrap();
            assert_eq!(child.wait_with_output().unwrap().stdout, all, "{shell}");
        }
    }
}
