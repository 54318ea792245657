//! Why a host cannot be worked on.

use std::io;

use thiserror::Error;

/// Why a host cannot be worked on.
#[derive(Clone, Debug, Error)]
pub enum ConnectionError {
    /// It cannot be reached, or does not let us in.
    #[error("{message}{}", hint_line(hint.as_deref()))]
    Unreachable {
        /// What was tried and what came of it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The other user cannot be become: the host can be reached, so this is a failure of the task.
    #[error("{0}")]
    Become(String),
    /// The agent cannot be started there.
    #[error("cannot start the agent: {0}")]
    Agent(String),
}

fn hint_line(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}"))
}

impl ConnectionError {
    /// A failure of the system on the way.
    pub(super) fn io(what: &str, error: &io::Error) -> Self {
        Self::Unreachable { message: format!("{what}: {error}"), hint: None }
    }
}

/// What to do about an error message of ssh.
pub(super) fn ssh_hint(message: &str, destination: &str) -> Option<String> {
    let has = |text: &str| message.contains(text);
    let hint = if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        format!(
            "the host has another key than before: if that is as it should be, forget the old one with `ssh-keygen -R {destination}`"
        )
    } else if has("Host key verification failed")
        || has("No ED25519 host key is known")
        || has("host key is known for")
    {
        format!(
            "the host's key is not known: compare it and add it with `ssh-keyscan {destination} >> ~/.ssh/known_hosts`, or connect once with `ssh {destination}`"
        )
    } else if has("Permission denied") {
        "no key or password was accepted: say who logs in with -u, and with which key with --private-key"
            .to_owned()
    } else if has("Connection refused") {
        "nothing listens there: is sshd running, and is ansible_port right?".to_owned()
    } else if has("Could not resolve hostname") {
        "the name has no address: set ansible_host".to_owned()
    } else if has("timed out") || has("No route to host") || has("Network is unreachable") {
        "is the machine up, and does a firewall let us through? --timeout gives it more time".to_owned()
    } else {
        return None;
    };
    Some(hint)
}
