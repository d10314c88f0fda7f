//! Strings as rows of numbers of any width.
//!
//! Owns: BITFIELD, BITFIELD_RO.   Uses: contexts, edit, `base::bits`.   Never: floating point.
//!
//! All operations are read before the first is carried out, so a request that is wrong anywhere changes nothing.

use super::bitmap::within;
use super::context::{ReadCx, WriteCx};
use super::edit::edit;
use super::row::*;
use super::text::text_of;
use crate::base::bits::{number_at, set_number_at};
use crate::base::bytes::{parse_i64, parse_u64};
use crate::keyspace::change::{Change, Event};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BITFIELD, &BITFIELD_RO];
const _: () = check(TABLE);

const GET: Arg = block("get-block", &[string("encoding"), integer("offset")]).after("GET");

const WRITE: &[Arg] = &[
    one_of("overflow-block", &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")])
        .after("OVERFLOW")
        .optional(),
    one_of(
        "write-operation",
        &[
            block("set-block", &[string("encoding"), integer("offset"), integer("value")])
                .after("SET"),
            block("incrby-block", &[string("encoding"), integer("offset"), integer("increment")])
                .after("INCRBY"),
        ],
    ),
];

/// The numbers of a width, with a sign or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Encoding {
    signed: bool,
    width: u32,
}

