//! A program on a host, with its input, output and messages.

use std::any::Any;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::process::Command;

use super::ConnectionError;

/// How many bytes of messages are kept: the last ones say why a program ended.
const MESSAGES: usize = 16 * 1024;

/// A running program on a host.
pub(super) struct Channel {
    /// Its standard input.
    pub(super) input: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub(super) output: Box<dyn AsyncRead + Send + Unpin>,
    /// What it wrote to standard error so far.
    pub(super) messages: Messages,
    /// Ends the program when it goes.
    pub(super) keeper: Box<dyn Any + Send>,
    /// A byte of output that was read too early.
    pub(super) early: Option<u8>,
}

impl Channel {
    /// Gives back a byte of output.
    pub(super) fn push_back(&mut self, byte: u8) {
        self.early = Some(byte);
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
    /// Collects from a reader until it ends.
    pub(super) fn collect(mut reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let messages = Self::default();
        let kept = messages.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer).await {
                let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..length]);
                let excess = kept.len().saturating_sub(MESSAGES);
                kept.drain(..excess);
            }
        });
        messages
    }

    /// All that is kept, without blanks around it.
    pub(super) fn text(&self) -> String {
        self.raw().trim().to_owned()
    }

    /// All that is kept, as it was said.
    pub(super) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Starts a program of this machine.
pub(super) fn local(program: &str, arguments: &[String]) -> Result<Channel, ConnectionError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
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
        messages: Messages::collect(errors),
        keeper: Box::new(child),
        early: None,
    })
}
