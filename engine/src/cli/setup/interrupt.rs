//! Runs that are cut off.

use std::time::Duration;

use clouder_lang::Diagnostic;

use super::super::show;
use crate::run::INTERRUPTED;

/// How long a run may take to end by itself once that was asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the run to end when that is wanted. Whoever evaluates a template without an end does not hear it: the second time,
/// or after a while, the whole program ends.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread that would end connections in order is the one that hangs"
)]
pub(super) async fn cut_off(ask: tokio::sync::oneshot::Sender<()>) {
    interrupted().await;
    let _ = ask.send(());
    tokio::select! {
        () = interrupted() => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    show(&[Diagnostic::without_place("interrupted in the middle of something that did not end by itself")]);
    std::process::exit(INTERRUPTED)
}

/// Ends when the run is to be cut off: Ctrl-C, or a request to terminate.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}
