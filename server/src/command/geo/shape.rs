//! Shapes that places are searched in.
//!
//! Owns: whether a point is inside, and how far from the middle.   Uses: earth.   Never: cells.

use super::earth::{Point, degrees, degrees_at, middle};
use std::ops::Range;

/// A shape; lengths in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// All points up to so far away.
    Circle(Point, f64),
    /// A width and a height, each half on either side.
    Box(Point, f64, f64),
    /// Corners, and the point in their middle.
    Polygon(Point, Vec<Point>),
}

impl Shape {
    /// A polygon of these corners.
    pub fn polygon(corners: Vec<Point>) -> Shape {
        Shape::Polygon(middle(&corners), corners)
    }

    /// The point from which distances count.
    pub fn middle(&self) -> Point {
        match self {
            Shape::Circle(middle, _) | Shape::Box(middle, _, _) | Shape::Polygon(middle, _) => {
                *middle
            }
        }
    }

    /// Metres from the middle to a point, if the point is inside.
    pub fn distance(&self, point: Point) -> Option<f64> {
        match self {
            Shape::Circle(middle, radius) => {
                Some(middle.distance(point)).filter(|distance| distance <= radius)
            }
            Shape::Box(middle, width, height) => {
                let beside = Point { longitude: middle.longitude, ..point };
                let is_inside = point.distance_along(*middle) <= height / 2.0
                    && point.distance(beside) <= width / 2.0;
                is_inside.then(|| middle.distance(point))
            }
            Shape::Polygon(middle, corners) => {
                is_within(point, corners).then(|| middle.distance(point))
            }
        }
    }

    /// Metres within which everything of it is.
    pub fn reach(&self) -> f64 {
        match self {
            Shape::Circle(_, radius) => *radius,
            Shape::Box(_, width, height) => {
                let (wide, high) = (width / 2.0, height / 2.0);
                (wide * wide + high * high).sqrt()
            }
            Shape::Polygon(middle, _) => {
                let bounds = self.bounds();
                let (wide, high) = (bounds.longitude, bounds.latitude);
                let corners = [
                    (wide.start, high.end),
                    (wide.end, high.end),
                    (wide.start, high.start),
                    (wide.end, high.start),
                ];
                let far = corners
                    .map(|(longitude, latitude)| middle.distance(Point { longitude, latitude }));
                far.into_iter().fold(0.0, f64::max)
            }
        }
    }

    /// The rectangle of the map around it, in degrees; it may stand out over the map's edges.
    pub fn bounds(&self) -> Bounds {
        match self {
            Shape::Circle(middle, radius) => around(*middle, *radius, *radius),
            Shape::Box(middle, width, height) => around(*middle, width / 2.0, height / 2.0),
            Shape::Polygon(_, corners) => {
                let span = |of: fn(&Point) -> f64| {
                    let least = corners.iter().map(of).fold(f64::INFINITY, f64::min);
                    least..corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max)
                };
                Bounds {
                    longitude: span(|point| point.longitude),
                    latitude: span(|point| point.latitude),
                }
            }
        }
    }
}

/// A rectangle of the map, in degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// From west to east.
    pub longitude: Range<f64>,
    /// From south to north.
    pub latitude: Range<f64>,
}

/// So many metres to each side. The side that is farther from the equator is the longer one in degrees.
fn around(middle: Point, wide: f64, high: f64) -> Bounds {
    let Point { longitude, latitude } = middle;
    let up = degrees(high);
    let far = if latitude < 0.0 { latitude - up } else { latitude + up };
    let aside = degrees_at(wide, far);
    Bounds {
        longitude: longitude - aside..longitude + aside,
        latitude: latitude - up..latitude + up,
    }
}

/// Whether a line from the point to the east crosses an odd number of edges.
fn is_within(point: Point, corners: &[Point]) -> bool {
    let previous = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    let crossed = corners.iter().zip(previous).filter(|(one, other)| {
        let spans = (one.latitude > point.latitude) != (other.latitude > point.latitude);
        let slope = (other.longitude - one.longitude) * (point.latitude - one.latitude)
            / (other.latitude - one.latitude);
        spans && point.longitude < slope + one.longitude
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Point {
        Point { longitude, latitude }
    }

    #[test]
    fn points_are_inside_or_not() {
        let circle = Shape::Circle(at(0.0, 0.0), 112_000.0);
        assert!(circle.distance(at(1.0, 0.0)).is_some() && circle.distance(at(1.1, 0.0)).is_none());
        let wide = Shape::Box(at(0.0, 0.0), 400_000.0, 100_000.0);
        assert!(wide.distance(at(1.7, 0.4)).is_some());
        assert!(wide.distance(at(1.9, 0.0)).is_none() && wide.distance(at(0.0, 0.5)).is_none());
        let corner = Shape::polygon(vec![at(0.0, 0.0), at(4.0, 0.0), at(4.0, 4.0), at(2.0, 1.0)]);
        assert!(corner.distance(at(3.0, 1.0)).is_some() && corner.distance(at(1.0, 2.0)).is_none());
    }

    #[test]
    fn bounds_hold_the_shape() {
        for latitude in [-60.0, 0.0, 60.0] {
            let circle = Shape::Circle(at(10.0, latitude), 500_000.0);
            let bounds = circle.bounds();
            assert!(bounds.latitude.contains(&latitude) && bounds.longitude.contains(&10.0));
            let east = at(bounds.longitude.end, latitude);
            assert!(circle.middle().distance(east) >= 500_000.0);
        }
    }
}
