//! Operations on whole rows of bits.
//!
//! Owns: BITOP.   Uses: WriteCx, edit.   Never: changes a source.
//!
//! A source that is shorter than the longest one, or missing, goes on with zeros. The result is made block by block, so
//! that what is read again while a block is made is in the first cache.

use super::context::WriteCx;
use super::edit::put_bytes;
use super::row::*;
use super::text::{length, text_of};
use crate::keyspace::change::{Change, Event};
use crate::resp::{Error, Result};
use crate::value::TextRef;
use crate::value::text::Scratch;
use bytes::BytesMut;
use std::borrow::Cow;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&BITOP];
const _: () = check(TABLE);

/// Bytes that are made together: half of a first cache holds a block and one of a source.
const BLOCK: usize = 8 * 1024;

const OPERATIONS: &[Arg] = &[
    token("and", "AND"),
    token("or", "OR"),
    token("xor", "XOR"),
    token("not", "NOT"),
    token("diff", "DIFF"),
    token("diff1", "DIFF1"),
    token("andor", "ANDOR"),
    token("one", "ONE"),
];

static BITOP: Command = Command {
    name: "bitop",
    since: "2.6.0",
    group: Group::Bitmap,
    summary: "Combines the bits of strings, and keeps the result.",
    complexity: "O(N) where N is the length of all strings.",
    args: &[one_of("operation", OPERATIONS), key("destkey"), key("key").multiple()],
    keys: &[key_at(2, &["OW", "update"]), key_range(3, -1, 1, &["RO", "access"])],
    flags: DENY_OOM,
    events: &[Event::SET, Event::DEL, Event::NEW],
    run: Run::Write(bitop),
    ..Command::BASE
};

/// Which bits of the result are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// Those set in all sources.
    And,
    /// Those set in any.
    Or,
    /// Those set in an odd number of them.
    Xor,
    /// Those clear in the only one.
    Not,
    /// Those set in the first and in no other.
    Diff,
    /// Those set in another and not in the first.
    Diff1,
    /// Those set in the first and in another.
    AndOr,
    /// Those set in exactly one.
    One,
}

impl Operation {
    fn parse(word: &[u8], sources: usize) -> Result<Operation> {
        let (operation, name) = match word.to_ascii_lowercase().as_slice() {
            b"and" => (Operation::And, ""),
            b"or" => (Operation::Or, ""),
            b"xor" => (Operation::Xor, ""),
            b"one" => (Operation::One, ""),
            b"not" if sources == 1 => (Operation::Not, ""),
            b"not" => {
                return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
            }
            b"diff" => (Operation::Diff, "DIFF"),
            b"diff1" => (Operation::Diff1, "DIFF1"),
            b"andor" => (Operation::AndOr, "ANDOR"),
            _ => return Err(Error::Syntax),
        };
        if !name.is_empty() && sources < 2 {
            let words = format!("ERR BITOP {name} must be called with at least two source keys.");
            return Err(Error::text(words));
        }
        Ok(operation)
    }
}

fn bitop(cx: &mut WriteCx<'_>) -> Result<Change> {
    let operation = Operation::parse(cx.arg(1), cx.args.len() - 3)?;
    // Every source is looked up once as a write's keys are, so that one past its time goes.
    for at in 3..cx.args.len() {
        let (slot, _) = cx.read_slot(cx.key(at));
        text_of(slot.entry())?;
    }
    let result = result_of(cx, operation);
    store(cx, result)
}

/// The result, from the sources as they stand.
fn result_of(cx: &WriteCx<'_>, operation: Operation) -> BytesMut {
    let db = cx.keyspace.db(cx.db);
    let source = |at: usize| match text_of(db.find(cx.key(at))) {
        Ok(Some(TextRef::Int(number))) => Cow::Owned(Scratch::default().write(number).to_vec()),
        Ok(Some(TextRef::Bytes(bytes))) => Cow::Borrowed(bytes),
        Ok(Some(TextRef::Blob(blob))) => Cow::Borrowed(&blob[..]),
        Ok(None) | Err(_) => Cow::Borrowed(&b""[..]),
    };
    let sources: Vec<Cow<'_, [u8]>> = (3..cx.args.len()).map(source).collect();
    let sources: Vec<&[u8]> = sources.iter().map(|source| &source[..]).collect();
    combine(operation, &sources)
}

/// Makes the destination hold the result, without a deadline, or nothing.
fn store(cx: &mut WriteCx<'_>, result: BytesMut) -> Result<Change> {
    let (key, touch) = (cx.key(2), cx.touch);
    cx.reply.int(length(result.len()));
    if result.is_empty() {
        let removed = cx.remove(key);
        return Ok(if removed { cx.changed(key, Event::DEL) } else { Change::NONE });
    }
    let mut slot = cx.slot(key);
    let created = !slot.exists();
    slot.set_deadline(None);
    put_bytes(&mut slot, result);
    slot.touch(touch);
    if created {
        cx.created(key);
    }
    Ok(cx.changed(key, Event::SET))
}

