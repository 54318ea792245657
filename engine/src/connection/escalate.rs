//! Becoming another user: the command line, the question for a password, and what went wrong.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::channel::{Channel, Executed, Messages};
use super::{Become, BecomeMethod, ConnectionError};

/// How `sudo` asks; unlikely to be said by anything else.
const PROMPT: &str = "CLOUDER-PASSWORD:";

/// What a command says first that has no words of its own for having begun.
pub(super) const BECAME: &str = "CLOUDER-BECAME";

/// How long a text without an end must stand before it is taken for a question: its line break may be on its way.
const QUIET: Duration = Duration::from_millis(200);

/// A command line run as another user.
pub(super) fn becoming(become_: &Become, command: &[String]) -> Vec<String> {
    let program = become_.exe.clone().unwrap_or_else(|| become_.method.program().to_owned());
    let flags = become_.flags.as_deref().unwrap_or(match become_.method {
        BecomeMethod::Sudo => "-H",
        BecomeMethod::Su => "",
    });
    let mut words: Vec<String> = vec![program];
    // Ansible's own flags say that sudo may not ask.
    let may_ask = |flag: &&str| become_.password.is_none() || !["-n", "--non-interactive"].contains(flag);
    words.extend(flags.split_whitespace().filter(may_ask).map(str::to_owned));
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

/// What stands behind the prompt of `sudo`, if it stands there: it ends without a line break.
pub(super) fn after_prompt(line: &str) -> &str {
    line.rsplit_once(PROMPT).map_or(line, |(_, rest)| rest)
}

/// Waits until the command speaks as the other user, and answers the question for a password if there is one. The
/// password is sent only when it is asked for: what is not read by `su` or `sudo` would be read by the command.
pub(super) async fn unlock(
    become_: &Become,
    patience: Duration,
    channel: &mut Channel,
) -> Result<(), ConnectionError> {
    let deadline = tokio::time::Instant::now() + patience;
    // How much of what was said is answered.
    let mut answered = None;
    let (mut heard, mut since) = (0, tokio::time::Instant::now());
    loop {
        let mut byte = [0];
        match tokio::time::timeout(Duration::from_millis(20), channel.output.read(&mut byte)).await {
            // The command speaks as soon as it runs.
            Ok(Ok(1)) => {
                channel.push_back(byte[0]);
                return Ok(());
            }
            Ok(_) => return Err(ended(become_, &channel.messages).await),
            Err(_) => {}
        }
        let now = tokio::time::Instant::now();
        let said = channel.messages.raw();
        if said.len() != heard {
            (heard, since) = (said.len(), now);
        }
        let news = said.get(answered.unwrap_or(0)..).unwrap_or_default();
        if asks(become_.method, news, now - since) {
            match &become_.password {
                None => return Err(missing(become_)),
                Some(_) if answered.is_some() => return Err(wrong(become_)),
                Some(password) => {
                    let answer = format!("{}\n", password.reveal());
                    let sent = async {
                        channel.input.write_all(answer.as_bytes()).await?;
                        channel.input.flush().await
                    };
                    let sent: std::io::Result<()> = sent.await;
                    if sent.is_err() {
                        return Err(ended(become_, &channel.messages).await);
                    }
                    answered = Some(said.len());
                }
            }
        }
        if now >= deadline {
            let words = last_words(&said);
            let words = if words.is_empty() { "it says nothing" } else { &words };
            return Err(failed(
                become_,
                &format!("no answer within {} seconds: {words}", patience.as_secs()),
            ));
        }
    }
}

/// What a command left, without what became of becoming another user.
pub(super) fn without_marks(become_: &Become, mut executed: Executed) -> Result<Executed, ConnectionError> {
    let mark = format!("{BECAME}\n");
    let Some(stdout) = executed.stdout.strip_prefix(mark.as_bytes()) else {
        let said = [executed.stderr, executed.stdout].concat();
        return Err(explain(become_, &String::from_utf8_lossy(&said)));
    };
    executed.stdout = stdout.to_vec();
    if let Some(stderr) = executed.stderr.strip_prefix(PROMPT.as_bytes()) {
        executed.stderr = stderr.to_vec();
    }
    Ok(executed)
}

/// Whether a text is a question for a password. `su` asks in the language of the host: a line that is not ended and has
/// a colon at its end.
fn asks(method: BecomeMethod, said: &str, quiet: Duration) -> bool {
    match method {
        BecomeMethod::Sudo => said.contains(PROMPT),
        BecomeMethod::Su => {
            let question = said.rsplit('\n').next().unwrap_or_default().trim_end();
            question.ends_with([':', '：']) && quiet >= QUIET
        }
    }
}

/// Why the command ended before it spoke.
async fn ended(become_: &Become, messages: &Messages) -> ConnectionError {
    // What it said last may still be on its way.
    tokio::time::sleep(Duration::from_millis(100)).await;
    explain(become_, &messages.raw())
}

/// What it means that the command ended with these words.
pub(super) fn explain(become_: &Become, said: &str) -> ConnectionError {
    let lower = said.to_lowercase();
    let refusals = [
        "a password is required",
        "no password was provided",
        "incorrect password",
        "try again",
        "authentication failure",
        "authentication token",
    ];
    if refusals.iter().any(|text| lower.contains(text)) {
        return if become_.password.is_some() { wrong(become_) } else { missing(become_) };
    }
    let words = last_words(said);
    failed(become_, if words.is_empty() { "it ended without a word" } else { &words })
}

/// The last lines of what was said.
pub(super) fn last_words(said: &str) -> String {
    let said = said.replace(PROMPT, "");
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

fn missing(become_: &Become) -> ConnectionError {
    ConnectionError::Become(format!(
        "Missing {} password: cannot become {} without one\n  hint: give it with -K, or as ansible_become_password",
        become_.method.program(),
        become_.user
    ))
}

fn wrong(become_: &Become) -> ConnectionError {
    ConnectionError::Become(format!(
        "Incorrect {} password: cannot become {}",
        become_.method.program(),
        become_.user
    ))
}

fn failed(become_: &Become, reason: &str) -> ConnectionError {
    ConnectionError::Become(format!(
        "cannot become {} with {}: {reason}",
        become_.user,
        become_.method.program()
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::connection::{Secret, channel};

    fn become_with(method: BecomeMethod, exe: &str, password: Option<&str>) -> Become {
        Become {
            method,
            user: "other".to_owned(),
            password: password.map(|password| Secret::new(password.to_owned())),
            exe: Some(exe.to_owned()),
            flags: Some(String::new()),
        }
    }

    /// What comes of a `su` or `sudo` that is a script of this test: the next line it says, or the error.
    async fn tried(method: BecomeMethod, script: &str, password: Option<&str>) -> Result<String, String> {
        let become_ = become_with(method, "su", password);
        let words = ["-c".to_owned(), script.to_owned()];
        let mut channel = channel::local("/bin/sh", &words, Path::new("/"), channel::MESSAGES).unwrap();
        unlock(&become_, Duration::from_secs(2), &mut channel).await.map_err(|error| error.to_string())?;
        let mut line = Vec::new();
        while let Some(byte) = channel.next_byte().await.unwrap().filter(|byte| *byte != b'\n') {
            line.push(byte);
        }
        Ok(String::from_utf8(line).unwrap())
    }

    /// Says what it reads within a moment, as an agent would.
    const AGENT: &str = "echo in; read -r line; echo \"read $line\"";

    #[tokio::test]
    async fn a_password_is_sent_when_it_is_asked_for() {
        let script =
            format!("printf 'Mot de passe : ' >&2; read -r p; [ \"$p\" = geheim ] || exit 1; {AGENT}");
        assert_eq!(tried(BecomeMethod::Su, &script, Some("geheim")).await.unwrap(), "in");
        let script =
            format!("printf 'CLOUDER-PASSWORD:' >&2; read -r p; [ \"$p\" = geheim ] || exit 1; {AGENT}");
        assert_eq!(tried(BecomeMethod::Sudo, &script, Some("geheim")).await.unwrap(), "in");
    }

    #[tokio::test]
    async fn a_password_nobody_asks_for_is_not_sent() {
        for method in [BecomeMethod::Su, BecomeMethod::Sudo] {
            let become_ = become_with(method, "su", Some("geheim"));
            // It has something to say, and lets time pass, before it runs the command.
            let script =
                "echo 'Last login: today' >&2; sleep 0.4; echo in; read -r line; echo \"read $line\"";
            let words = ["-c".to_owned(), script.to_owned()];
            let mut channel = channel::local("/bin/sh", &words, Path::new("/"), channel::MESSAGES).unwrap();
            unlock(&become_, Duration::from_secs(5), &mut channel).await.unwrap();
            channel.input.write_all(b"a frame\n").await.unwrap();
            let mut said = Vec::new();
            while let Some(byte) = channel.next_byte().await.unwrap() {
                said.push(byte);
            }
            assert_eq!(String::from_utf8(said).unwrap(), "in\nread a frame\n");
        }
    }

    #[tokio::test]
    async fn a_missing_or_wrong_password_is_told_and_nothing_waits() {
        let ask = "printf 'Password: ' >&2; read -r p";
        let told = tried(BecomeMethod::Su, ask, None).await.unwrap_err();
        assert!(told.starts_with("Missing su password"), "{told}");
        let told = tried(BecomeMethod::Su, &format!("{ask}; {ask}"), Some("wrong")).await.unwrap_err();
        assert!(told.starts_with("Incorrect su password"), "{told}");
        let refused = format!("{ask}; echo 'su: Authentication failure' >&2");
        let told = tried(BecomeMethod::Su, &refused, Some("wrong")).await.unwrap_err();
        assert!(told.starts_with("Incorrect su password"), "{told}");
        let told = tried(BecomeMethod::Sudo, "echo 'sudo: a password is required' >&2; exit 1", None).await;
        assert!(told.unwrap_err().starts_with("Missing sudo password"));
        let told = tried(BecomeMethod::Su, "echo 'su: user other does not exist' >&2; exit 1", None).await;
        assert_eq!(told.unwrap_err(), "cannot become other with su: su: user other does not exist");
    }

    #[tokio::test]
    async fn silence_ends() {
        let told = tried(BecomeMethod::Sudo, "echo 'Touch the key' >&2; sleep 20", None).await.unwrap_err();
        assert_eq!(told, "cannot become other with sudo: no answer within 2 seconds: Touch the key");
    }

    #[test]
    fn command_lines() {
        let command = ["id".to_owned(), "it's".to_owned()];
        let sudo = becoming(&become_with(BecomeMethod::Sudo, "sudo", None), &command);
        assert_eq!(sudo.join(" "), "sudo -n -u other -- id it's");
        let mut asked = become_with(BecomeMethod::Sudo, "sudo", Some("secret"));
        asked.flags = Some("-H -S -n".to_owned());
        let sudo = becoming(&asked, &command);
        assert_eq!(sudo.join(" "), "sudo -H -S -S -p CLOUDER-PASSWORD: -u other -- id it's");
        let su = becoming(&become_with(BecomeMethod::Su, "su", Some("secret")), &command);
        assert_eq!(su.join(" "), "su other -s /bin/sh -c 'id' 'it'\\''s'");
    }
}
