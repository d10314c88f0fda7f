//! Points on earth, distances between them, and how both are written.
//!
//! Owns: the sphere that the commands take the earth for, units, digits.   Uses: resp.   Never: cells.

use crate::base::bytes::{parse_f64, push_i64};
use crate::resp::args::Args;
use crate::resp::reply::Reply;
use crate::resp::{Error, Result};

/// Metres from the middle to the surface.
const RADIUS: f64 = 6_372_797.560_856;
/// The greatest latitude that has cells; beyond it a map of the world would need infinite paper.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// The greatest longitude.
pub const LONGITUDE_MAX: f64 = 180.0;
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A point, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Point {
    /// Reads longitude and latitude from two words.
    ///
    /// # Errors
    /// One is no number, or they are no point that has a cell.
    pub fn parse(words: Args<'_>) -> Result<Point> {
        let read = |at| parse_f64(words.get(at)).ok_or(Error::NotFloat);
        let point = Point { longitude: read(0)?, latitude: read(1)? };
        if point.longitude.abs() > LONGITUDE_MAX || point.latitude.abs() > LATITUDE_MAX {
            let Point { longitude, latitude } = point;
            let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
            return Err(Error::text(text));
        }
        Ok(point)
    }

    /// Metres to another point, along a great circle.
    pub fn distance(self, other: Point) -> f64 {
        let across = ((other.longitude * DEGREE - self.longitude * DEGREE) / 2.0).sin();
        if across == 0.0 {
            return self.distance_along(other);
        }
        let (from, to) = (self.latitude * DEGREE, other.latitude * DEGREE);
        let up = ((to - from) / 2.0).sin();
        let chord = up * up + from.cos() * to.cos() * across * across;
        2.0 * RADIUS * chord.sqrt().asin()
    }

    /// Metres to the latitude of another point.
    pub fn distance_along(self, other: Point) -> f64 {
        RADIUS * (other.latitude * DEGREE - self.latitude * DEGREE).abs()
    }
}

/// Degrees that so many metres on a circle around the middle of the earth are.
pub fn degrees(metres: f64) -> f64 {
    metres / RADIUS / DEGREE
}

/// Degrees of longitude that so many metres are at a latitude.
pub fn degrees_at(metres: f64, latitude: f64) -> f64 {
    metres / RADIUS / (latitude * DEGREE).cos() / DEGREE
}

/// The middle of some points, in space, seen from the middle of the earth.
pub fn middle(points: &[Point]) -> Point {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for point in points {
        let (longitude, latitude) = (point.longitude * DEGREE, point.latitude * DEGREE);
        x += RADIUS * latitude.cos() * longitude.cos();
        y += RADIUS * latitude.cos() * longitude.sin();
        z += RADIUS * latitude.sin();
    }
    let count = points.len() as f64;
    let (x, y, z) = (x / count, y / count, z / count);
    Point { longitude: y.atan2(x) / DEGREE, latitude: z.atan2((x * x + y * y).sqrt()) / DEGREE }
}

/// How many metres a unit has.
///
/// # Errors
/// It is no unit.
pub fn metres_of(unit: &[u8]) -> Result<f64> {
    match unit.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Answers a distance: with four digits behind the point, as text in both protocols.
pub fn write_distance(reply: &mut Reply, distance: f64) {
    const DIGITS: usize = 4;
    let scaled = (distance * 1e4).round_ties_even() as i64;
    let mut text = Vec::new();
    push_i64(&mut text, scaled);
    while text.len() <= DIGITS {
        text.insert(0, b'0');
    }
    text.insert(text.len() - DIGITS, b'.');
    reply.bulk(&text);
}

/// Answers a point: two numbers with up to 17 digits behind the point.
pub fn write_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    for degrees in [point.longitude, point.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        reply.decimal(if text == "-0" { b"0" } else { text.as_bytes() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Proto;

    fn text(write: impl FnOnce(&mut Reply)) -> String {
        let mut reply = Reply::new(Proto::Resp2);
        write(&mut reply);
        String::from_utf8_lossy(reply.one_piece().unwrap()).into_owned()
    }

    #[test]
    fn distances_are_those_of_redis() {
        let palermo = Point { longitude: 13.361389, latitude: 38.115556 };
        let catania = Point { longitude: 15.087269, latitude: 37.502669 };
        assert!((palermo.distance(catania) - 166_274.151_6).abs() < 0.5);
        let north = Point { latitude: 39.115556, ..palermo };
        assert_eq!(palermo.distance(north), palermo.distance_along(north));
    }

    #[test]
    fn digits_are_those_of_redis() {
        assert_eq!(text(|reply| write_distance(reply, 0.0)), "$6\r\n0.0000\r\n");
        assert_eq!(text(|reply| write_distance(reply, 0.00125)), "$6\r\n0.0012\r\n");
        assert_eq!(text(|reply| write_distance(reply, 166_274.151_56)), "$11\r\n166274.1516\r\n");
        let point = Point { longitude: -0.0, latitude: 2.5 };
        assert_eq!(text(|reply| write_point(reply, point)), "*2\r\n$1\r\n0\r\n$3\r\n2.5\r\n");
    }
}
