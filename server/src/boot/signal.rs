//! Signals: a polite one ends the server with a last snapshot, a second one ends it at once.
//!
//! Owns: the thread that waits for signals.   Uses: tokio.   Never: ends the server itself, but for
//! the second signal.

use crate::io::bell::Bell;
use crate::io::ending::{Asked, Ending};
use std::io;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Starts the thread. It raises `ending`, wakes the core and calls `told`; SIGHUP is ignored. A thread of its own, so
/// that the second signal is heard while the core writes its last snapshot.
///
/// # Errors
/// No thread or descriptor left.
pub fn listen(ending: Arc<Ending>, core: Bell, told: impl Fn() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Here and not in the thread: a signal that comes before its handler would end the process.
    let handlers = {
        let _within = runtime.enter();
        Handlers {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || runtime.block_on(wait(handlers, &ending, &core, &told)))?;
    Ok(())
}

struct Handlers {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

async fn wait(handlers: Handlers, ending: &Ending, core: &Bell, told: &dyn Fn()) {
    let Handlers { mut terminate, mut interrupt, mut hangup } = handlers;
    loop {
        let (name, how) = tokio::select! {
            _ = terminate.recv() => ("SIGTERM", Asked::Terminate),
            _ = interrupt.recv() => ("SIGINT", Asked::Interrupt),
            _ = hangup.recv() => continue,
        };
        // Lowered again if the last snapshot failed and the server stays: then a signal asks anew.
        let asked = ending.ask(how);
        if asked && how == Asked::Interrupt {
            tracing::warn!("You insist... exiting now.");
            std::process::exit(1);
        }
        tracing::warn!("Received {name} scheduling shutdown...");
        core.stay_awake();
        told();
    }
}
