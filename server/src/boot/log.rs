//! The log: the familiar one-line form, logfmt or JSON.
//!
//! Owns: the form of a line and where it goes.   Uses: tracing.   Never: what is worth a line.

use crate::base::sys;
use crate::config::{Config, LogFormat, LogLevel};
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

/// Changes how much is told from now on.
pub type SetLevel = Box<dyn Fn(LogLevel)>;

/// Begins to log, and says how to change its level.
///
/// # Errors
/// The log file cannot be opened.
pub fn start(config: &Config) -> Result<SetLevel, String> {
    let level = level(config.log_level);
    let form = Form { format: config.log_format, pid: std::process::id() };
    match &config.log_file {
        None => Ok(install(level, form, || Lenient(io::stdout()))),
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| format!("Can't open the log file {path}: {error}"))?;
            Ok(install(level, form, Mutex::new(Lenient(file))))
        }
    }
}

fn install<W>(level: LevelFilter, form: Form, writer: W) -> SetLevel
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (layer, filter) = tracing_subscriber::reload::Layer::new(level);
    let lines = tracing_subscriber::fmt::layer().event_format(form).with_writer(writer);
    let subscriber = tracing_subscriber::registry().with(layer).with(lines);
    // A second start in one process (tests) keeps the first log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Box::new(move |wanted| {
        // It fails only when that log is gone.
        let _ = filter.reload(crate::boot::log::level(wanted));
    })
}

/// A writer whose failures are nobody's: a line that a full disk does not take is lost. `tracing` would
/// tell of it on standard error, and panic where that is the same full disk.
struct Lenient<W>(W);

impl<W: io::Write> io::Write for Lenient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

struct Form {
    format: LogFormat,
    pid: u32,
}

impl<S, N> FormatEvent<S, N> for Form
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _cx: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message(String::new());
        event.record(&mut message);
        let text = message.0;
        let level = *event.metadata().level();
        let pid = self.pid;
        match self.format {
            LogFormat::Classic => {
                writeln!(out, "{pid}:M {} {} {text}", classic_time(), mark(level))
            }
            LogFormat::Logfmt => {
                let (time, word) = (iso_time(), word(level));
                writeln!(out, "pid={pid} role=master time={time} level={word} msg={text:?}")
            }
            LogFormat::Json => {
                let (time, word, text) = (iso_time(), word(level), escape(&text));
                writeln!(
                    out,
                    "{{\"pid\":{pid},\"time\":\"{time}\",\"level\":\"{word}\",\"msg\":\"{text}\"}}"
                )
            }
        }
    }
}

struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        // Writing into a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

fn mark(level: Level) -> char {
    match level {
        Level::ERROR | Level::WARN => '#',
        Level::INFO => '*',
        Level::DEBUG => '-',
        Level::TRACE => '.',
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR | Level::WARN => "warning",
        Level::INFO => "notice",
        Level::DEBUG => "verbose",
        Level::TRACE => "debug",
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

fn local_now() -> (time::OffsetDateTime, u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix = i64::try_from(now.as_secs()).unwrap_or(0);
    let local = unix + sys::utc_offset(unix);
    let moment = time::OffsetDateTime::from_unix_timestamp(local)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    (moment, now.subsec_millis())
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn classic_time() -> String {
    let (t, millis) = local_now();
    let month = MONTHS[usize::from(u8::from(t.month())) - 1];
    let (h, m, s) = (t.hour(), t.minute(), t.second());
    format!("{:02} {month} {} {h:02}:{m:02}:{s:02}.{millis:03}", t.day(), t.year())
}

fn iso_time() -> String {
    let (t, millis) = local_now();
    let (month, h, m, s) = (u8::from(t.month()), t.hour(), t.minute(), t.second());
    format!("{}-{month:02}-{:02}T{h:02}:{m:02}:{s:02}.{millis:03}", t.year(), t.day())
}
