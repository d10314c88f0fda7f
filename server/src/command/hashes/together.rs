//! Reading or setting fields and their times at once.
//!
//! Owns: HGETDEL, HGETEX, HSETEX.   Uses: contexts, `value::Hash`.   Never: removes what becomes due later.

use super::expiry::{tell_removed, tell_timed};
use super::words::{FIELDS, NUMBER, Unit, fields, told};
use super::{Buried, bury, closed};
use crate::base::bytes::parse_i64;
use crate::command::context::WriteCx;
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::keyspace::{Key, Opened, Outcome};
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::Hash;
use crate::value::hash::Until;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&HGETDEL, &HGETEX, &HSETEX];
const _: () = check(TABLE);

/// Answers the value of a field that is not past its time, and tells whether there is one and its time.
fn answer(reply: &mut Reply, hash: &Opened<'_, '_, Hash>, name: &[u8]) -> Option<Option<i64>> {
    let Some(pair) = hash.get().and_then(|value| value.as_ref().find(name)) else {
        reply.null();
        return None;
    };
    write_element(reply, pair.value);
    Some(pair.deadline)
}

static HGETDEL: Command = Command {
    name: "hgetdel",
    since: "8.0.0",
    group: Group::Hash,
    summary: "Returns the values of fields of a hash and removes them.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[key("key"), FIELDS],
    keys: &[one_key(&["RW", "access", "delete"])],
    flags: FAST,
    events: &[Event::HDEL, Event::HEXPIRED, Event::DEL],
    run: Run::Write(hgetdel),
    ..Command::BASE
};

fn hgetdel(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args, now_ms) = (cx.key(1), cx.args, cx.now.unix_ms());
    let (mut hash, aside) = cx.open_beside::<Hash>(key)?;
    let names = fields(args, 2, "hgetdel", NUMBER)?;
    aside.reply.array(names.len());
    let (buried, mut gone) = (bury(&mut hash, names.iter(), now_ms), Vec::new());
    for name in names.iter() {
        if let (Some(_), Some(value)) = (answer(aside.reply, &hash, name), hash.get_mut()) {
            value.remove(name);
            gone.push(name);
        }
    }
    let outcome = hash.close();
    if gone.is_empty() {
        return Ok(closed(cx, key, outcome, &buried, &[]));
    }
    tell_removed(cx, key, &gone);
    let _ = cx.changes.count(gone.len() as u64 - 1);
    Ok(closed(cx, key, outcome, &buried, &[Event::HDEL]))
}

/// The times that a field may get, as COMMAND DOCS shows them; the last word differs.
const TIMES: [Arg; 4] = [
    integer("seconds").after("EX"),
    integer("milliseconds").after("PX"),
    unix_time("unix-time-seconds").after("EXAT"),
    unix_time("unix-time-milliseconds").after("PXAT"),
];

static HGETEX: Command = Command {
    name: "hgetex",
    since: "8.0.0",
    group: Group::Hash,
    summary: "Returns the values of fields of a hash, and gives or takes their times.",
    complexity: "O(N) where N is the number of fields asked for.",
    args: &[
        key("key"),
        one_of(
            "expiration",
            &[TIMES[0], TIMES[1], TIMES[2], TIMES[3], token("persist", "PERSIST")],
        )
        .optional(),
        FIELDS,
    ],
    keys: UPDATE_ONE,
    flags: FAST,
    events: &[Event::HEXPIRE, Event::HPERSIST, Event::HDEL, Event::HEXPIRED, Event::DEL],
    run: Run::Write(hgetex),
    ..Command::BASE
};

/// What HGETEX does to the fields that it returns.
#[derive(Clone, Copy)]
enum Deed {
    Nothing,
    Persist,
    Remove,
    Expire(i64),
}

impl Deed {
    /// Reads it, and gives the place of FIELDS.
    fn parse(args: Args<'_>, now_ms: i64) -> Result<(Deed, usize)> {
        if args.get(2).eq_ignore_ascii_case(b"persist") {
            return Ok((Deed::Persist, 3));
        }
        let Some(unit) = Unit::named(args.get(2), now_ms) else { return Ok((Deed::Nothing, 2)) };
        let deadline = unit.read(args.get(3), "hgetex")?;
        Ok((if deadline <= now_ms { Deed::Remove } else { Deed::Expire(deadline) }, 4))
    }

