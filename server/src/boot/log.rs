//! The log: the familiar one-line form, logfmt or JSON.
//!
//! Owns: the form of a line and where it goes.   Uses: tracing, log_file, syslog.   Never: what is worth a line.

use super::log_file::{Lenient, LogFile};
use super::syslog::{DEVICE, Syslog};
use crate::base::sys;
use crate::config::{Config, LogFormat, LogLevel, TimestampFormat};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::{Event, Level, Subscriber, field::Field};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Changes how much is told from now on.
pub type SetLevel = Box<dyn Fn(LogLevel)>;

/// Begins to log to `file` or else to the standard output, and says how to change its level.
///
/// # Errors
/// The log file cannot be opened.
pub fn start(config: &Config, file: Option<&Path>) -> Result<SetLevel, String> {
    let form = Form { format: config.log_format, time: config.log_time, pid: std::process::id() };
    match file {
        None => Ok(install(config, form, || Lenient(io::stdout()))),
        Some(path) => {
            let file = LogFile::open(path)
                .map_err(|error| format!("Can't open the log file {}: {error}", path.display()))?;
            Ok(install(config, form, Mutex::new(file)))
        }
    }
}

/// Puts a text where messages go, without the form of a message.
pub fn print(text: &str, file: Option<&Path>) {
    let _ = match file.map(LogFile::open) {
        None => Lenient(io::stdout()).write(text.as_bytes()),
        Some(Ok(mut file)) => file.write(text.as_bytes()),
        Some(Err(error)) => Err(error),
    };
}

fn install<W>(config: &Config, form: Form, writer: W) -> SetLevel
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (layer, filter) = tracing_subscriber::reload::Layer::new(level(config.log_level));
    let lines = tracing_subscriber::fmt::layer().event_format(form).with_writer(writer);
    let syslog = config
        .syslog
        .then(|| ToSyslog(Syslog::new(DEVICE, &config.syslog_ident, config.syslog_facility)));
    let subscriber = tracing_subscriber::registry().with(layer).with(lines).with(syslog);
    // A second start in one process (tests) keeps the first log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Box::new(move |wanted| {
        // It fails only when that log is gone.
        let _ = filter.reload(crate::boot::log::level(wanted));
    })
}

/// Sends every message to the syslog too.
struct ToSyslog(Syslog);

impl<S: Subscriber> Layer<S> for ToSyslog {
    fn on_event(&self, event: &Event<'_>, _cx: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.send(*event.metadata().level(), &Moment::now().syslog(), &message.0);
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
    time: TimestampFormat,
    pid: u32,
}

impl Form {
    /// A message as a line, with its end.
    fn line(&self, level: Level, moment: Moment, text: &str) -> String {
        let (pid, word) = (self.pid, word(level));
        let time = match (self.time, self.format) {
            (TimestampFormat::Milliseconds, _) => moment.millis().to_string(),
            (TimestampFormat::Legacy, _) | (TimestampFormat::Auto, LogFormat::Classic) => {
                moment.legacy()
            }
            (TimestampFormat::Iso8601, _)
            | (TimestampFormat::Auto, LogFormat::Logfmt | LogFormat::Json) => moment.iso(),
        };
        match self.format {
            LogFormat::Classic => format!("{pid}:M {time} {} {text}\n", mark(level)),
            LogFormat::Logfmt => {
                let time = if time.contains(' ') { format!("{time:?}") } else { time };
                format!("pid={pid} role=master time={time} level={word} msg={text:?}\n")
            }
            LogFormat::Json => format!(
                "{{\"pid\":{pid},\"role\":\"master\",\"time\":\"{time}\",\"level\":\"{word}\",\
                 \"msg\":\"{}\"}}\n",
                escape(text)
            ),
        }
    }
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
        out.write_str(&self.line(*event.metadata().level(), Moment::now(), &message.0))
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

/// A moment, and how far local time is from UTC then.
#[derive(Clone, Copy, Debug)]
struct Moment {
    unix_s: i64,
    millis: u32,
    offset_s: i64,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Moment {
    fn now() -> Moment {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_s = i64::try_from(now.as_secs()).unwrap_or(0);
        Moment { unix_s, millis: now.subsec_millis(), offset_s: sys::utc_offset(unix_s) }
    }

    /// Milliseconds since 1970.
    fn millis(self) -> i64 {
        self.unix_s.saturating_mul(1000).saturating_add(i64::from(self.millis))
    }

    /// The local time, and the month's name.
    fn local(self) -> (time::OffsetDateTime, &'static str) {
        let local = self.unix_s.saturating_add(self.offset_s);
        let moment = time::OffsetDateTime::from_unix_timestamp(local)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        (moment, MONTHS[usize::from(u8::from(moment.month())) - 1])
    }

    /// `21 Nov 2026 09:45:50.750`
    fn legacy(self) -> String {
        let (t, month) = self.local();
        let (h, m, s, millis) = (t.hour(), t.minute(), t.second(), self.millis);
        format!("{:02} {month} {} {h:02}:{m:02}:{s:02}.{millis:03}", t.day(), t.year())
    }

    /// `Nov 21 09:45:50`
    fn syslog(self) -> String {
        let (t, month) = self.local();
        format!("{month} {:2} {:02}:{:02}:{:02}", t.day(), t.hour(), t.minute(), t.second())
    }

    /// `2026-11-21T09:45:50.750+01:00`
    fn iso(self) -> String {
        let (t, _) = self.local();
        let (month, h, m, s, millis) =
            (u8::from(t.month()), t.hour(), t.minute(), t.second(), self.millis);
        let (sign, minutes) = (if self.offset_s < 0 { '-' } else { '+' }, self.offset_s.abs() / 60);
        format!(
            "{}-{month:02}-{:02}T{h:02}:{m:02}:{s:02}.{millis:03}{sign}{:02}:{:02}",
            t.year(),
            t.day(),
            minutes / 60,
            minutes % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment { unix_s: 1_795_254_350, millis: 7, offset_s: -12_600 };

    fn line(format: LogFormat, time: TimestampFormat) -> String {
        Form { format, time, pid: 5 }.line(Level::WARN, MOMENT, "say \"no\"\n")
    }

    #[test]
    fn every_format_tells_the_time_in_every_way() {
        use TimestampFormat::{Auto, Iso8601, Legacy, Milliseconds};
        let iso = "2026-11-21T06:15:50.007-03:30";
        let text = "say \"no\"\n\n";
        assert_eq!(
            line(LogFormat::Classic, Auto),
            format!("5:M 21 Nov 2026 06:15:50.007 # {text}")
        );
        assert_eq!(line(LogFormat::Classic, Iso8601), format!("5:M {iso} # {text}"));
        assert_eq!(line(LogFormat::Classic, Milliseconds), format!("5:M 1795254350007 # {text}"));
        let msg = r#"level=warning msg="say \"no\"\n""#;
        assert_eq!(line(LogFormat::Logfmt, Auto), format!("pid=5 role=master time={iso} {msg}\n"));
        assert_eq!(
            line(LogFormat::Logfmt, Legacy),
            format!("pid=5 role=master time=\"21 Nov 2026 06:15:50.007\" {msg}\n")
        );
        let msg = r#""level":"warning","msg":"say \"no\"\u000a""#;
        assert_eq!(
            line(LogFormat::Json, Auto),
            format!("{{\"pid\":5,\"role\":\"master\",\"time\":\"{iso}\",{msg}}}\n")
        );
        assert_eq!(MOMENT.syslog(), "Nov 21 06:15:50");
    }
}
