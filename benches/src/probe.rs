//! A modest client that asks at a fixed rate, whatever the server does.
//!
//! Owns: its thread and what it measured.   Uses: client, histogram.   Never: fewer probes because one was slow.
//!
//! A wait is counted from when the PING was to be sent. A stall of 20 ms at 1000 probes a second is so seen by twenty
//! of them, as it would be by twenty clients.

use crate::Outcome;
use crate::client::Client;
use crate::columns::Columns;
use crate::histogram::Histogram;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A probe under way. It ends when it is dropped.
#[derive(Debug)]
pub struct Probe {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Outcome<Histogram>>>,
}

impl Probe {
    /// Starts to send so many PINGs a second.
    pub fn start(address: SocketAddr, rate: u32) -> Outcome<Probe> {
        let mut client = Client::connect(address)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let gap = Duration::from_secs(1) / rate.max(1);
        let thread = std::thread::spawn(move || ask(&mut client, gap, &stop));
        Ok(Probe { stopping, thread: Some(thread) })
    }

    /// Stops, and gives the waits.
    pub fn stop(mut self) -> Outcome<Histogram> {
        self.stopping.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or("the probe was stopped before")?;
        thread.join().map_err(|_| "the probe failed")?
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

fn ask(client: &mut Client, gap: Duration, stop: &AtomicBool) -> Outcome<Histogram> {
    let mut waits = Histogram::new();
    let mut planned = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(planned.saturating_duration_since(Instant::now()));
        let late = Instant::now().saturating_duration_since(planned);
        let asked = Instant::now();
        let reply = client.ask(&["PING"])?;
        if reply != "+PONG" {
            return Err(format!("PING was answered with {reply:?}").into());
        }
        // That this thread woke late is not the server's doing, unless it still read the reply before.
        let own = if late > gap { late } else { Duration::ZERO };
        waits.record(asked.elapsed() + own);
        planned += gap;
    }
    Ok(waits)
}

/// The columns that say how long probes waited.
pub fn columns(waits: &Histogram) -> Columns {
    vec![
        ("p50 us", waits.percentile_us(0.5)),
        ("p99 us", waits.percentile_us(0.99)),
        ("p99.9 us", waits.percentile_us(0.999)),
        ("max us", waits.max_us()),
        ("probes", waits.count() as f64),
    ]
}