    /// Does it to a field with this time; tells whether that changed anything.
    fn carry_out(
        self,
        hash: &mut Opened<'_, '_, Hash>,
        name: &[u8],
        deadline: Option<i64>,
    ) -> bool {
        let limits = hash.limits();
        match self {
            Deed::Nothing => return false,
            Deed::Persist if deadline.is_none() => return false,
            Deed::Persist | Deed::Remove | Deed::Expire(_) => {}
        }
        let Some(value) = hash.get_mut() else { return false };
        match self {
            Deed::Nothing => {}
            Deed::Persist => value.set_deadline(name, None, limits),
            Deed::Remove => drop(value.remove(name)),
            Deed::Expire(deadline) => value.set_deadline(name, Some(deadline), limits),
        }
        true
    }

    /// Tells the log, and says which event it is.
    fn tell(self, cx: &mut WriteCx<'_>, key: Key<'_>, names: &[&[u8]]) -> Event {
        match self {
            Deed::Remove => {
                tell_removed(cx, key, names);
                Event::HDEL
            }
            Deed::Expire(deadline) => {
                tell_timed(cx, key, deadline, names);
                Event::HEXPIRE
            }
            Deed::Nothing | Deed::Persist => {
                let mut number = Scratch::default();
                let number = number.write(length(names.len()));
                cx.log_as(&told(&[b"HPERSIST", key.bytes], number, names));
                Event::HPERSIST
            }
        }
    }
}

fn hgetex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, args, now_ms) = (cx.key(1), cx.args, cx.now.unix_ms());
    let (mut hash, aside) = cx.open_beside::<Hash>(key)?;
    let (deed, at) = Deed::parse(args, now_ms)?;
    let names = fields(args, at, "hgetex", NUMBER)?;
    aside.reply.array(names.len());
    let (buried, mut done) = (bury(&mut hash, names.iter(), now_ms), Vec::new());
    for name in names.iter() {
        if let Some(deadline) = answer(aside.reply, &hash, name)
            && deed.carry_out(&mut hash, name, deadline)
        {
            done.push(name);
        }
    }
    let outcome = hash.close();
    if done.is_empty() {
        return Ok(closed(cx, key, outcome, &buried, &[]));
    }
    let event = deed.tell(cx, key, &done);
    let _ = cx.changes.count(done.len() as u64 - 1);
    Ok(closed(cx, key, outcome, &buried, &[event]))
}

static HSETEX: Command = Command {
    name: "hsetex",
    since: "8.0.0",
    group: Group::Hash,
    summary: "Sets fields of a hash with a time.",
    complexity: "O(N) where N is the number of fields.",
    args: &[
        key("key"),
        one_of("condition", &[token("fnx", "FNX"), token("fxx", "FXX")]).optional(),
        one_of(
            "expiration",
            &[TIMES[0], TIMES[1], TIMES[2], TIMES[3], token("keepttl", "KEEPTTL")],
        )
        .optional(),
        block(
            "fields",
            &[integer("numfields"), block("data", &[string("field"), string("value")]).multiple()],
        )
        .after("FIELDS"),
    ],
    keys: &[one_key(&["RW", "update"])],
    flags: DENY_OOM.and(FAST),
    events: &[Event::HSET, Event::HEXPIRE, Event::HDEL, Event::HEXPIRED, Event::DEL, Event::NEW],
    run: Run::Write(hsetex),
    ..Command::BASE
};

/// Which fields must be there for HSETEX to set any.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// None of those that it sets.
    None,
    /// All of them.
    All,
}

/// The words of HSETEX.
struct Setting<'a> {
    wanted: Option<Wanted>,
    until: Option<Until>,
    pairs: Args<'a>,
}

