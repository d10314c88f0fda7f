//! Whatever ends a benchmark also ends the servers it started.
//!
//! Owns: the started processes and their folders.   Uses: tokio (signals), tempfile.   Never: a process it did not start.
//!
//! Servers end by their own process id when they are dropped, when the benchmark fails, when it panics (the
//! release profile aborts, so destructors do not run) and on SIGINT, SIGTERM and SIGHUP.

use crate::Outcome;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// What the shell is told of a program that a signal ended.
pub const INTERRUPTED: u8 = 130;

static STOPPING: AtomicBool = AtomicBool::new(false);
static LIVE: Mutex<Vec<Child>> = Mutex::new(Vec::new());
static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens for signals and panics from now on. Call it once, before the first server starts.
pub fn install() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        });
        STOPPING.store(true, Ordering::SeqCst);
        end_all();
        std::process::exit(i32::from(INTERRUPTED));
    });
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        print(info);
        end_all_unless_locked();
    }));
    Ok(())
}

/// Whether a signal is ending this program: then the failures of its servers say nothing.
pub fn interrupted() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// A folder that goes when the benchmark ends.
pub fn folder() -> Outcome<std::path::PathBuf> {
    let folder = TempDir::with_prefix("lodestore-bench-")?;
    let path = folder.path().to_owned();
    lock(&FOLDERS).push(folder);
    Ok(path)
}

/// Removes one folder now.
pub fn remove_folder(path: &std::path::Path) {
    lock(&FOLDERS).retain(|folder| folder.path() != path);
}

/// Starts a process that ends with this one. Returns its id.
pub fn spawn(command: &mut Command) -> Outcome<u32> {
    // Locked across the start: a signal in between would otherwise miss the new process.
    let mut live = lock(&LIVE);
    let child = command.stdin(Stdio::null()).spawn()?;
    let id = child.id();
    live.push(child);
    Ok(id)
}

/// Whether a started process still runs.
pub fn runs(id: u32) -> bool {
    let mut live = lock(&LIVE);
    live.iter_mut().any(|child| child.id() == id && matches!(child.try_wait(), Ok(None)))
}

/// Kills one started process and waits until it is gone.
pub fn end(id: u32) {
    let mut live = lock(&LIVE);
    if let Some(at) = live.iter().position(|child| child.id() == id) {
        kill(&mut live.swap_remove(at));
    }
}

/// Kills every started process and removes every folder.
pub fn end_all() {
    lock(&LIVE).drain(..).for_each(|mut child| kill(&mut child));
    lock(&FOLDERS).clear();
}

fn end_all_unless_locked() {
    // The thread that panics may hold a lock: then its processes are lost, but the abort is not.
    match LIVE.try_lock() {
        Ok(mut live) => live.drain(..).for_each(|mut child| kill(&mut child)),
        Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => {}
    }
    if let Ok(mut folders) = FOLDERS.try_lock() {
        folders.clear();
    }
}

fn kill(child: &mut Child) {
    // Both fail only for a process that has already gone.
    let _ = child.kill();
    let _ = child.wait();
}