impl Encoding {
    fn parse(arg: &[u8]) -> Result<Encoding> {
        let (sign, width) = arg.split_first().unwrap_or((&0, b""));
        let width = parse_u64(width).and_then(|width| u32::try_from(width).ok()).unwrap_or(0);
        match (sign, width) {
            (b'u', 1..=63) => Ok(Encoding { signed: false, width }),
            (b'i', 1..=64) => Ok(Encoding { signed: true, width }),
            _ => Err(Error::text(
                "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            )),
        }
    }

    /// The number that these bits are.
    fn read(self, bits: u64) -> i64 {
        let above = u64::BITS - self.width;
        // Without a sign there are at most 63 bits.
        if self.signed { (bits << above) as i64 >> above } else { bits as i64 }
    }

    fn min(self) -> i128 {
        if self.signed { -(1 << (self.width - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        let bits = if self.signed { self.width - 1 } else { self.width };
        (1 << bits) - 1
    }
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    /// Its lowest bits.
    Wrap,
    /// The nearest one that fits.
    Saturate,
    /// Nothing, and the answer is nil.
    Fail,
}

impl Overflow {
    fn parse(arg: &[u8]) -> Result<Overflow> {
        match arg.to_ascii_lowercase().as_slice() {
            b"wrap" => Ok(Overflow::Wrap),
            b"sat" => Ok(Overflow::Saturate),
            b"fail" => Ok(Overflow::Fail),
            _ => Err(Error::text("ERR Invalid OVERFLOW type specified")),
        }
    }

    /// The bits to be kept for a number.
    fn apply(self, encoding: Encoding, number: i128) -> Option<u64> {
        let fits = (encoding.min()..=encoding.max()).contains(&number);
        match self {
            Overflow::Fail if !fits => None,
            Overflow::Saturate => Some(number.clamp(encoding.min(), encoding.max()) as u64),
            Overflow::Wrap | Overflow::Fail => Some(number as u64),
        }
    }
}

/// What is done to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// One operation, and where its number stands.
#[derive(Clone, Copy, Debug)]
struct Operation {
    encoding: Encoding,
    at: u64,
    action: Action,
}

impl Operation {
    /// The operations of a request; positions are below `limit` bytes.
    fn parse_all(args: Args<'_>, limit: u64) -> Result<Vec<Operation>> {
        let mut operations = Vec::with_capacity(args.len() / 3);
        let mut overflow = Overflow::Wrap;
        let mut at = 2;
        while at < args.len() {
            let rest = args.len() - at - 1;
            let word = args.get(at).to_ascii_lowercase();
            let needed = match word.as_slice() {
                b"get" => 2,
                b"set" | b"incrby" => 3,
                b"overflow" => 1,
                _ => return Err(Error::Syntax),
            };
            if rest < needed {
                return Err(Error::Syntax);
            }
            if needed == 1 {
                overflow = Overflow::parse(args.get(at + 1))?;
            } else {
                let encoding = Encoding::parse(args.get(at + 1))?;
                let place = position(args.get(at + 2), encoding.width, limit)?;
                let action = match word.as_slice() {
                    b"get" => Action::Get,
                    b"set" => Action::Set(operand(args.get(at + 3))?, overflow),
                    _ => Action::Add(operand(args.get(at + 3))?, overflow),
                };
                operations.push(Operation { encoding, at: place, action });
            }
            at += needed + 1;
        }
        Ok(operations)
    }

    fn writes(&self) -> bool {
        self.action != Action::Get
    }

    /// Where its number ends, in bytes.
    fn end(&self) -> usize {
        // Positions are below the limit on a string's length.
        (self.at + u64::from(self.encoding.width)).div_ceil(8) as usize
    }

    fn read(&self, bytes: &[u8]) -> i64 {
        self.encoding.read(number_at(bytes, self.at, self.encoding.width))
    }

    /// Carries it out: the answer, and whether it wrote something that was not there.
    fn apply(&self, bytes: &mut [u8]) -> Outcome {
        let old = self.read(bytes);
        let (number, overflow) = match self.action {
            Action::Get => return Outcome { answer: Some(old), wrote: false, changed: false },
            // Without a sign a negative number is one of 64 bits.
            Action::Set(number, overflow) if !self.encoding.signed => {
                (i128::from(number as u64), overflow)
            }
            Action::Set(number, overflow) => (i128::from(number), overflow),
            Action::Add(amount, overflow) => (i128::from(old) + i128::from(amount), overflow),
        };
        let Some(bits) = overflow.apply(self.encoding, number) else {
            return Outcome { answer: None, wrote: false, changed: false };
        };
        set_number_at(bytes, self.at, self.encoding.width, bits);
        let new = self.read(bytes);
        let answer = if matches!(self.action, Action::Set(..)) { old } else { new };
        Outcome { answer: Some(answer), wrote: true, changed: old != new }
    }
}

/// What an operation did.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    answer: Option<i64>,
    wrote: bool,
    changed: bool,
}

/// The bit that an argument names: by its number, or behind `#` by that of a field of this width.
fn position(arg: &[u8], width: u32, limit: u64) -> Result<u64> {
    let (arg, unit) = match arg.strip_prefix(b"#") {
        Some(field) => (field, u64::from(width)),
        None => (arg, 1),
    };
    let at = parse_i64(arg).and_then(|at| u64::try_from(at).ok());
    within(at.and_then(|at| at.checked_mul(unit)), limit)
}

fn operand(arg: &[u8]) -> Result<i64> {
    parse_i64(arg).ok_or(Error::NotInteger)
}

fn answer(reply: &mut Reply, answer: Option<i64>) {
    match answer {
        Some(number) => reply.int(number),
        None => reply.null(),
    }
}

static BITFIELD: Command = Command {
    name: "bitfield",
    since: "3.2.0",
    group: Group::Bitmap,
    summary: "Reads and changes numbers of any width in a string.",
    complexity: "O(1) for each operation, and O(N) where N is the length of the string if that grows.",
    args: &[key("key"), one_of("operation", &[GET, block("write", WRITE)]).optional().multiple()],
    keys: &[one_key(&["RW", "access", "update", "variable_flags"])],
    access_without: Some((&["SET", "INCRBY"], &["RO", "access"])),
    flags: DENY_OOM,
    events: &[Event::SET_BIT, Event::NEW],
    run: Run::Write(bitfield),
    ..Command::BASE
};

fn bitfield(cx: &mut WriteCx<'_>) -> Result<Change> {
    let operations = Operation::parse_all(cx.args, cx.config.max_bulk.0)?;
    let written = operations.iter().filter(|operation| operation.writes());
    let Some(least) = written.map(Operation::end).max() else {
        return get_all(cx, &operations);
    };
    let (key, touch) = (cx.key(1), cx.touch);
    let mut slot = cx.slot(key);
    let text = text_of(slot.entry())?;
    let (created, grown) = (text.is_none(), text.is_none_or(|text| text.len() < least));
    let outcomes: Vec<Outcome> = edit(&mut slot, least, |bytes| {
        operations.iter().map(|operation| operation.apply(bytes)).collect()
    })?;
    slot.touch(touch);
    cx.reply.array(outcomes.len());
    outcomes.iter().for_each(|outcome| answer(cx.reply, outcome.answer));
    if created {
        cx.created(key);
    }
    let changes = outcomes.iter().filter(|outcome| outcome.changed || outcome.wrote && grown);
    match changes.count() as u64 {
        0 if grown => Ok(cx.changed(key, Event::SILENT)),
        0 => Ok(Change::NONE),
        changes => {
            let _ = cx.changed(key, Event::SET_BIT);
            Ok(cx.changes.count(changes - 1))
        }
    }
}

/// Operations that only read.
fn get_all(cx: &mut WriteCx<'_>, operations: &[Operation]) -> Result<Change> {
    let (slot, reply) = cx.read_slot(cx.key(1));
    write_all(text_of(slot.entry())?, operations, reply);
    Ok(Change::NONE)
}

fn write_all(text: Option<TextRef<'_>>, operations: &[Operation], reply: &mut Reply) {
    let mut scratch = Scratch::default();
    let bytes = text.unwrap_or(TextRef::Bytes(b"")).bytes(&mut scratch);
    reply.array(operations.len());
    operations.iter().for_each(|operation| answer(reply, Some(operation.read(bytes))));
}

static BITFIELD_RO: Command = Command {
    name: "bitfield_ro",
    since: "6.0.0",
    group: Group::Bitmap,
    summary: "Reads numbers of any width in a string.",
    complexity: "O(1) for each operation.",
    args: &[key("key"), GET.optional().multiple_token()],
    keys: READ_ONE,
    flags: FAST,
    run: Run::Read(bitfield_ro),
    ..Command::BASE
};

fn bitfield_ro(cx: &mut ReadCx<'_>) -> Result<()> {
    let operations = Operation::parse_all(cx.args, cx.config.max_bulk.0)?;
    if operations.iter().any(Operation::writes) {
        return Err(Error::text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let key = cx.key(1);
    write_all(cx.data.text(key)?, &operations, cx.reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encodings() -> impl Strategy<Value = Encoding> {
        (any::<bool>(), 1..=63u32, 0..9u32).prop_map(|(signed, width, widest)| Encoding {
            signed,
            width: if signed && widest == 0 { 64 } else { width },
        })
    }

    fn operands() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            -300..300i64,
            (0..64u32, -2..3i64).prop_map(|(bit, near)| (1i64 << bit).wrapping_add(near)),
        ]
    }

    /// What a number becomes that does not fit, by counting around the circle of numbers.
    fn wrapped(encoding: Encoding, number: i128) -> i128 {
        let numbers = encoding.max() - encoding.min() + 1;
        (number - encoding.min()).rem_euclid(numbers) + encoding.min()
    }

    proptest! {
        #[test]
        fn numbers_are_kept_as_they_overflow(
            encoding in encodings(),
            at in 0..70u64,
            (first, second) in (operands(), operands()),
            overflow in prop_oneof![Just(Overflow::Wrap), Just(Overflow::Saturate), Just(Overflow::Fail)],
        ) {
            let mut bytes = [0x5a; 20];
            let apply = |bytes: &mut [u8], action| Operation { encoding, at, action }.apply(bytes).answer;
            let number = |number: i64| if encoding.signed { number.into() } else { i128::from(number as u64) };
            let fits = |number: i128| (encoding.min()..=encoding.max()).contains(&number);
            let kept = |number: i128| match overflow {
                Overflow::Saturate => number.clamp(encoding.min(), encoding.max()),
                Overflow::Wrap | Overflow::Fail => wrapped(encoding, number),
            };
            let old = apply(&mut bytes, Action::Get);
            let fails = |number: i128| overflow == Overflow::Fail && !fits(number);
            let set = apply(&mut bytes, Action::Set(first, overflow));
            prop_assert_eq!(set, old.filter(|_| !fails(number(first))));
            let value = apply(&mut bytes, Action::Get).expect("GET always answers");
            if !fails(number(first)) {
                prop_assert_eq!(i128::from(value), kept(number(first)));
            }
            let sum = i128::from(value) + i128::from(second);
            let added = apply(&mut bytes, Action::Add(second, overflow));
            prop_assert_eq!(added.map(i128::from), Some(kept(sum)).filter(|_| !fails(sum)));
            let last = apply(&mut bytes, Action::Get);
            prop_assert_eq!(last, if fails(sum) { Some(value) } else { added });
        }
    }
}
