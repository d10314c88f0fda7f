//! Tables of named numbers, one row for each server.
//!
//! Owns: the form of these tables.   Uses: stats, json.   Never: a measurement.

use crate::json::Json;
use crate::stats::{median, ratio};

/// Named numbers of one measurement. A name ends in its unit. Every measurement of a table has the same names.
pub type Columns = Vec<(&'static str, f64)>;

/// Servers or ways of doing a thing, side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    what: String,
    reference: String,
    rows: Vec<(String, Columns)>,
}

impl Comparison {
    /// Takes the medians of all rounds. Ratios are to the row called `reference`, or to the first without one.
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
        let base =
            self.rows.iter().find(|(name, _)| *name == self.reference).unwrap_or(&self.rows[0]);
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
