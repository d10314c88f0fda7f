//! Which words of a request are keys, and what is done to them.
//!
//! Owns: how key specifications are applied.   Uses: rows.   Never: data.

use super::row::{Command, KeySpec};

/// The last word of a specification's access when it depends on the request: of one request it is known.
const VARIABLE: &str = "variable_flags";

/// The keys of a request and what the command does to each. The request fits the row's arity.
pub fn keys_of<'a>(row: &Command, args: &[&'a [u8]]) -> Vec<(&'a [u8], &'static [&'static str])> {
    let lesser = row
        .access_without
        .filter(|(word, _)| !args.iter().any(|arg| arg.eq_ignore_ascii_case(word.as_bytes())));
    let mut keys = Vec::new();
    for spec in row.keys {
        let access = lesser.map_or(spec.access, |(_, access)| access);
        let access = access.strip_suffix(&[VARIABLE]).unwrap_or(access);
        keys.extend(positions(spec, args.len()).map(|at| (args[at], access)));
    }
    keys
}

/// The positions of a specification's keys in a request of `words` words.
fn positions(spec: &KeySpec, words: usize) -> impl Iterator<Item = usize> {
    let from_end = |n: i32| words.saturating_sub(n.unsigned_abs() as usize);
    let first = if spec.first < 0 { from_end(spec.first) } else { spec.first as usize };
    let last = if spec.last < 0 { from_end(spec.last) } else { first + spec.last as usize };
    let step = usize::try_from(spec.step).unwrap_or(1).max(1);
    (first..words.min(last + 1)).step_by(step)
}

/// First key, last key and step, as COMMAND INFO told them before there were specifications; zeros: no keys.
pub fn old_range(row: &Command) -> (i32, i32, i32) {
    let last = |spec: &KeySpec| if spec.last < 0 { spec.last } else { spec.first + spec.last };
    match row.keys {
        [] => (0, 0, 0),
        [only] => (only.first, last(only), only.step),
        [first, .., end] => (first.first, last(end), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(first: i32, last: i32, step: i32, words: usize) -> Vec<usize> {
        positions(&KeySpec { first, last, step, access: &[] }, words).collect()
    }

    #[test]
    fn keys_stand_where_the_specification_says() {
        assert_eq!(at(1, 0, 1, 3), [1]);
        assert_eq!(at(1, -1, 1, 4), [1, 2, 3]);
        assert_eq!(at(1, -1, 2, 5), [1, 3]);
        assert_eq!(at(2, 0, 1, 2), [0usize; 0]);
        assert_eq!(at(1, -2, 1, 4), [1, 2]);
    }
}
