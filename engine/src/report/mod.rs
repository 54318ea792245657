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

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something that shows or writes a run.
pub trait Report: Send {
    /// Takes one event. Events of one run come in order.
    fn event(&mut self, event: &Event);
}

/// Where a run sends its events.
#[derive(Clone)]
pub struct Events(UnboundedSender<Event>);

impl Events {
    /// A way for events, and its end where reports take them from.
    pub fn channel() -> (Self, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends an event; when nobody listens any more, it is lost.
    pub fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

/// Gives all events to all reports, until the run drops its [`Events`].
pub async fn deliver(mut events: UnboundedReceiver<Event>, mut reports: Vec<Box<dyn Report>>) {
    while let Some(event) = events.recv().await {
        for report in &mut reports {
            report.event(&event);
        }
    }
}
