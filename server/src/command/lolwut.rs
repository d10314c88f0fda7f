//! LOLWUT: a drawing and the version.
//!
//! Owns: the drawing: the lines of force around some magnets, as a lodestone would show them.
//! Uses: ReadCx.   Never: data.

use super::context::ReadCx;
use super::row::*;
use crate::base::bytes::parse_i64;
use crate::base::random::Rng;
use crate::resp::{Error, REDIS_VERSION, Result};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&LOLWUT];
const _: () = check(TABLE);

static LOLWUT: Command = Command {
    name: "lolwut",
    since: "5.0.0",
    group: Group::Server,
    summary: "Draws lines of force around magnets, and tells the version.",
    complexity: "O(columns * rows * magnets)",
    args: &[
        integer("version").after("VERSION").optional(),
        integer("columns").optional(),
        integer("rows").optional(),
        integer("magnets").optional(),
    ],
    flags: FAST,
    run: Run::Read(lolwut),
    ..Command::BASE
};

/// What can be asked for: the usual, the least and the most. All of it takes less than a millisecond.
struct Measure {
    usual: i64,
    least: i64,
    most: i64,
}

const COLUMNS: Measure = Measure { usual: 60, least: 1, most: 160 };
const ROWS: Measure = Measure { usual: 16, least: 1, most: 60 };
const MAGNETS: Measure = Measure { usual: 2, least: 1, most: 4 };

impl Measure {
    /// The number that a word says, within bounds; the usual one for no number.
    fn of(&self, word: Option<&[u8]>) -> i64 {
        word.and_then(parse_i64).unwrap_or(self.usual).clamp(self.least, self.most)
    }
}

fn lolwut(cx: &mut ReadCx<'_>) -> Result<()> {
    let versioned = cx.args.find(1).is_some_and(|word| word.eq_ignore_ascii_case(b"version"));
    let mut first = 1;
    // There is one drawing, whatever version is asked for.
    if versioned && let Some(word) = cx.args.find(2) {
        parse_i64(word).ok_or(Error::NotInteger)?;
        first = 3;
    }
    let columns = COLUMNS.of(cx.args.find(first));
    let rows = ROWS.of(cx.args.find(first + 1));
    let poles = poles(cx.rng, columns, rows, MAGNETS.of(cx.args.find(first + 2)));
    let mut text = drawing(columns, rows, &poles);
    text.push_str(&format!("\nLines of force. Redis ver. {REDIS_VERSION}\n"));
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// One end of a magnet.
struct Pole {
    x: i64,
    y: i64,
    /// 1 or -1.
    sign: i64,
}

/// Two poles for each magnet, anywhere.
fn poles(rng: &mut Rng, columns: i64, rows: i64, magnets: i64) -> Vec<Pole> {
    let mut below = |most: i64| rng.below(most.unsigned_abs()) as i64;
    let both = (0..magnets).flat_map(|_| [1, -1]);
    both.map(|sign| Pole { x: below(columns), y: below(rows), sign }).collect()
}

fn drawing(columns: i64, rows: i64, poles: &[Pole]) -> String {
    let mut text = String::with_capacity(((columns + 1) * rows) as usize);
    for y in 0..rows {
        text.extend((0..columns).map(|x| stroke(x, y, poles)));
        text.push('\n');
    }
    text
}

/// A pole, or a stroke along the force at a place. A character is twice as high as it is wide.
fn stroke(x: i64, y: i64, poles: &[Pole]) -> char {
    let (mut across, mut up) = (0.0, 0.0);
    for pole in poles {
        let (dx, dy) = ((x - pole.x) as f64, (pole.y - y) as f64 * 2.0);
        let square = dx * dx + dy * dy;
        if square == 0.0 {
            return if pole.sign > 0 { 'N' } else { 'S' };
        }
        let force = pole.sign as f64 / (square * square.sqrt());
        across += dx * force;
        up += dy * force;
    }
    let eighth = (up.atan2(across) / std::f64::consts::FRAC_PI_4).round() as i64;
    match eighth.rem_euclid(4) {
        0 => '-',
        1 => '/',
        2 => '|',
        _ => '\\',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_from_pole_to_pole() {
        let poles = [Pole { x: 2, y: 2, sign: 1 }, Pole { x: 8, y: 2, sign: -1 }];
        let text = drawing(11, 5, &poles);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[2], "--N-----S--");
        assert_eq!((&rows[0][5..6], &rows[1][..1], &rows[1][10..]), ("-", "\\", "/"));
    }

    #[test]
    fn sizes_are_bounded() {
        let of = |word: &[u8]| COLUMNS.of(Some(word));
        assert_eq!((of(b"0"), of(b"7"), of(b"99999999999999")), (1, 7, 160));
        assert_eq!((of(b"x"), COLUMNS.of(None)), (60, 60));
    }
}
