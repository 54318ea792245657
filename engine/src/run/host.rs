//! A host in a play.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::playbook::{Layer, Origin};
use crate::vars::HostState;

/// A host in a play: what is known of it, and how far it came.
#[derive(Debug)]
pub(super) struct PlayHost {
    /// What is known of it.
    pub(super) state: Arc<HostState>,
    /// It cannot be reached any more, or its play was ended for it.
    gone: AtomicBool,
    /// It failed, and nothing mends that.
    failed: AtomicBool,
    /// Its play was ended for it: that is no failure.
    sent_home: AtomicBool,
    /// Numbers of the handlers that are owed.
    notified: Mutex<BTreeSet<usize>>,
    /// The uses of roles that were ended for it.
    ended_roles: Mutex<Vec<Arc<Layer>>>,
}

impl PlayHost {
    pub(super) fn new(state: Arc<HostState>) -> Arc<Self> {
        Arc::new(Self {
            state,
            gone: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            sent_home: AtomicBool::new(false),
            notified: Mutex::default(),
            ended_roles: Mutex::default(),
        })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.state.name
    }

    /// Whether it still takes part: it may have failed a task, but it can be reached and was not sent home.
    pub(super) fn is_present(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }

    /// Takes it out of the play for good.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Ends the play for it, as a success.
    pub(super) fn send_home(&self) {
        self.sent_home.store(true, Ordering::Relaxed);
        self.leave();
    }

    /// Whether its play was ended for it.
    pub(super) fn was_sent_home(&self) -> bool {
        self.sent_home.load(Ordering::Relaxed)
    }

    /// Whether it was lost: it cannot be reached any more.
    pub(super) fn is_lost(&self) -> bool {
        !self.is_present() && !self.was_sent_home()
    }

    /// Notes that it failed, and that nothing mends it.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Whether it failed, and nothing mends that.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Forgives it: `meta: clear_host_errors`. A lost one takes part again at once, one that failed in later plays.
    pub(super) fn forgive(&self) {
        self.failed.store(false, Ordering::Relaxed);
        if self.is_lost() {
            self.gone.store(false, Ordering::Relaxed);
        }
    }

    /// Ends the innermost role around a task for it: `meta: end_role`.
    pub(super) fn end_role(&self, layer: &Arc<Layer>) {
        let role = ancestors(layer).find(|layer| matches!(layer.origin, Origin::Role(_)));
        self.ended_roles.lock().unwrap_or_else(PoisonError::into_inner).extend(role);
    }

    /// Whether one of the roles around a task was ended for it.
    pub(super) fn has_ended(&self, layer: &Arc<Layer>) -> bool {
        let ended = self.ended_roles.lock().unwrap_or_else(PoisonError::into_inner);
        !ended.is_empty() && ancestors(layer).any(|layer| ended.iter().any(|role| Arc::ptr_eq(role, &layer)))
    }

    /// Owes a handler. Returns whether it was not owed already.
    pub(super) fn notify(&self, handler: usize) -> bool {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner).insert(handler)
    }

    /// Whether a handler is owed.
    pub(super) fn owes(&self, handler: usize) -> bool {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner).contains(&handler)
    }

    /// Takes all handlers off what is owed.
    pub(super) fn settle_all(&self) {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes a handler off what is owed. Returns whether it was.
    pub(super) fn settle(&self, handler: usize) -> bool {
        self.notified.lock().unwrap_or_else(PoisonError::into_inner).remove(&handler)
    }
}

/// A layer and those around it, innermost first.
fn ancestors(layer: &Arc<Layer>) -> impl Iterator<Item = Arc<Layer>> {
    std::iter::successors(Some(Arc::clone(layer)), |layer| layer.parent.clone())
}

/// Whether a host is in a list.
pub(super) fn contains(hosts: &[Arc<PlayHost>], host: &Arc<PlayHost>) -> bool {
    hosts.iter().any(|other| Arc::ptr_eq(other, host))
}

/// Takes hosts off a list that entered something and did not come through it.
pub(super) fn drop_lost(
    hosts: &mut Vec<Arc<PlayHost>>,
    entered: &[Arc<PlayHost>],
    through: &[Arc<PlayHost>],
) {
    hosts.retain(|host| !contains(entered, host) || contains(through, host));
}
