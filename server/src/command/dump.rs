//! A value on its way out of a server and into another one.
//!
//! Owns: DUMP, RESTORE, RESTORE-ASKING.   Uses: ReadCx, WriteCx, persist's payloads.   Never: the snapshot.

use super::context::{ReadCx, WriteCx};
use super::row::*;
use crate::base::blob::Blob;
use crate::base::bytes::parse_i64;
use crate::keyspace::Key;
use crate::keyspace::access::Known;
use crate::keyspace::change::{Change, Event};
use crate::persist::rdb::format::Version;
use crate::persist::rdb::payload::{self, PayloadFault, Terms};
use crate::resp::args::Args;
use crate::resp::{Error, Result};
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&DUMP, &RESTORE, &RESTORE_ASKING];
const _: () = check(TABLE);

static DUMP: Command = Command {
    name: "dump",
    since: "2.6.0",
    group: Group::Generic,
    summary: "Returns the value of a key in the form that RESTORE takes.",
    complexity: "O(N) where N is the size of the value.",
    args: &[key("key")],
    keys: READ_ONE,
    flags: KEYSPACE,
    run: Run::Read(dump),
    ..Command::BASE
};

fn dump(cx: &mut ReadCx<'_>) -> Result<()> {
    let (version, compress) = (Version::of(cx.config.rdb_version), cx.config.rdb_compression);
    match cx.data.find(cx.key(1)) {
        Some(value) => cx.reply.blob(Blob::from(payload::write(value, version, compress))),
        None => cx.reply.null(),
    }
    Ok(())
}

const RESTORE_ARGS: &[Arg] = &[
    key("key"),
    integer("ttl"),
    string("serialized-value"),
    token("replace", "REPLACE").optional(),
    token("absttl", "ABSTTL").optional(),
    integer("seconds").after("IDLETIME").optional(),
    integer("frequency").after("FREQ").optional(),
];

static RESTORE: Command = Command {
    name: "restore",
    since: "2.6.0",
    group: Group::Generic,
    summary: "Creates a key from what DUMP answered.",
    complexity: "O(N) where N is the size of the value.",
    args: RESTORE_ARGS,
    keys: &[one_key(&["OW", "update"])],
    flags: DENY_OOM.and(KEYSPACE).and(DANGEROUS),
    events: &[Event::RESTORE, Event::NEW, Event::DEL],
    run: Run::Write(restore),
    ..Command::BASE
};

static RESTORE_ASKING: Command = Command {
    name: "restore-asking",
    since: "3.0.0",
    group: Group::Server,
    summary: "RESTORE, in a slot that is on its way here: for nodes of a cluster.",
    complexity: "O(N) where N is the size of the value.",
    args: RESTORE_ARGS,
    keys: &[one_key(&["OW", "update"])],
    flags: DENY_OOM.and(ASKING).and(KEYSPACE).and(DANGEROUS),
    events: &[Event::RESTORE, Event::NEW, Event::DEL],
    run: Run::Write(restore),
    ..Command::BASE
};

