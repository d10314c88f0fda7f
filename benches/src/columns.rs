//! Tables of named numbers, one row for each server.
//!
//! Owns: the form of these tables.   Uses: stats, json.   Never: a measurement.

use crate::json::Json;
use crate::stats::{median, ratio};

/// Named numbers of one measurement. A name ends in its unit. Every measurement of a table has the same names.
pub type Columns = Vec<(&'static str, f64)>;

/// The name of a reference: of every number the least that any row but the first one has.
pub const BEST_OTHER: &str = "best other";

/// Servers or ways of doing a thing, side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    what: String,
    reference: String,
    rows: Vec<(String, Columns)>,
}

impl Comparison {
    /// Takes the medians of all rounds. Ratios are to the row called `reference`, or to the first without one;
    /// or to [`BEST_OTHER`], where less is better in every column.
    pub fn of_rounds(
        what: &str,
        reference: &str,
        rounds: Vec<(String, Vec<Columns>)>,
    ) -> Comparison {
        let rows = rounds.into_iter().map(|(name, rounds)| (name, medians(&rounds)));
        Comparison { what: what.to_owned(), reference: reference.to_owned(), rows: rows.collect() }
    }

    /// The table: each number with its ratio to the reference.
    pub fn text(&self) -> String {
        let Some((_, first)) = self.rows.first() else { return String::new() };
        let base = self.base();
        let mut text = format!("{:16}", self.what);
        first.iter().for_each(|(name, _)| text.push_str(&format!(" {name:>17}")));
        text.push_str(&format!("   (x: of {})\n", base.0));
        for (name, columns) in &self.rows {
            text.push_str(&format!("{name:16}"));
            for ((_, number), (_, base)) in columns.iter().zip(&base.1) {
                text.push_str(&format!(" {:>10} x{:<5.2}", short(*number), ratio(*number, *base)));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    /// The numbers that ratios are to, and whose they are.
    fn base(&self) -> (String, Columns) {
        let named = self.rows.iter().find(|(name, _)| *name == self.reference);
        match (named, &self.rows[..]) {
            (Some(row), _) => row.clone(),
            (None, [_, others @ ..]) if !others.is_empty() && self.reference == BEST_OTHER => {
                let least = others[0].1.iter().enumerate().map(|(at, (name, _))| {
                    let of = |row: &(String, Columns)| row.1.get(at).map(|(_, number)| *number);
                    (*name, others.iter().filter_map(of).fold(f64::INFINITY, f64::min))
                });
                (BEST_OTHER.to_owned(), least.collect())
            }
            (None, rows) => rows.first().cloned().unwrap_or_default(),
        }
    }

    /// The table for a text in Markdown: a line for each number, a column for each row, and the ratio of the first.
    pub fn markdown(&self) -> String {
        let Some((_, first)) = self.rows.first() else { return String::new() };
        let base = self.base();
        let mut text = format!("| {} |", self.what);
        self.rows.iter().for_each(|(name, _)| text.push_str(&format!(" {name} |")));
        text.push_str(&format!(" x {} |\n|---|", base.0));
        text.push_str(&"---|".repeat(self.rows.len() + 1));
        for (at, (name, number)) in first.iter().enumerate() {
            text.push_str(&format!("\n| {name} |"));
            let numbers = self.rows.iter().filter_map(|(_, columns)| columns.get(at));
            numbers.for_each(|(_, number)| text.push_str(&format!(" {} |", short(*number))));
            let of_base = base.1.get(at).map_or(0.0, |(_, base)| ratio(*number, *base));
            text.push_str(&format!(" {of_base:.2} |"));
        }
        text
    }

    /// The numbers as JSON.
    pub fn json(&self) -> Json {
        let rows = self.rows.iter().map(|(name, columns)| {
            let members =
                columns.iter().map(|(name, number)| ((*name).to_owned(), (*number).into()));
            Json::Map(
                [("name".to_owned(), Json::text(&**name))].into_iter().chain(members).collect(),
            )
        });
        Json::map([("what", Json::text(&*self.what)), ("rows", Json::List(rows.collect()))])
    }
}

fn medians(rounds: &[Columns]) -> Columns {
    let Some(first) = rounds.first() else { return Columns::new() };
    let of = |at: usize| {
        median(rounds.iter().filter_map(|round| round.get(at)).map(|(_, number)| *number))
    };
    first.iter().enumerate().map(|(at, (name, _))| (*name, of(at))).collect()
}

/// Three digits that say something.
pub fn short(number: f64) -> String {
    match number.abs() {
        n if n >= 100.0 => format!("{number:.0}"),
        n if n >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_to_the_best_of_the_others() {
        let row = |name: &str, a, b| (name.to_owned(), vec![vec![("save s", a), ("file MB", b)]]);
        let rows = vec![row("ours", 1.0, 9.0), row("r", 4.0, 10.0), row("v", 5.0, 6.0)];
        let comparison = Comparison::of_rounds("snapshot", BEST_OTHER, rows);
        assert_eq!(
            comparison.markdown(),
            "| snapshot | ours | r | v | x best other |\n|---|---|---|---|---|\n\
             | save s | 1.00 | 4.00 | 5.00 | 0.25 |\n| file MB | 9.00 | 10.0 | 6.00 | 1.50 |"
        );
        assert!(comparison.text().contains("(x: of best other)"));
    }

    #[test]
    fn medians_and_ratios_side_by_side() {
        let rounds = |a: f64| {
            vec![vec![("p50 us", a)], vec![("p50 us", a * 3.0)], vec![("p50 us", a * 2.0)]]
        };
        let rows = vec![("ours".to_owned(), rounds(5.0)), ("redis".to_owned(), rounds(20.0))];
        let comparison = Comparison::of_rounds("uploads", "redis", rows);
        assert_eq!(
            comparison.text(),
            "uploads                     p50 us   (x: of redis)\n\
             ours                   10.0 x0.25\n\
             redis                  40.0 x1.00\n"
        );
        assert!(comparison.json().to_string().contains(r#"{"name":"ours","p50 us":10}"#));
    }
}
