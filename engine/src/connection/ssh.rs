//! OpenSSH: one master connection per host, over which channels are opened.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Session, Stdio as SshStdio};
use tempfile::TempDir;
use tokio::process::Command;

use super::askpass::Askpass;
use super::channel::{Channel, Keeper, Messages};
use super::error::ssh_hint;
use super::{ConnectionError, SshTarget};

/// A little more than ssh's own limit, so that its better message is the one that is seen.
const GRACE: Duration = Duration::from_secs(5);

/// The longest pause between tries.
const PAUSE: Duration = Duration::from_secs(30);

/// Opens a master connection, and tries again as often as is asked for.
pub(super) async fn connect(target: &SshTarget, timeout: Duration) -> Result<Arc<Session>, ConnectionError> {
    for attempt in 1..=target.retries {
        if let Ok(session) = try_to_connect(target, timeout).await {
            return Ok(session);
        }
        // One second, then three, seven, fifteen: as Ansible waits.
        tokio::time::sleep(Duration::from_secs((1 << attempt.min(5)) - 1).min(PAUSE)).await;
    }
    try_to_connect(target, timeout).await
}

/// Opens a master connection. The `openssh` crate talks over it; it is started here because only so every argument of
/// the user's reaches ssh.
async fn try_to_connect(target: &SshTarget, timeout: Duration) -> Result<Arc<Session>, ConnectionError> {
    let failed = |error: &std::io::Error| ConnectionError::io("cannot start ssh", error);
    let folder = control_folder().map_err(|error| failed(&error))?;
    let log = folder.path().join("log");
    let program = target.executable.as_deref().unwrap_or("ssh");
    let mut command = Command::new(program);
    command
        .args(arguments(target, folder.path(), &log, timeout))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if let Some(key) = &target.private_key {
        // For commands that ssh runs on the way, which are not told it.
        command.env("CLOUDER_PRIVATE_KEY", key);
    }
    let askpass = if asks(target) {
        let askpass = Askpass::new(folder.path(), target.password.as_ref(), target.passphrase.as_ref());
        let askpass = askpass.map_err(|error| failed(&error))?;
        command.env("SSH_ASKPASS", &askpass.program).env("SSH_ASKPASS_REQUIRE", "force");
        // Older versions of ssh ask a program only where there could be a window.
        command.env("DISPLAY", std::env::var_os("DISPLAY").unwrap_or_else(|| ":0".into()));
        Some(askpass)
    } else {
        None
    };
    let answering = async {
        match &askpass {
            Some(askpass) => askpass.answer().await,
            None => std::future::pending().await,
        }
    };
    let finishing = tokio::time::timeout(timeout + GRACE, command.status());
    tokio::pin!(finishing, answering);
    let finished = tokio::select! {
        finished = &mut finishing => finished,
        () = &mut answering => finishing.await,
    };
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    match finished {
        Ok(Ok(status)) if status.success() => Ok(Arc::new(Session::new_native_mux(folder))),
        Ok(Ok(_)) => Err(unreachable(target, &said())),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Err(ConnectionError::Unreachable {
            message: format!("there is no program `{program}`"),
            hint: Some("install OpenSSH's client (on Debian: apt-get install openssh-client)".to_owned()),
        }),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(unreachable(
            target,
            &format!("{}\nthe connection timed out after {} seconds", said(), timeout.as_secs()),
        )),
    }
}

/// A private folder with a short name: the path of a socket has a limit of about a hundred bytes.
fn control_folder() -> std::io::Result<TempDir> {
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| folder.len() < 40 && Path::new(folder).is_dir());
    let place = runtime.map_or_else(|| Path::new("/tmp").to_owned(), Into::into);
    // The name the crate expects; it removes the folder with the connection.
    tempfile::Builder::new()
        .prefix(".ssh-connection")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(place)
}

/// Whether ssh may ask.
fn asks(target: &SshTarget) -> bool {
    target.password.is_some() || target.passphrase.is_some()
}