impl<'a> Setting<'a> {
    fn parse(args: Args<'a>, now_ms: i64) -> Result<Setting<'a>> {
        const ARITY: Error = Error::Arity("hsetex");
        let (mut wanted, mut until, mut at) = (None, None, 2);
        while let Some(word) = args.find(at) {
            at += 1;
            match word.to_ascii_lowercase().as_slice() {
                b"fields" => {
                    let number = args.find(at).ok_or(ARITY)?;
                    let pairs = args.from(at + 1);
                    check_number(number, pairs)?;
                    return Ok(Setting { wanted, until, pairs });
                }
                b"fnx" => set_once(&mut wanted, Wanted::None, "FXX or FNX")?,
                b"fxx" => set_once(&mut wanted, Wanted::All, "FXX or FNX")?,
                b"keepttl" => set_once(&mut until, Until::AsBefore, TIME_WORDS)?,
                _ => {
                    let unit = Unit::named(word, now_ms).ok_or_else(|| {
                        Error::text(format!("ERR unknown argument: {}", echo(word)))
                    })?;
                    let number = args.find(at).ok_or(ARITY)?;
                    set_once(&mut until, Until::Ever, TIME_WORDS)?;
                    until = Some(Until::At(unit.read(number, "hsetex")?));
                    at += 1;
                }
            }
        }
        Err(ARITY)
    }

    /// Whether the fields that are there let it set any.
    fn is_allowed(&self, hash: &Opened<'_, '_, Hash>) -> bool {
        let is_there = |name| hash.get().is_some_and(|value| value.as_ref().find(name).is_some());
        let mut names = self.pairs.iter().step_by(2);
        match self.wanted {
            None => true,
            Some(Wanted::None) => !names.any(is_there),
            Some(Wanted::All) => names.all(is_there),
        }
    }
}

const TIME_WORDS: &str = "EX, PX, EXAT, PXAT or KEEPTTL";

/// Notes an option that excludes others.
fn set_once<T>(place: &mut Option<T>, value: T, words: &str) -> Result<()> {
    if place.replace(value).is_some() {
        return Err(Error::text(format!("ERR Only one of {words} arguments can be specified")));
    }
    Ok(())
}

/// Whether so many fields follow as a word says.
fn check_number(number: &[u8], pairs: Args<'_>) -> Result<()> {
    let number = parse_i64(number).filter(|&number| number > 0 && number <= i32::MAX.into());
    let number = number.ok_or(Error::text("ERR invalid number of fields"))?;
    if usize::try_from(number * 2) != Ok(pairs.len()) {
        return Err(Error::Arity("hsetex"));
    }
    Ok(())
}

fn hsetex(cx: &mut WriteCx<'_>) -> Result<Change> {
    let (key, now_ms) = (cx.key(1), cx.now.unix_ms());
    let setting = Setting::parse(cx.args, now_ms)?;
    let pairs = setting.pairs;
    let mut hash = cx.open::<Hash>(key)?;
    let buried = match setting.wanted {
        Some(_) => bury(&mut hash, pairs.iter().step_by(2), now_ms),
        None => Buried::default(),
    };
    if !setting.is_allowed(&hash) {
        let outcome = hash.close();
        cx.reply.int(0);
        return Ok(closed(cx, key, outcome, &buried, &[]));
    }
    let limits = hash.limits();
    let until = setting.until.unwrap_or(Until::Ever);
    let is_over = matches!(until, Until::At(deadline) if deadline <= now_ms);
    let value = hash.get_or_make(|_| Hash::new());
    value.expect_more(pairs.len() / 2, limits);
    let mut words = pairs.iter();
    while let (Some(name), Some(text)) = (words.next(), words.next()) {
        match is_over {
            true => drop(value.remove(name)),
            false => drop(value.set(name, text, until, limits)),
        }
    }
    let outcome = hash.close();
    cx.reply.int(1);
    let _ = cx.changes.count(pairs.len() as u64 / 2 - 1);
    Ok(tell_set(cx, key, outcome, &setting, &buried, is_over))
}

/// Says what HSETEX set, and tells the log: moments instead of times to live, and only what happened.
fn tell_set(
    cx: &mut WriteCx<'_>,
    key: Key<'_>,
    outcome: Outcome,
    setting: &Setting<'_>,
    buried: &Buried<'_>,
    is_over: bool,
) -> Change {
    let Some(Until::At(deadline)) = setting.until else {
        return closed(cx, key, outcome, buried, &[Event::HSET]);
    };
    if is_over {
        let names: Vec<&[u8]> = setting.pairs.iter().step_by(2).collect();
        tell_removed(cx, key, &names);
        let change = closed(cx, key, outcome, buried, &[Event::HSET, Event::HDEL]);
        if outcome == Outcome::Same {
            // The key never came, but listeners hear the same as if it had.
            let _ = cx.changes.also(cx.db, key.bytes, Event::DEL);
        }
        return change;
    }
    let words: Vec<&[u8]> = setting.pairs.iter().collect();
    let (mut moment, mut number) = (Scratch::default(), Scratch::default());
    let front = [b"HSETEX", key.bytes, b"PXAT", moment.write(deadline)];
    cx.log_as(&told(&front, number.write(length(words.len() / 2)), &words));
    closed(cx, key, outcome, buried, &[Event::HSET, Event::HEXPIRE])
}
