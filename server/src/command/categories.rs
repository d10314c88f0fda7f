//! The ACL categories of a command: what a real server says of it.
//!
//! Owns: how they follow from a row.   Uses: rows.   Never: which commands exist.

use super::row::*;

/// When a row belongs to a category, and the category's name.
type Rule = (&'static str, fn(&Command) -> bool);

/// Every category, in the order of a real server. A container only sorts its subcommands, so what its family
/// says is not said of it.
pub const RULES: &[Rule] = &[
    ("@keyspace", |row| {
        let about_keys =
            of(row, Group::Generic) && !row.flags.has_any(CONNECTION_CATEGORY.and(SORTS));
        about_keys || row.flags.has(KEYSPACE)
    }),
    ("@read", |row| matches!(row.run, Run::Read(_))),
    ("@write", |row| row.writes()),
    ("@set", |row| of(row, Group::Set) || row.flags.has(SORTS)),
    ("@sortedset", |row| of(row, Group::SortedSet) || row.flags.has(SORTS)),
    ("@list", |row| of(row, Group::List) || row.flags.has(SORTS)),
    ("@hash", |row| of(row, Group::Hash)),
    ("@string", |row| of(row, Group::String)),
    ("@bitmap", |row| of(row, Group::Bitmap)),
    ("@hyperloglog", |row| of(row, Group::HyperLogLog)),
    ("@geo", |row| of(row, Group::Geo)),
    ("@stream", |row| of(row, Group::Stream)),
    ("@pubsub", |row| row.flags.has(PUBSUB)),
    ("@admin", |row| row.flags.has(ADMIN) || row.flags.has(ADMIN_CATEGORY)),
    ("@fast", |row| row.flags.has(FAST)),
    ("@slow", |row| !row.flags.has(FAST)),
    ("@blocking", |row| row.flags.has(BLOCKING)),
    ("@dangerous", |row| row.flags.has(ADMIN) || row.flags.has_any(DANGEROUS.and(SORTS))),
    ("@connection", |row| of(row, Group::Connection) || row.flags.has(CONNECTION_CATEGORY)),
    ("@transaction", |row| of(row, Group::Transactions)),
    ("@scripting", no_row),
];

/// A category whose commands are not there yet.
fn no_row(_row: &Command) -> bool {
    false
}

fn of(row: &Command, group: Group) -> bool {
    row.group == group && !matches!(row.run, Run::Container)
}

/// The categories of a row, with their `@`.
pub fn categories(row: &Command) -> impl Iterator<Item = &'static str> {
    RULES.iter().filter(move |(_, holds)| holds(row)).map(|(name, _)| *name)
}

/// Whether a row is in a category, named without `@` and in any case.
pub fn is_in(row: &Command, category: &[u8]) -> bool {
    categories(row).any(|name| name.as_bytes()[1..].eq_ignore_ascii_case(category))
}