fn arguments(target: &SshTarget, folder: &Path, log: &Path, timeout: Duration) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["-M", "-f", "-N", "-S", &path(&folder.join("master")), "-E", &path(log)]);
    // The first value ssh is given for an option counts: what the user says comes before what is said here. Only how long
    // an idle connection lasts is not the user's to say; it ends some time after a run that was killed.
    add(&["-o", "ControlPersist=300"]);
    let own: Vec<&str> = target.arguments.iter().map(String::as_str).collect();
    add(&own);
    add(&["-o", &format!("ConnectTimeout={}", timeout.as_secs().max(1))]);
    add(&["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]);
    if asks(target) {
        add(&["-o", "NumberOfPasswordPrompts=1"]);
    } else {
        add(&["-o", "BatchMode=yes"]);
    }
    if !target.host_key_checking {
        add(&["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    }
    if let Some(port) = target.port {
        add(&["-p", &port.to_string()]);
    }
    if let Some(user) = &target.user {
        add(&["-l", user]);
    }
    if let Some(key) = &target.private_key {
        add(&["-o", "IdentitiesOnly=yes", "-i", &path(key)]);
    }
    add(&["--", &target.address]);
    arguments
}

fn unreachable(target: &SshTarget, said: &str) -> ConnectionError {
    let noise = |line: &&str| !line.starts_with("Warning: Permanently added") && !line.trim().is_empty();
    let lines: Vec<&str> = said
        .lines()
        .filter(noise)
        .map(|line| line.strip_prefix("ssh: ").unwrap_or(line).trim_end())
        .collect();
    let told = if lines.is_empty() { "ssh ended without a word".to_owned() } else { lines.join("\n") };
    let message = format!("Failed to connect to the host via ssh: {told}");
    // ssh goes on without a key that it cannot read, and may not say so.
    let key = target.private_key.as_ref().and_then(|path| {
        let error = std::fs::File::open(path).err()?;
        Some(format!("the key {} cannot be read: {error}", path.display()))
    });
    ConnectionError::Unreachable { hint: key.or_else(|| ssh_hint(&message, &target.address)), message }
}

/// Why a command line was not run to its end.
pub(super) enum Interrupted {
    /// It did not begin: the master connection is gone, or takes no more.
    Before(ConnectionError),
    /// It may have done something.
    Within(ConnectionError),
}

impl Interrupted {
    /// The error.
    pub(super) fn into_error(self) -> ConnectionError {
        match self {
            Self::Before(error) | Self::Within(error) => error,
        }
    }
}

fn lost(error: &openssh::Error) -> ConnectionError {
    ConnectionError::Unreachable { message: format!("the ssh connection was lost: {error}"), hint: None }
}

/// A command on a host.
struct Remote(openssh::Child<Arc<Session>>);

impl Keeper for Remote {
    fn wait(self: Box<Self>) -> Pin<Box<dyn Future<Output = Option<i32>> + Send>> {
        Box::pin(async move { self.0.wait().await.ok()?.code() })
    }
}

/// Runs a command line on the host, over the master connection.
pub(super) async fn open(
    session: &Arc<Session>,
    line: &str,
    messages: usize,
) -> Result<Channel, Interrupted> {
    let mut command = Arc::clone(session).arc_raw_command(line);
    command.stdin(SshStdio::piped()).stdout(SshStdio::piped()).stderr(SshStdio::piped());
    let mut child = command.spawn().await.map_err(|error| Interrupted::Before(lost(&error)))?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin().take(), child.stdout().take(), child.stderr().take())
    else {
        return Err(Interrupted::Within(ConnectionError::Agent("the channel has no pipes".to_owned())));
    };
    Ok(Channel {
        input: Box::new(input),
        output: Box::new(output),
        messages: Messages::collect(errors, messages),
        keeper: Box::new(Remote(child)),
        early: None,
    })
}

/// Runs a command line to its end; returns its exit code.
pub(super) async fn wait(session: &Arc<Session>, line: &str) -> Result<(i32, Vec<u8>, Vec<u8>), Interrupted> {
    let mut command = Arc::clone(session).arc_raw_command(line);
    command.stdin(SshStdio::null()).stdout(SshStdio::piped()).stderr(SshStdio::piped());
    let child = command.spawn().await.map_err(|error| Interrupted::Before(lost(&error)))?;
    let output = child.wait_with_output().await.map_err(|error| Interrupted::Within(lost(&error)))?;
    Ok((output.status.code().unwrap_or(255), output.stdout, output.stderr))
}