/// The result, as long as the longest source. O(bytes of all sources).
fn combine<'s>(operation: Operation, sources: &[&'s [u8]]) -> BytesMut {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    // The source that the others are added to; the first one may have another part.
    let base = match operation {
        Operation::Diff | Operation::Diff1 | Operation::AndOr => 1,
        Operation::And | Operation::Or | Operation::Xor | Operation::Not | Operation::One => 0,
    };
    let mut result = BytesMut::with_capacity(len);
    let mut twice = if operation == Operation::One { vec![0; BLOCK.min(len)] } else { Vec::new() };
    for start in (0..len).step_by(BLOCK) {
        let end = len.min(start + BLOCK);
        let part = |source: &'s [u8]| &source[start.min(source.len())..end.min(source.len())];
        result.extend_from_slice(part(sources[base]));
        result.resize(end, 0);
        let block = &mut result[start..];
        twice.fill(0);
        for source in &sources[base + 1..] {
            add(operation, block, &mut twice, part(source));
        }
        finish(operation, block, &twice, part(sources[0]));
    }
    result
}

/// Combines one more source with a block; `twice` is what was met in two sources.
fn add(operation: Operation, block: &mut [u8], twice: &mut [u8], source: &[u8]) {
    let pairs = block.iter_mut().zip(source);
    match operation {
        Operation::And => {
            pairs.for_each(|(all, one)| *all &= one);
            block[source.len()..].fill(0);
        }
        Operation::Or | Operation::Diff | Operation::Diff1 | Operation::AndOr => {
            pairs.for_each(|(all, one)| *all |= one);
        }
        Operation::Xor => pairs.for_each(|(all, one)| *all ^= one),
        Operation::One => pairs.zip(twice).for_each(|((all, one), twice)| {
            *twice |= *all & one;
            *all |= one;
        }),
        Operation::Not => {}
    }
}

/// Makes a block of the result of what was combined, and of the first source.
fn finish(operation: Operation, block: &mut [u8], twice: &[u8], first: &[u8]) {
    let pairs = block.iter_mut().zip(first);
    match operation {
        Operation::And | Operation::Or | Operation::Xor => {}
        Operation::Not => block.iter_mut().for_each(|byte| *byte = !*byte),
        Operation::Diff => {
            pairs.for_each(|(others, first)| *others = first & !*others);
            block[first.len()..].fill(0);
        }
        Operation::Diff1 => pairs.for_each(|(others, first)| *others &= !first),
        Operation::AndOr => {
            pairs.for_each(|(others, first)| *others &= first);
            block[first.len()..].fill(0);
        }
        Operation::One => block.iter_mut().zip(twice).for_each(|(any, twice)| *any &= !twice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Operation; 8] = [
        Operation::And,
        Operation::Or,
        Operation::Xor,
        Operation::Not,
        Operation::Diff,
        Operation::Diff1,
        Operation::AndOr,
        Operation::One,
    ];

    /// A byte of the result, from a byte of each source, bit by bit.
    fn plain(operation: Operation, bytes: &[u8]) -> u8 {
        let result = |bit: u8| {
            let set: Vec<bool> = bytes.iter().map(|byte| byte & (1 << bit) != 0).collect();
            let (first, others) = (set[0], set[1..].contains(&true));
            let count = set.iter().filter(|&&set| set).count();
            match operation {
                Operation::And => count == set.len(),
                Operation::Or => count > 0,
                Operation::Xor => count % 2 == 1,
                Operation::Not => !first,
                Operation::Diff => first && !others,
                Operation::Diff1 => !first && others,
                Operation::AndOr => first && others,
                Operation::One => count == 1,
            }
        };
        (0..8).filter(|&bit| result(bit)).fold(0, |sum, bit| sum | 1 << bit)
    }

    fn source() -> impl Strategy<Value = Vec<u8>> {
        let len = prop_oneof![0..20usize, BLOCK - 2..BLOCK + 2, 2 * BLOCK..2 * BLOCK + 40];
        (len, any::<u64>()).prop_map(|(len, seed)| {
            (0..len as u64)
                .map(|at| (at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) as u8)
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn results_are_those_of_single_bits(sources in prop::collection::vec(source(), 1..5)) {
            for operation in ALL {
                let of = match operation {
                    Operation::Not => &sources[..1],
                    Operation::Diff | Operation::Diff1 | Operation::AndOr if sources.len() < 2 => continue,
                    _ => &sources[..],
                };
                let slices: Vec<&[u8]> = of.iter().map(|source| &source[..]).collect();
                let len = of.iter().map(Vec::len).max().unwrap_or(0);
                let expected: Vec<u8> = (0..len)
                    .map(|at| {
                        let bytes: Vec<u8> =
                            of.iter().map(|source| source.get(at).copied().unwrap_or(0)).collect();
                        plain(operation, &bytes)
                    })
                    .collect();
                prop_assert_eq!(&combine(operation, &slices)[..], &expected[..], "{:?}", operation);
            }
        }
    }
}
