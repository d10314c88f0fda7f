//! Which words of a request are keys, and what is done to them.
//!
//! Owns: how key specifications are applied.   Uses: rows.   Never: data.

use super::row::{Command, KeySpec};

/// The last word of a specification's access when it depends on the request: of one request it is known.
const VARIABLE: &str = "variable_flags";

/// The keys of a request and what the command does to each; `None`: the request does not have the keys that it says
/// it has. The request fits the row's arity.
pub fn keys_of<'a>(
    row: &Command,
    args: &[&'a [u8]],
) -> Option<Vec<(&'a [u8], &'static [&'static str])>> {
    // Options stand behind the words that there must be, which may be called like one.
    let options = args.get(row.arity().unsigned_abs() as usize..).unwrap_or_default();
    let says = |word: &&str| options.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes()));
    let lesser = row.access_without.filter(|(words, _)| !words.iter().any(says));
    let mut keys = Vec::new();
    for spec in row.keys {
        let access = lesser.map_or(spec.access, |(_, access)| access);
        let access = access.strip_suffix(&[VARIABLE]).unwrap_or(access);
        keys.extend(spec.positions(args)?.into_iter().map(|at| (args[at], access)));
    }
    // Who takes keys takes at least one: a request without any lacks what stands in front of them.
    (!keys.is_empty() || row.keys.is_empty()).then_some(keys)
}

/// First key, last key and step, as COMMAND INFO told them before there were specifications; zeros: no fixed keys.
pub fn old_range(row: &Command) -> (i32, i32, i32) {
    let fixed: Vec<_> = row.keys.iter().filter_map(KeySpec::fixed_range).collect();
    match fixed[..] {
        [] => (0, 0, 0),
        [only] => only,
        [(first, ..), .., (_, last, _)] => (first, last, 1),
    }
}
