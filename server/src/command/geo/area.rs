//! Which cells a search looks at.
//!
//! Owns: the choice of nine cells that cover a shape.   Uses: cell, shape.   Never: sets.

use super::cell::{Cell, STEP_MAX};
use super::shape::{Bounds, Shape};
use arrayvec::ArrayVec;

/// The middle cell, and its eight neighbours.
pub type Cells = ArrayVec<Cell, 9>;

/// Neighbours in the order in which they are searched: columns to the east, rows to the north. Clients that do not sort
/// see this order.
const AROUND: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// Half of the way around the earth on the map, in metres.
const HALF_WAY: f64 = 20_037_726.37;

/// The cells that together cover a shape, without those that have nothing of it.
pub fn cover(shape: &Shape) -> Cells {
    let bounds = shape.bounds();
    let mut step = step_for(shape.reach(), shape.middle().latitude);
    let mut cell = Cell::of(shape.middle(), step);
    if step > 1 && !is_covered(cell, &bounds) {
        step -= 1;
        cell = Cell::of(shape.middle(), step);
    }
    let mut cells = Cells::new();
    for (east, north) in AROUND {
        let next = cell.neighbor(east, north);
        // Where cells are as large as the map, several neighbours are the same one.
        let is_wanted = step < 2 || has_part(cell, &bounds, east, north);
        if is_wanted && cells.last() != Some(&next) {
            cells.push(next);
        }
    }
    cells
}

/// The step whose cells are about as large as the reach; cells near the poles are narrower.
fn step_for(reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEP_MAX;
    }
    let (mut reach, mut step) = (reach, 1_i32);
    while reach < HALF_WAY {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    if latitude.abs() > 66.0 {
        step -= if latitude.abs() > 80.0 { 2 } else { 1 };
    }
    step.clamp(1, STEP_MAX.cast_signed()).cast_unsigned()
}

/// Whether the neighbours reach as far as the bounds.
fn is_covered(cell: Cell, bounds: &Bounds) -> bool {
    cell.neighbor(0, 1).extent().latitude.end >= bounds.latitude.end
        && cell.neighbor(0, -1).extent().latitude.start <= bounds.latitude.start
        && cell.neighbor(1, 0).extent().longitude.end >= bounds.longitude.end
        && cell.neighbor(-1, 0).extent().longitude.start <= bounds.longitude.start
}

/// Whether the bounds stand out of the middle cell in the direction of a neighbour.
fn has_part(middle: Cell, bounds: &Bounds, east: i32, north: i32) -> bool {
    let extent = middle.extent();
    let (wide, high) = (&extent.longitude, &extent.latitude);
    !(north < 0 && high.start < bounds.latitude.start
        || north > 0 && high.end > bounds.latitude.end
        || east < 0 && wide.start < bounds.longitude.start
        || east > 0 && wide.end > bounds.longitude.end)
}

#[cfg(test)]
mod tests {
    use super::super::earth::Point;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tiny_circle_needs_few_cells() {
        let shape = Shape::Circle(Point { longitude: 13.3, latitude: 38.1 }, 100.0);
        assert!(cover(&shape).len() <= 4);
        assert_eq!(step_for(0.0, 0.0), STEP_MAX);
        assert_eq!(step_for(f64::INFINITY, 0.0), 1);
    }

    proptest! {
        #[test]
        fn what_is_near_is_in_one_of_the_cells(
            longitude in -170.0..170.0_f64, latitude in -60.0..60.0_f64,
            metres in 1.0..900_000.0_f64, aside in -1.0..1.0_f64, up in -1.0..1.0_f64,
        ) {
            let shape = Shape::Circle(Point { longitude, latitude }, metres);
            let degrees = metres / 111_000.0;
            let point = Point {
                longitude: (longitude + aside * degrees).clamp(-180.0, 180.0),
                latitude: latitude + up * degrees,
            };
            prop_assume!(shape.distance(point).is_some());
            let score = Cell::of(point, STEP_MAX).score();
            prop_assert!(cover(&shape).iter().any(|cell| cell.scores().contains(&score)));
        }
    }
}
