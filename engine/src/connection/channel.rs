//! A program on a host, with its input, output and messages.

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::process::{Child, Command};

use super::ConnectionError;

/// How many bytes of an agent's messages are kept: the last ones say why it ended.
pub(super) const MESSAGES: usize = 16 * 1024;

/// How many bytes of a command's messages are kept.
pub(super) const ALL_MESSAGES: usize = 64 * 1024 * 1024;

/// How long messages may take that a program said before it ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running program on a host.
pub(super) struct Channel {
    /// Its standard input.
    pub(super) input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub(super) output: Box<dyn AsyncRead + Send + Unpin>,
    /// What it wrote to standard error so far.
    pub(super) messages: Messages,
    /// Ends the program when it goes.
    pub(super) keeper: Box<dyn Keeper>,
    /// A byte of output that was read too early.
    pub(super) early: Option<u8>,
}

/// What a command left that ran without an agent.
#[derive(Debug)]
pub struct Executed {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// What holds a program on a host.
pub(super) trait Keeper: Send {
    /// Waits for its end; its exit code, if it had one.
    fn wait(self: Box<Self>) -> Pin<Box<dyn Future<Output = Option<i32>> + Send>>;
}

impl Keeper for Child {
    fn wait(mut self: Box<Self>) -> Pin<Box<dyn Future<Output = Option<i32>> + Send>> {
        Box::pin(async move { Self::wait(&mut self).await.ok()?.code() })
    }
}

impl Channel {
    /// Gives back a byte of output.
    pub(super) fn push_back(&mut self, byte: u8) {
        self.early = Some(byte);
    }

    /// Waits for the end of a program that is given no input.
    pub(super) async fn finish(mut self) -> Executed {
        drop(self.input);
        let mut stdout: Vec<u8> = self.early.into_iter().collect();
        // What came before an error is all there is.
        let _ = self.output.read_to_end(&mut stdout).await;
        let code = self.keeper.wait().await.unwrap_or(255);
        Executed { code, stdout, stderr: self.messages.all().await }
    }

    /// The next byte of output, and no more: what follows may be the agent's.
    pub(super) async fn next_byte(&mut self) -> std::io::Result<Option<u8>> {
        if let Some(byte) = self.early.take() {
            return Ok(Some(byte));
        }
        let mut byte = [0];
        Ok((self.output.read(&mut byte).await? == 1).then_some(byte[0]))
    }
}

/// The last messages of a program, filled while it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages(Arc<Mutex<Vec<u8>>>);

impl Messages {
    /// Collects from a reader until it ends; as many bytes as the limit are kept.
    pub(super) fn collect(mut reader: impl AsyncRead + Send + Unpin + 'static, limit: usize) -> Self {
        let messages = Self::default();
        let kept = messages.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            // Ends with the program, or when a process that it left lets go.
            while let Ok(length @ 1..) = reader.read(&mut buffer).await {
                let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..length]);
                let excess = kept.len().saturating_sub(limit);
                kept.drain(..excess);
            }
        });
        messages
    }

    /// All that is kept, without blanks around it.
    pub(super) fn text(&self) -> String {
        self.raw().trim().to_owned()
    }

    /// All that is kept, once there is an end of it.
    async fn all(&self) -> Vec<u8> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        // The collecting task holds the other reference.
        while Arc::strong_count(&self.0) > 1 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that is kept, as it was said.
    pub(super) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Starts a program of this machine in a folder.
pub(super) fn local(
    program: &str,
    arguments: &[String],
    folder: &Path,
    messages: usize,
) -> Result<Channel, ConnectionError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A Ctrl-C at the terminal is for clouder, which then ends its agents in order.
    command.process_group(0);
    let failed = |error: &std::io::Error| ConnectionError::io(&format!("cannot start {program}"), error);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(ConnectionError::Agent(format!("{program} has no pipes")));
    };
    Ok(Channel {
        input: Box::new(input),
        output: Box::new(output),
        messages: Messages::collect(errors, messages),
        keeper: Box::new(child),
        early: None,
    })
}
