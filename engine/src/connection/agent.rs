//! An agent on a host, as the controller sees it.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clouder_modules::Outcome;
use clouder_modules::protocol::{
    CHUNK, Frame, HEADER, Header, Hello, Kind, Packer, Request, Unpacker, VERSION, decompress,
};
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};

use super::ConnectionError;
use super::channel::{Channel, Messages};
use super::contents::{Contents, Supply};

/// How many frames may wait to be written; more senders wait.
const WAITING: usize = 64;

/// How many pieces of contents may wait to be written, so that large files do not fill the memory.
const PIECES: usize = 2;

/// How long an agent has to end by itself.
const FAREWELL: Duration = Duration::from_secs(5);

/// One run of a module.
pub struct Call<'a> {
    /// Which module.
    pub module: &'a str,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// Only predict.
    pub check: bool,
    /// Tell differences.
    pub diff: bool,
    /// Variables for commands.
    pub environment: &'a BTreeMap<String, String>,
    /// What the host may ask for.
    pub contents: Option<Arc<dyn Contents>>,
    /// Where a file goes that the host gives.
    pub give_to: Option<PathBuf>,
    /// Where output of commands goes while they run.
    pub output: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Calls of one queue are done in order.
    pub queue: Option<u32>,
}

/// Why a call has no outcome.
#[derive(Debug, Error)]
pub enum CallError {
    /// The agent or the connection to it was lost.
    #[error("the connection to the host was lost{0}")]
    Lost(String),
    /// A file that the host gave cannot be kept.
    #[error("cannot keep the file: {0}")]
    Give(std::io::Error),
}

/// Bytes that went over a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the host.
    pub sent: u64,
    /// From the host.
    pub received: u64,
}

/// What is kept of a call while it runs.
struct Pending {
    done: oneshot::Sender<Result<Outcome, CallError>>,
    output: Option<mpsc::UnboundedSender<Vec<u8>>>,
    contents: Option<Arc<dyn Contents>>,
    give_to: Option<std::fs::File>,
}

/// What the tasks of an agent share.
#[derive(Default)]
struct Shared {
    pending: Mutex<HashMap<u32, Pending>>,
    sent: AtomicU64,
    received: AtomicU64,
    lost: AtomicBool,
}

/// An agent on a host.
pub struct Agent {
    hello: Hello,
    frames: mpsc::Sender<Frame>,
    shared: Arc<Shared>,
    next: AtomicU32,
    messages: Messages,
    reading: tokio::task::JoinHandle<()>,
    writing: tokio::task::JoinHandle<()>,
}

impl Agent {
    /// An agent that has just greeted on a channel.
    pub(super) async fn start(channel: Channel) -> Result<Arc<Self>, ConnectionError> {
        let Channel { input, output, messages, keeper, .. } = channel;
        let mut output = BufReader::with_capacity(64 * 1024, output);
        let first = read_frame(&mut output).await.map_err(|reason| {
            ConnectionError::Agent(format!("it does not speak: {reason}; {}", messages.text()))
        })?;
        let hello: Hello = match first {
            Some(frame) if frame.kind == Kind::Hello => serde_json::from_slice(&frame.payload)
                .map_err(|error| ConnectionError::Agent(format!("its greeting: {error}")))?,
            _ => return Err(ConnectionError::Agent(format!("it ended at once: {}", messages.text()))),
        };
        if hello.protocol != VERSION {
            return Err(ConnectionError::Agent(format!(
                "it speaks protocol {}, not {VERSION}",
                hello.protocol
            )));
        }
        let shared: Arc<Shared> = Arc::default();
        let (frames, waiting) = mpsc::channel(WAITING);
        let (pieces, contents) = mpsc::channel(PIECES);
        let writing = tokio::spawn(write_frames(input, waiting, contents, Arc::clone(&shared)));
        let reader = Reader { shared: Arc::clone(&shared), pieces, messages: messages.clone() };
        let reading = tokio::spawn(async move {
            reader.run(output).await;
            // The program on the host ends with its channel.
            drop(keeper);
        });
        Ok(Arc::new(Self { hello, frames, shared, next: AtomicU32::new(1), messages, reading, writing }))
    }

    /// Who the agent said it is.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Whether it was lost.
    pub fn is_lost(&self) -> bool {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Bytes that went to it and came from it.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.shared.sent.load(Ordering::Relaxed),
            received: self.shared.received.load(Ordering::Relaxed),
        }
    }

    /// Runs a module. Giving up on the returned future gives up the run on the host.
    ///
    /// # Errors
    /// When the agent is lost; a module's own failure is an outcome.
    pub async fn call(&self, call: Call<'_>) -> Result<Outcome, CallError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let give_to = match &call.give_to {
            Some(path) => Some(std::fs::File::create(path).map_err(CallError::Give)?),
            None => None,
        };
        let request = Request {
            module: call.module.to_owned(),
            args: call.arguments,
            check: call.check,
            diff: call.diff,
            environment: call.environment.clone(),
            live: call.output.is_some(),
            queue: call.queue,
        };
        let (done, outcome) = oneshot::channel();
        let pending = Pending { done, output: call.output, contents: call.contents, give_to };
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(id, pending);
        let mut guard = Cancel { id, agent: self, armed: true };
        let payload = serde_json::to_vec(&request).unwrap_or_default();
        if self.is_lost() || self.frames.send(Frame::new(id, Kind::Request, payload)).await.is_err() {
            return Err(self.lost());
        }
        let result = outcome.await;
        guard.armed = false;
        result.unwrap_or_else(|_| Err(self.lost()))
    }

    fn lost(&self) -> CallError {
        lost(&self.messages)
    }

    /// Lets the agent end: it is told by the end of its input.
    pub(super) async fn close(self: Arc<Self>) {
        // Dropping the last sender ends the writer, which closes the input; the reader holds another for contents.
        self.writing.abort();
        let deadline = tokio::time::Instant::now() + FAREWELL;
        while !self.reading.is_finished() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.reading.abort();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.writing.abort();
        self.reading.abort();
    }
}

