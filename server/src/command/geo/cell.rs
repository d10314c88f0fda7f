//! Cells: rectangles of the map, each half of another one.
//!
//! Owns: the numbers of cells, as scores and as geohash text.   Uses: earth.   Never: sets.
//!
//! ```text
//!  a cell of step s: s bits of longitude and s of latitude, interleaved, a longitude bit first
//!
//!      | 01 | 11 |      step 1: four cells; step 2: each of them in four; ... step 26: 60 centimetres
//!      | 00 | 10 |
//!
//!  score of a point: its cell of step 26. All points of a greater cell have scores that follow each other.
//! ```

use super::earth::{LATITUDE_MAX, LONGITUDE_MAX, Point};
use std::ops::Range;

/// The most bits of longitude or latitude.
pub const STEP_MAX: u32 = 26;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    bits: u64,
    step: u32,
}

/// What a cell covers, in degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// From west to east.
    pub longitude: Range<f64>,
    /// From south to north.
    pub latitude: Range<f64>,
}

/// Puts a zero behind each bit.
fn spread(number: u32) -> u64 {
    (0..u32::BITS).fold(0, |all, bit| all | u64::from(number >> bit & 1) << (2 * bit))
}

/// Takes every second bit.
fn gather(bits: u64) -> u32 {
    (0..u32::BITS).fold(0, |all, bit| all | ((bits >> (2 * bit) & 1) as u32) << bit)
}

/// The number of the part in which something stands, when `span` is cut into 2^step.
fn part(at: f64, max: f64, step: u32) -> u32 {
    let share = (at + max) / (max + max);
    (share * f64::from(1_u32 << step)) as u32
}

fn extent_of(part: u32, max: f64, step: u32) -> Range<f64> {
    let edge = |part: f64| -max + part / f64::from(1_u32 << step) * (max + max);
    edge(f64::from(part))..edge(f64::from(part) + 1.0)
}

impl Cell {
    /// The cell in which a point stands.
    pub fn of(point: Point, step: u32) -> Cell {
        let longitude = part(point.longitude, LONGITUDE_MAX, step);
        let latitude = part(point.latitude, LATITUDE_MAX, step);
        Cell { bits: spread(latitude) | spread(longitude) << 1, step }
    }

    /// The least cell that a score names.
    pub fn of_score(score: f64) -> Cell {
        Cell { bits: score as u64, step: STEP_MAX }
    }

    /// The least score of its points.
    pub fn score(self) -> f64 {
        self.scores().start
    }

    /// The scores of its points.
    pub fn scores(self) -> Range<f64> {
        let shift = 2 * (STEP_MAX - self.step);
        (self.bits << shift) as f64..((self.bits + 1) << shift) as f64
    }

    /// What it covers.
    pub fn extent(self) -> Extent {
        Extent {
            longitude: extent_of(gather(self.bits >> 1), LONGITUDE_MAX, self.step),
            latitude: extent_of(gather(self.bits), LATITUDE_MAX, self.step),
        }
    }

    /// The point in its middle.
    pub fn middle(self) -> Point {
        let Extent { longitude, latitude } = self.extent();
        let middle =
            |range: Range<f64>, max: f64| f64::midpoint(range.start, range.end).clamp(-max, max);
        Point {
            longitude: middle(longitude, LONGITUDE_MAX),
            latitude: middle(latitude, LATITUDE_MAX),
        }
    }

    /// The cell so many columns to the east and rows to the north; the map has no edges. (The very edge of the map is in a
    /// cell of its own beyond it, where nothing else is. Redis has it so, and who does not move stays there.)
    pub fn neighbor(self, east: i32, north: i32) -> Cell {
        let all = (1_u32 << self.step) - 1;
        let moved = |part: u32, by: i32| match by {
            0 => part,
            by => part.wrapping_add_signed(by) & all,
        };
        let longitude = moved(gather(self.bits >> 1), east);
        let latitude = moved(gather(self.bits), north);
        Cell { bits: spread(latitude) | spread(longitude) << 1, step: self.step }
    }
}

/// The text by which the rest of the world knows a place: its cells cover the poles too, so the point is put into a cell
/// anew. The last character would need three bits more than there are.
pub fn geohash(point: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let longitude = part(point.longitude, 180.0, STEP_MAX);
    let latitude = part(point.latitude, 90.0, STEP_MAX);
    let bits = spread(latitude) | spread(longitude) << 1;
    let mut text = [ALPHABET[0]; 11];
    for (place, character) in text[..10].iter_mut().enumerate() {
        *character = ALPHABET[(bits >> (52 - 5 * (place + 1))) as usize & 31];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PALERMO: Point = Point { longitude: 13.361389, latitude: 38.115556 };

    #[test]
    fn scores_and_texts_are_those_of_redis() {
        let cell = Cell::of(PALERMO, STEP_MAX);
        assert_eq!(cell.score(), 3_479_099_956_230_698.0);
        assert_eq!(&geohash(cell.middle()), b"sqc8b49rny0");
        assert_eq!(format!("{:.17}", cell.middle().longitude), "13.36138933897018433");
    }

    #[test]
    fn the_map_has_no_edges() {
        let corner = Cell { bits: 0, step: 3 };
        assert_eq!(corner.neighbor(-1, 0).neighbor(1, 0), corner);
        assert_eq!(corner.neighbor(-1, -1), Cell { bits: 63, step: 3 });
    }

    proptest! {
        #[test]
        fn a_point_stands_in_its_cells(
            longitude in -180.0..180.0_f64, latitude in -85.05..85.05_f64, step in 1u32..27
        ) {
            let point = Point { longitude, latitude };
            let cell = Cell::of(point, step);
            let extent = cell.extent();
            prop_assert!(extent.longitude.start <= longitude && longitude <= extent.longitude.end);
            prop_assert!(extent.latitude.start <= latitude && latitude <= extent.latitude.end);
            prop_assert!(cell.scores().contains(&Cell::of(point, STEP_MAX).score()));
            prop_assert!(Cell::of(point, STEP_MAX).middle().distance(point) < 0.6);
        }
    }
}
