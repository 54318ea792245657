//! Threads that run requests.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exchange::{FrameExchange, Outbox};
use super::store::Store;
use crate::protocol::{Frame, Kind, LIMIT, Request};
use crate::system::command;
use crate::{Context, Outcome, find};

/// How many pieces of contents may wait for a request that writes them: then reading waits, and with it the controller.
const WAITING: usize = 8;

/// A request that was accepted.
struct Job {
    id: u32,
    request: Request,
    cancelled: Arc<AtomicBool>,
    incoming: Receiver<Frame>,
}

/// What the reading thread needs of a request that is under way.
struct Running {
    cancelled: Arc<AtomicBool>,
    contents: SyncSender<Frame>,
}

/// Requests that wait for the one before them, by queue. A queue is there as long as a thread works on it.
type Queues = Arc<Mutex<HashMap<u32, VecDeque<Job>>>>;

/// All requests under way.
pub(super) struct Workers {
    outbox: Arc<Outbox>,
    store: Arc<Store>,
    running: Arc<Mutex<HashMap<u32, Running>>>,
    queues: Queues,
    busy: Arc<AtomicUsize>,
}

impl Workers {
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self {
            outbox,
            store: Arc::default(),
            running: Arc::default(),
            queues: Arc::default(),
            busy: Arc::default(),
        }
    }

    /// Starts a request, or puts it at the end of its queue.
    pub(super) fn start(&self, id: u32, request: Request) {
        let (contents, incoming) = sync_channel(WAITING);
        let cancelled: Arc<AtomicBool> = Arc::default();
        let queue = request.queue;
        let running = Running { cancelled: Arc::clone(&cancelled), contents };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, running);
        self.busy.fetch_add(1, Ordering::AcqRel);
        let job = Job { id, request, cancelled, incoming };
        let worker = self.worker();
        let Some(queue) = queue else {
            self.spawn(id, move || worker.run(job));
            return;
        };
        match self.queues.lock().unwrap_or_else(PoisonError::into_inner).entry(queue) {
            Entry::Occupied(mut waiting) => return waiting.get_mut().push_back(job),
            Entry::Vacant(queues) => queues.insert(VecDeque::new()),
        };
        let queues = Arc::clone(&self.queues);
        if !self.spawn(id, move || worker.run_all(queue, job, &queues)) {
            self.queues.lock().unwrap_or_else(PoisonError::into_inner).remove(&queue);
        }
    }

    /// Starts a thread for a request. Returns whether it could: a host may let a user have few.
    fn spawn(&self, id: u32, work: impl FnOnce() + Send + 'static) -> bool {
        match std::thread::Builder::new().spawn(work) {
            Ok(_) => true,
            Err(error) => {
                self.worker().finish(id, &Outcome::failed(format!("cannot start a thread: {error}")));
                false
            }
        }
    }

    fn worker(&self) -> Worker {
        Worker {
            outbox: Arc::clone(&self.outbox),
            store: Arc::clone(&self.store),
            running: Arc::clone(&self.running),
            busy: Arc::clone(&self.busy),
        }
    }

    /// Hands a piece of a content to the request that asked for it, and waits while that has enough to do.
    pub(super) fn deliver(&self, frame: Frame) {
        let contents = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&frame.id)
            .map(|running| running.contents.clone());
        if let Some(contents) = contents {
            // A request that is no longer waiting does not want it.
            let _ = contents.send(frame);
        }
    }

    /// Gives up a request. No more of what it asked for will come.
    pub(super) fn cancel(&self, id: u32) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
            running.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Gives up all requests, waits for them as long as `patience`, and for commands that finish what they are at as long as they take;
    /// removes the agent's files.
    pub(super) fn end(&self, patience: Duration) {
        // Dropping the senders wakes those that wait for a content.
        for (_, running) in self.running.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        let deadline = Instant::now() + patience;
        while self.busy.load(Ordering::Acquire) > 0 && (Instant::now() < deadline || command::are_ending()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.store.remove();
    }
}

/// What a thread needs to run requests.
struct Worker {
    outbox: Arc<Outbox>,
    store: Arc<Store>,
    running: Arc<Mutex<HashMap<u32, Running>>>,
    busy: Arc<AtomicUsize>,
}

impl Worker {
    /// Does a request and all that are put into its queue meanwhile, in order.
    fn run_all(&self, queue: u32, first: Job, queues: &Queues) {
        let mut next = Some(first);
        while let Some(job) = next {
            self.run(job);
            let mut queues = queues.lock().unwrap_or_else(PoisonError::into_inner);
            next = queues.get_mut(&queue).and_then(VecDeque::pop_front);
            if next.is_none() {
                queues.remove(&queue);
            }
        }
    }

    fn run(&self, job: Job) {
        let id = job.id;
        let module = job.request.module.clone();
        let outcome = catch_unwind(AssertUnwindSafe(|| self.outcome(job))).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Outcome::failed(format!(
                "the module {module} has a fault, please report it: {}",
                said.unwrap_or_default()
            ))
        });
        self.finish(id, &outcome);
    }

    fn finish(&self, id: u32, outcome: &Outcome) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.answer(id, outcome);
        self.busy.fetch_sub(1, Ordering::AcqRel);
    }

    /// Sends a result. When the controller is gone there is no one to tell.
    fn answer(&self, id: u32, outcome: &Outcome) {
        let payload = serde_json::to_vec(outcome).unwrap_or_default();
        let payload = if payload.len() > LIMIT || payload.is_empty() {
            let told = Outcome::failed(format!("the result of {} bytes is too large to send", payload.len()));
            serde_json::to_vec(&told).unwrap_or_default()
        } else {
            payload
        };
        let _ = self.outbox.send(Frame::new(id, Kind::Response, payload));
    }

    fn outcome(&self, job: Job) -> Outcome {
        let Job { id, request, cancelled, incoming } = job;
        if cancelled.load(Ordering::Relaxed) {
            return Outcome::failed("cancelled");
        }
        let Some(entry) = find(&request.module) else {
            return Outcome::failed(format!("this agent has no module `{}`", request.module));
        };
        let exchange =
            FrameExchange::new(id, request.live, Arc::clone(&self.outbox), Arc::clone(&self.store), incoming);
        let scratch = match self.store.folder() {
            Ok(folder) => folder,
            Err(error) => return error.into_outcome(),
        };
        let mut context = Context {
            check: request.check,
            diff: request.diff,
            environment: request.environment,
            scratch,
            cancelled,
            exchange: Box::new(exchange),
        };
        (entry.run)(request.args, &mut context)
    }
}
