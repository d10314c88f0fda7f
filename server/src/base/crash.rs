//! The report of a crash: what ran, where, and which version.
//!
//! Owns: the note of the running command, the panic hook.   Uses: sys.   Never: values, keys.
//!
//! The note is a name from a command's row, so no data of a user can get into a report.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this is a forked child, where a report must not allocate: a thread that is not there any more
/// may have held the allocator's lock.
static BRIEF: AtomicBool = AtomicBool::new(false);

/// Whether a panic writes a report.
static DETAILED: AtomicBool = AtomicBool::new(true);

/// Whether a panic writes a report with the command and the stack, or one line.
pub fn set_detailed(detailed: bool) {
    DETAILED.store(detailed, Ordering::Relaxed);
}

/// From now on a panic of this process says one line.
pub fn be_brief() {
    BRIEF.store(true, Ordering::Relaxed);
}

thread_local! {
    static RUNNING: Cell<&'static str> = const { Cell::new("") };
}

/// Notes which command this thread runs; empty: none.
#[inline]
pub fn note(command: &'static str) {
    RUNNING.with(|running| running.set(command));
}

/// Makes every panic write a report to standard error, and to the log file if there is one, and end the
/// process: a data set that a panic left behind is not to be served or saved.
pub fn report_panics(version: &'static str, log_file: Option<PathBuf>) {
    std::panic::set_hook(Box::new(move |panic| {
        if BRIEF.load(Ordering::Relaxed) {
            crate::base::sys::child::say_and_abort(b"Panic in the child that writes a snapshot\n");
        }
        let report = if DETAILED.load(Ordering::Relaxed) {
            report(version, panic)
        } else {
            format!("{panic}\n")
        };
        // Nothing can be done about a report that cannot be written.
        let _ = std::io::stderr().write_all(report.as_bytes());
        if let Some(path) = &log_file
            && let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(path)
        {
            let _ = file.write_all(report.as_bytes());
        }
        // Not left to the profile: tokio would catch the unwinding of a task.
        std::process::abort();
    }));
}

fn report(version: &str, panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let command = RUNNING.with(Cell::get);
    format!(
        "\n=== LODESTORE CRASH REPORT: copy from here ===\n\
         version: {version}\nthread: {}\ncommand: {} (its arguments are hidden)\n{panic}\n\
         stack:\n{}\n=== end of the report ===\n",
        thread.name().unwrap_or("unnamed"),
        if command.is_empty() { "none" } else { command },
        Backtrace::force_capture(),
    )
}