fn lost(messages: &Messages) -> CallError {
    let said = messages.text();
    CallError::Lost(if said.is_empty() { String::new() } else { format!(": {said}") })
}

/// Gives up a request when its caller went away.
struct Cancel<'a> {
    id: u32,
    agent: &'a Agent,
    armed: bool,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        self.agent.shared.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if self.armed {
            // A full queue means the host is not reading: closing the channel will end it there too.
            let _ = self.agent.frames.try_send(Frame::new(self.id, Kind::Cancel, Vec::new()));
        }
    }
}

/// Writes frames until there are no more senders. Pieces of contents yield to requests.
async fn write_frames(
    mut input: Box<dyn tokio::io::AsyncWrite + Send + Unpin>,
    mut waiting: mpsc::Receiver<Frame>,
    mut contents: mpsc::Receiver<Vec<u8>>,
    shared: Arc<Shared>,
) {
    let mut packer = Packer::default();
    // What is packed must be sent: what comes after builds upon it.
    let mut packed = |mut frame: Frame| {
        if frame.kind.is_packed() {
            frame.payload = packer.pack(&frame.payload);
        }
        frame.to_bytes()
    };
    loop {
        let next = tokio::select! {
            biased;
            frame = waiting.recv() => frame.map(&mut packed),
            Some(pieces) = contents.recv() => Some(pieces),
        };
        let Some(mut bytes) = next else { return };
        // What waits goes out together: a loop's requests are one packet.
        while bytes.len() < CHUNK {
            match waiting.try_recv() {
                Ok(more) => bytes.extend(packed(more)),
                Err(_) => break,
            }
        }
        shared.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

async fn read_frame(output: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<Option<Frame>, String> {
    let mut header = [0; HEADER];
    match output.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.to_string()),
    }
    let Header { length, id, kind } = Header::parse(&header).map_err(|error| error.to_string())?;
    let mut payload = vec![0; length];
    output.read_exact(&mut payload).await.map_err(|error| error.to_string())?;
    Ok(Some(Frame { id, kind, payload }))
}

/// Takes frames from the agent and gives them to whom they belong.
struct Reader {
    shared: Arc<Shared>,
    pieces: mpsc::Sender<Vec<u8>>,
    messages: Messages,
}

impl Reader {
    async fn run(self, mut output: impl tokio::io::AsyncRead + Unpin) {
        let mut unpacker = Unpacker::default();
        while let Ok(Some(mut frame)) = read_frame(&mut output).await {
            self.shared.received.fetch_add((frame.payload.len() + HEADER) as u64, Ordering::Relaxed);
            if frame.kind.is_packed() {
                match unpacker.unpack(&frame.payload) {
                    Ok(payload) => frame.payload = payload,
                    Err(_) => break,
                }
            }
            self.take(frame);
        }
        self.shared.lost.store(true, Ordering::Relaxed);
        // What it said last may still be on its way.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let pending: Vec<Pending> = self
            .shared
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .map(|(_, pending)| pending)
            .collect();
        for pending in pending {
            let _ = pending.done.send(Err(lost(&self.messages)));
        }
    }

    fn take(&self, frame: Frame) {
        let mut pending = self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match frame.kind {
            Kind::Response => {
                let Some(pending) = pending.remove(&frame.id) else { return };
                let outcome = serde_json::from_slice(&frame.payload)
                    .unwrap_or_else(|error| Outcome::failed(format!("the result is no JSON: {error}")));
                let _ = pending.done.send(Ok(outcome));
            }
            Kind::Output => {
                if let Some(output) = pending.get(&frame.id).and_then(|pending| pending.output.as_ref()) {
                    let _ = output.send(frame.payload);
                }
            }
            Kind::Give => {
                let Some(file) = pending.get_mut(&frame.id).and_then(|pending| pending.give_to.as_mut())
                else {
                    return;
                };
                let kept = decompress(&frame.payload).and_then(|piece| file.write_all(&piece));
                if let Err(error) = kept
                    && let Some(pending) = pending.remove(&frame.id)
                {
                    let _ = pending.done.send(Err(CallError::Give(error)));
                }
            }
            Kind::Need => {
                let contents = pending.get(&frame.id).and_then(|pending| pending.contents.clone());
                let hashes = String::from_utf8_lossy(&frame.payload).lines().map(str::to_owned).collect();
                let supply = Supply::new(frame.id, hashes, contents);
                tokio::spawn(send_contents(supply, self.pieces.clone(), Arc::clone(&self.shared)));
            }
            _ => {}
        }
    }
}

/// Sends contents, as long as the request that needs them runs.
async fn send_contents(mut supply: Supply, pieces: mpsc::Sender<Vec<u8>>, shared: Arc<Shared>) {
    let id = supply.id;
    loop {
        // Files are read in a thread of their own: disks are slow, other hosts go on.
        let read = tokio::task::spawn_blocking(move || (supply.next(), supply)).await;
        let Ok((Some(frames), rest)) = read else { return };
        supply = rest;
        let is_wanted = shared.pending.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id);
        if !is_wanted || pieces.send(frames).await.is_err() {
            return;
        }
    }
}
