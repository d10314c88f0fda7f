//! LATENCY GRAPH: an event's samples as a drawing in letters.
//!
//! Owns: the drawing.   Uses: stats' spikes.   Never: decides what an event is.
//!
//! ```text
//! command - high 50 ms, low 10 ms (all time high 50 ms)
//! --------------------------------------------------------------------------------
//!   #
//!  _|        a column for each sample, the oldest first: a part of a row is _ o or #,
//!  ||        a whole one |
//! _||
//!
//! 432        below each how long ago that was, from top to bottom: 4s, 3s, 2s
//! sss
//! ```

use crate::base::time::Now;
use crate::stats::spikes::{Event, Sample};

const ROWS: usize = 4;
const COLUMNS: usize = 80;
/// From the least to the most of one row.
const PARTS: [char; 3] = ['_', 'o', '#'];

/// Draws an event.
pub fn draw(name: &str, event: &Event, now: Now) -> String {
    let samples: Vec<Sample> = event.samples().collect();
    let low = samples.iter().map(|sample| sample.millis).min().unwrap_or(0);
    let high = samples.iter().map(|sample| sample.millis).max().unwrap_or(0);
    let mut text = format!(
        "{name} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.worst,
        "-".repeat(COLUMNS)
    );
    for band in samples.chunks(COLUMNS) {
        draw_band(&mut text, band, low, high, now);
    }
    text
}

fn draw_band(text: &mut String, band: &[Sample], low: u64, high: u64, now: Now) {
    let heights: Vec<usize> = band.iter().map(|s| height(s.millis, low, high)).collect();
    for row in (0..ROWS).rev() {
        let floor = row * PARTS.len();
        let columns = heights.iter().map(|&height| match height.checked_sub(floor) {
            None => ' ',
            Some(part) => PARTS.get(part).copied().unwrap_or('|'),
        });
        text.extend(columns.chain(['\n']));
    }
    let ages: Vec<String> = band.iter().map(|sample| age(now.unix_s() - sample.at)).collect();
    let longest = ages.iter().map(String::len).max().unwrap_or(0);
    text.extend(ages.iter().map(|_| ' ').chain(['\n']));
    for at in 0..longest {
        let letters = ages.iter().map(|age| age.as_bytes().get(at).map_or(' ', |&b| char::from(b)));
        text.extend(letters.chain(['\n']));
    }
}

/// How high a sample stands, counted in parts of rows.
fn height(millis: u64, low: u64, high: u64) -> usize {
    let steps = (ROWS * PARTS.len()) as u128;
    let share = u128::from(millis - low) * steps / u128::from((high - low).max(1));
    share.min(steps - 1) as usize
}

/// A number of seconds in two to three letters.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::spikes::Spikes;

    fn drawn(samples: &[(i64, u64)]) -> String {
        let mut spikes = Spikes::default();
        for &(at, millis) in samples {
            spikes.note("command", at, millis);
        }
        let now = Now { unix_us: 10_000 * 1_000_000, mono_us: 0 };
        draw("command", spikes.get(b"command").expect("there are samples"), now)
    }

    #[test]
    fn a_drawing_is_that_of_a_real_server() {
        let rule = "-".repeat(80);
        assert_eq!(
            drawn(&[(9996, 10), (9997, 30), (9998, 50)]),
            format!(
                "command - high 50 ms, low 10 ms (all time high 50 ms)\n{rule}\n  #\n _|\n ||\n_||\n   \n432\nsss\n"
            )
        );
        assert!(drawn(&[(9000, 10)]).ends_with("\n \n \n \n_\n \n1\n6\nm\n"));
    }

    #[test]
    fn many_samples_stand_in_bands() {
        let samples: Vec<(i64, u64)> = (0..100).map(|at| (at, at as u64)).collect();
        let lines: Vec<usize> = drawn(&samples).lines().map(|line| line.chars().count()).collect();
        assert_eq!(lines[2..], [[80; 7], [20; 7]].concat());
    }
}