/// What stands behind the payload.
struct Options {
    replace: bool,
    absolute: bool,
    known: Known,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options> {
        let mut options = Options { replace: false, absolute: false, known: Known::Nothing };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let known = options.known;
            if word.eq_ignore_ascii_case(b"replace") {
                options.replace = true;
            } else if word.eq_ignore_ascii_case(b"absttl") {
                options.absolute = true;
            } else if word.eq_ignore_ascii_case(b"idletime")
                && !matches!(known, Known::Frequency(_))
            {
                options.known = idle(words.next().ok_or(Error::Syntax)?)?;
            } else if word.eq_ignore_ascii_case(b"freq") && !matches!(known, Known::Idle(_)) {
                options.known = frequency(words.next().ok_or(Error::Syntax)?)?;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

fn idle(text: &[u8]) -> Result<Known> {
    let seconds = parse_i64(text).ok_or(Error::NotInteger)?;
    let negative = |_| Error::text("ERR Invalid IDLETIME value, must be >= 0");
    u64::try_from(seconds).map(Known::Idle).map_err(negative)
}

fn frequency(text: &[u8]) -> Result<Known> {
    let counter = parse_i64(text).ok_or(Error::NotInteger)?;
    let outside = |_| Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
    u8::try_from(counter).map(Known::Frequency).map_err(outside)
}

fn restore(cx: &mut WriteCx<'_>) -> Result<Change> {
    let options = Options::parse(cx.args.from(4))?;
    let key = cx.key(1);
    if !options.replace && cx.slot(key).exists() {
        return Err(Error::text("BUSYKEY Target key name already exists."));
    }
    let deadline = deadline(cx, options.absolute)?;
    let terms = Terms {
        checked: !cx.switches.skip_checksums,
        longest: cx.config.max_bulk.0,
        limits: &cx.keyspace.limits,
    };
    let value = payload::read(cx.arg(3), terms).map_err(refusal)?;
    cx.reply.ok();
    if deadline.is_some_and(|deadline| deadline <= cx.now.unix_ms()) {
        return Ok(vanish(cx, key));
    }
    let access = cx.touch.restored(options.known);
    let mut slot = cx.slot(key);
    value.put(|put| slot.put_until(put, deadline));
    slot.set_access(access);
    log_restore(cx, key, deadline, options.known);
    cx.created(key);
    Ok(cx.changed(key, Event::RESTORE))
}

/// When the key expires, by the second argument: 0 is never.
fn deadline(cx: &WriteCx<'_>, absolute: bool) -> Result<Option<i64>> {
    let time = parse_i64(cx.arg(2)).ok_or(Error::NotInteger)?;
    if time < 0 {
        return Err(Error::text("ERR Invalid TTL value, must be >= 0"));
    }
    if time == 0 {
        return Ok(None);
    }
    if absolute {
        return Ok(Some(time));
    }
    time.checked_add(cx.now.unix_ms()).map(Some).ok_or(Error::InvalidExpire("restore"))
}

fn refusal(fault: PayloadFault) -> Error {
    Error::text(match fault {
        PayloadFault::Frame => "ERR DUMP payload version or checksum are wrong".into(),
        PayloadFault::Foreign(name) => {
            format!("ERR Bad data format: this server cannot hold {name} yet")
        }
        PayloadFault::Content(_) => "ERR Bad data format".into(),
    })
}

/// A key that is restored too late is not made, and the one that it replaces goes.
fn vanish(cx: &mut WriteCx<'_>, key: Key<'_>) -> Change {
    if !cx.remove(key) {
        return Change::NONE;
    }
    cx.log_as(&[b"DEL", key.bytes]);
    cx.changed(key, Event::DEL)
}

/// The log is told the time itself, not how long it is until then; and REPLACE, for what was in the way is gone here.
fn log_restore(cx: &mut WriteCx<'_>, key: Key<'_>, deadline: Option<i64>, known: Known) {
    let (mut time, mut use_of) = (Scratch::default(), Scratch::default());
    let time = time.write(deadline.unwrap_or(0));
    let payload = cx.arg(3);
    let use_of: [&[u8]; 2] = match known {
        Known::Nothing => {
            return cx.log_as(&[b"RESTORE", key.bytes, time, payload, b"REPLACE", b"ABSTTL"]);
        }
        Known::Idle(seconds) => {
            // It was a positive i64 when the client sent it.
            [b"IDLETIME", use_of.write(i64::try_from(seconds).unwrap_or(i64::MAX))]
        }
        Known::Frequency(counter) => [b"FREQ", use_of.write(counter.into())],
    };
    let [word, number] = use_of;
    cx.log_as(&[b"RESTORE", key.bytes, time, payload, b"REPLACE", b"ABSTTL", word, number]);
}
