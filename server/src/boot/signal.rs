//! Signals: a polite one ends the server with a last snapshot, a second one ends it at once.
//!
//! Owns: the thread that waits for signals.   Uses: tokio.   Never: ends the server itself, but for
//! the second signal.

use crate::io::bell::Bell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Starts the thread. It raises `ending` and wakes the core; SIGHUP is ignored. A thread of its own, so
/// that the second signal is heard while the core writes its last snapshot.
///
/// # Errors
/// No thread or descriptor left.
pub fn listen(ending: Arc<AtomicBool>, core: Bell) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        // Without handlers the default holds: the signals end the process.
        if let Err(error) = runtime.block_on(wait(&ending, &core)) {
            tracing::warn!("Cannot listen to signals: {error}");
        }
    })?;
    Ok(())
}

async fn wait(ending: &AtomicBool, core: &Bell) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hangup.recv() => continue,
        };
        // Lowered again if the last snapshot failed and the server stays: then a signal asks anew.
        let asked = ending.swap(true, Ordering::SeqCst);
        if asked && name == "SIGINT" {
            tracing::warn!("You insist... exiting now.");
            std::process::exit(1);
        }
        tracing::warn!("Received {name} scheduling shutdown...");
        core.stay_awake();
    }
}
