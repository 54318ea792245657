//! Containers of this machine, through the program of what runs them.

use tokio::process::Command;

use super::binary::Binary;
use super::{ConnectionError, ContainerEngine};

/// The agent that was put into a container from outside, as a word of the bootstrap script.
pub(super) const PLACED: &str = "\"/.clouder-$n\"";

/// The words that run a command in a container, with input if it has any.
pub(super) fn exec(engine: ContainerEngine, name: &str, user: Option<&str>, input: bool) -> Vec<String> {
    let mut words = vec![engine.program(), "exec"];
    if input {
        words.push("-i");
    }
    words.extend(user.iter().flat_map(|user| ["-u", user]));
    words.push(name);
    words.into_iter().map(str::to_owned).collect()
}

/// Puts the agent at the root of a container, where nobody but its root can put anything.
pub(super) async fn place(
    engine: ContainerEngine,
    name: &str,
    binary: &Binary,
) -> Result<(), ConnectionError> {
    let program = engine.program();
    // It is to belong to root, whoever the container's user is.
    let ownership: &[&str] = match engine {
        ContainerEngine::Docker => &[],
        ContainerEngine::Podman => &["--archive=false"],
    };
    let output = Command::new(program)
        .arg("cp")
        .args(ownership)
        .arg(&binary.path)
        .arg(format!("{name}:/.clouder-agent-{}", binary.hash))
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| cannot_start(engine, &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ConnectionError::Agent(format!("`{program} cp` cannot put it into the container: {said}")))
}

/// What it means that the program cannot be started.
pub(super) fn cannot_start(engine: ContainerEngine, error: &std::io::Error) -> ConnectionError {
    let program = engine.program();
    ConnectionError::Unreachable {
        message: format!("cannot start {program}: {error}"),
        hint: (error.kind() == std::io::ErrorKind::NotFound).then(|| format!("install {program}")),
    }
}

/// What it means that the program ended with these words, if they are its own.
pub(super) fn refusal(engine: ContainerEngine, name: &str, said: &str) -> Option<ConnectionError> {
    let lower = said.to_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    let program = engine.program();
    let hint = if has(&["no such container", "no container with name"]) {
        format!("`{program} ps` lists what runs; ansible_host names the container")
    } else if has(&["is not running", "container state improper", "is paused"]) {
        format!("start it with `{program} start {name}`")
    } else if has(&["cannot connect to the docker daemon", "permission denied while trying to connect"]) {
        "is the daemon running, and may this user talk to it?".to_owned()
    } else if has(&["unable to find user", "no matching entries in passwd"]) {
        "ansible_user names a user of the container".to_owned()
    } else {
        return None;
    };
    let message = said.trim().trim_start_matches("cannot start the agent: ").to_owned();
    Some(ConnectionError::Unreachable { message, hint: Some(hint) })
}
