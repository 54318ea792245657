//! Everything that is shown or written of a run. A report is given events and asks nothing else, so that all reports
//! of a run agree.

mod answers;
mod colors;
mod difference;
mod event;
mod json;
mod log;
mod progress;
mod screen;
mod terminal;
mod tree;

pub use answers::Answers;
pub use colors::Colors;
pub use event::{Event, HostSummary, ItemLabel, Status, TaskInfo};
pub use json::JsonLines;
pub use log::Log;
pub use terminal::{Style, Terminal};
pub use tree::Tree;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// Something that shows or writes a run.
pub trait Report: Send {
    /// Takes one event. Events of one run come in order.
    fn event(&mut self, event: &Event);
}

/// Where a run sends its events.
#[derive(Clone)]
pub struct Events {
    sender: UnboundedSender<Event>,
    sent: Arc<AtomicU64>,
    /// How many reports have taken.
    taken: watch::Receiver<u64>,
}

/// Where reports take events from.
pub struct Delivery {
    events: UnboundedReceiver<Event>,
    taken: watch::Sender<u64>,
}

impl Events {
    /// A way for events, and its end where reports take them from.
    pub fn channel() -> (Self, Delivery) {
        let (sender, events) = unbounded_channel();
        let (taken, seen) = watch::channel(0);
        (Self { sender, sent: Arc::default(), taken: seen }, Delivery { events, taken })
    }

    /// Sends an event; when nobody listens any more, it is lost.
    pub fn send(&self, event: Event) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let _ = self.sender.send(event);
    }

    /// Waits until reports have shown all that was sent.
    pub async fn settled(&self) {
        let sent = self.sent.load(Ordering::Relaxed);
        // When reports are gone, nothing more is shown.
        let _ = self.taken.clone().wait_for(|taken| *taken >= sent).await;
    }
}

/// Gives all events to all reports, until the run drops its [`Events`].
pub async fn deliver(mut delivery: Delivery, mut reports: Vec<Box<dyn Report>>) {
    while let Some(event) = delivery.events.recv().await {
        for report in &mut reports {
            report.event(&event);
        }
        delivery.taken.send_modify(|taken| *taken += 1);
    }
}
