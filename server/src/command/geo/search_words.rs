//! What GEOSEARCH, GEORADIUS and their like are asked.
//!
//! Owns: the words of a request.   Uses: earth, shape, `value::SortedSet`.   Never: cells, replies.

use super::cell::Cell;
use super::earth::{Point, metres_of};
use super::shape::Shape;
use crate::base::bytes::{parse_f64, parse_i64};
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::value::SortedSetRef;

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GEORADIUS: longitude, latitude, radius, unit; whether a result may be stored.
    Around(bool),
    /// GEORADIUSBYMEMBER: member, radius, unit; whether a result may be stored.
    AroundMember(bool),
    /// GEOSEARCH: words for everything.
    Search,
    /// GEOSEARCHSTORE: words for everything, behind the key that is stored to.
    SearchStore,
}

/// In which order places are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// The nearest first.
    Near,
    /// The farthest first.
    Far,
}

/// What is kept of places that are stored.
#[derive(Clone, Copy, Debug)]
pub struct Store<'a> {
    /// Where.
    pub key: &'a [u8],
    /// Their distances, and not where they are.
    pub distances: bool,
}

/// What one request wants.
#[derive(Debug)]
pub struct Query<'a> {
    /// The shape; none if the key is not there and nothing can be found.
    pub shape: Option<Shape>,
    /// Metres in the unit of the answer.
    pub unit: f64,
    /// The order, if there is one.
    pub sort: Option<Sort>,
    /// At most so many; 0: all.
    pub count: usize,
    /// Any will do.
    pub any: bool,
    /// Distances are wanted.
    pub with_distance: bool,
    /// Scores are wanted.
    pub with_hash: bool,
    /// Points are wanted.
    pub with_point: bool,
    /// The result is kept.
    pub store: Option<Store<'a>>,
}

/// What a shape is made of, as the words say it.
#[derive(Clone, Debug, Default)]
enum Outline {
    #[default]
    Unsaid,
    Circle(f64),
    Box(f64, f64),
    Polygon(Vec<Point>),
}

/// Where a shape stands, as the words say it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Origin {
    #[default]
    Unsaid,
    /// The point of a member; none if the key is not there.
    Member(Option<Point>),
    Point(Point),
}

struct Reader<'a, 's> {
    set: Option<SortedSetRef<'s>>,
    form: Form,
    origin: Origin,
    outline: Outline,
    store_distances: bool,
    query: Query<'a>,
}

impl<'a> Query<'a> {
    /// Reads a request, given what stands at its key.
    ///
    /// # Errors
    /// As the real server's, in its order.
    pub fn parse(args: Args<'a>, set: Option<SortedSetRef<'_>>, form: Form) -> Result<Query<'a>> {
        let query = Query {
            shape: None,
            unit: 1.0,
            sort: None,
            count: 0,
            any: false,
            with_distance: false,
            with_hash: false,
            with_point: false,
            store: None,
        };
        let (origin, outline) = (Origin::default(), Outline::default());
        let mut reader = Reader { set, form, origin, outline, store_distances: false, query };
        let mut words = args.from(reader.read_front(args)?);
        while !words.is_empty() {
            words = words.from(reader.read_word(words)?);
        }
        reader.finish(args)
    }
}

/// The point of a member.
fn point_of(set: SortedSetRef<'_>, member: &[u8]) -> Result<Point> {
    let score = set.score(member);
    let score = score.ok_or(Error::text("ERR could not decode requested zset member"))?;
    Ok(Cell::of_score(score).middle())
}

/// A length and its unit, in metres, and metres of the unit.
fn length(words: Args<'_>, wrong: &'static str, negative: &'static str) -> Result<(f64, f64)> {
    let length = parse_f64(words.get(0)).ok_or(Error::text(wrong))?;
    if length < 0.0 {
        return Err(Error::text(negative));
    }
    let unit = metres_of(words.get(1))?;
    Ok((length * unit, unit))
}

fn radius(words: Args<'_>) -> Result<(f64, f64)> {
    length(words, "ERR need numeric radius", "ERR radius cannot be negative")
}

impl<'a> Reader<'a, '_> {
    /// Reads what stands in front of the options; how many words that is.
    fn read_front(&mut self, args: Args<'a>) -> Result<usize> {
        match self.form {
            Form::Around(_) => {
                self.origin = Origin::Point(Point::parse(args.from(2))?);
                self.read_radius(args.from(4))?;
                Ok(6)
            }
            Form::AroundMember(_) => {
                if let Some(set) = self.set {
                    self.origin = Origin::Member(Some(point_of(set, args.get(2))?));
                    self.read_radius(args.from(3))?;
                }
                Ok(5)
            }
            Form::Search => Ok(2),
            Form::SearchStore => {
                self.query.store = Some(Store { key: args.get(1), distances: false });
                Ok(3)
            }
        }
    }

    fn read_radius(&mut self, words: Args<'_>) -> Result<()> {
        let (metres, unit) = radius(words)?;
        self.outline = Outline::Circle(metres);
        self.query.unit = unit;
        Ok(())
    }

    /// Reads one option; how many words it takes.
    fn read_word(&mut self, words: Args<'a>) -> Result<usize> {
        let query = &mut self.query;
        match words.get(0).to_ascii_lowercase().as_slice() {
            b"withdist" => query.with_distance = true,
            b"withhash" => query.with_hash = true,
            b"withcoord" => query.with_point = true,
            b"any" => query.any = true,
            b"asc" => query.sort = Some(Sort::Near),
            b"desc" => query.sort = Some(Sort::Far),
            b"count" if words.len() > 1 => {
                let count = parse_i64(words.get(1)).ok_or(Error::NotInteger)?;
                let count = usize::try_from(count).ok().filter(|&count| count > 0);
                query.count = count.ok_or(Error::text("ERR COUNT must be > 0"))?;
                return Ok(2);
            }
            word => {
                return match self.form {
                    Form::Around(may_store) | Form::AroundMember(may_store) => {
                        self.read_store(word, words, may_store)
                    }
                    Form::Search | Form::SearchStore => self.read_search(word, words),
                };
            }
        }
        Ok(1)
    }

    /// STORE and STOREDIST of GEORADIUS.
    fn read_store(&mut self, word: &[u8], words: Args<'a>, may_store: bool) -> Result<usize> {
        let is_known = matches!(word, b"store" | b"storedist");
        if !is_known || !may_store || words.len() < 2 {
            return Err(Error::Syntax);
        }
        self.query.store = Some(Store { key: words.get(1), distances: word == b"storedist" });
        Ok(2)
    }

    /// The words of GEOSEARCH. One of two that exclude each other is only known before the other.
    fn read_search(&mut self, word: &[u8], words: Args<'a>) -> Result<usize> {
        let is_polygon = matches!(self.outline, Outline::Polygon(_));
        match word {
            b"frommember"
                if words.len() > 1 && !matches!(self.origin, Origin::Point(_)) && !is_polygon =>
            {
                let point = self.set.map(|set| point_of(set, words.get(1))).transpose()?;
                self.origin = Origin::Member(point);
                Ok(2)
            }
            b"fromlonlat"
                if words.len() > 2 && !matches!(self.origin, Origin::Member(_)) && !is_polygon =>
            {
                self.origin = Origin::Point(Point::parse(words.from(1))?);
                Ok(3)
            }
            b"byradius"
                if words.len() > 2
                    && matches!(self.outline, Outline::Unsaid | Outline::Circle(_)) =>
            {
                self.read_radius(words.from(1))?;
                Ok(3)
            }
            b"bybox"
                if words.len() > 3
                    && matches!(self.outline, Outline::Unsaid | Outline::Box(..)) =>
            {
                self.read_box(words.from(1))?;
                Ok(4)
            }
            b"bypolygon"
                if words.len() > 1
                    && (is_polygon || matches!(self.outline, Outline::Unsaid))
                    && self.origin == Origin::Unsaid =>
            {
                let corners = corners(words.from(1))?;
                let taken = 2 + 2 * corners.len();
                self.outline = Outline::Polygon(corners);
                Ok(taken)
            }
            b"storedist" if self.form == Form::SearchStore => {
                self.store_distances = true;
                Ok(1)
            }
            _ => Err(Error::Syntax),
        }
    }

    fn read_box(&mut self, words: Args<'_>) -> Result<()> {
        let side = |at, wrong: &'static str| parse_f64(words.get(at)).ok_or(Error::text(wrong));
        let width = side(0, "ERR need numeric width")?;
        let height = side(1, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(Error::text("ERR height or width cannot be negative"));
        }
        self.query.unit = metres_of(words.get(2))?;
        self.outline = Outline::Box(width * self.query.unit, height * self.query.unit);
        Ok(())
    }

    /// Refuses what is missing or contradicts, and makes the shape.
    fn finish(mut self, args: Args<'a>) -> Result<Query<'a>> {
        let is_search = matches!(self.form, Form::Search | Form::SearchStore);
        let query = &mut self.query;
        if query.store.is_some() && (query.with_distance || query.with_hash || query.with_point) {
            let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::text(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let needs_origin = !matches!(self.outline, Outline::Polygon(_));
        if is_search && needs_origin && self.origin == Origin::Unsaid {
            return Err(missing("FROMMEMBER or FROMLONLAT", args));
        }
        if is_search && matches!(self.outline, Outline::Unsaid) {
            return Err(missing("BYRADIUS and BYBOX", args));
        }
        if query.any && query.count == 0 {
            return Err(Error::text("ERR the ANY argument requires COUNT argument"));
        }
        if let Some(store) = &mut query.store {
            store.distances |= self.store_distances;
        }
        if query.count > 0 && query.sort.is_none() && !query.any {
            // So many without an order would be any.
            query.sort = Some(Sort::Near);
        }
        let middle = match self.origin {
            Origin::Point(point) | Origin::Member(Some(point)) => Some(point),
            Origin::Member(None) | Origin::Unsaid => None,
        };
        query.shape = match (self.outline, middle) {
            (Outline::Polygon(corners), _) => Some(Shape::polygon(corners)),
            (Outline::Circle(radius), Some(middle)) => Some(Shape::Circle(middle, radius)),
            (Outline::Box(width, height), Some(middle)) => Some(Shape::Box(middle, width, height)),
            (Outline::Circle(_) | Outline::Box(..) | Outline::Unsaid, _) => None,
        };
        Ok(self.query)
    }
}

fn missing(what: &str, args: Args<'_>) -> Error {
    let name = echo(args.name());
    Error::text(format!("ERR exactly one of {what} can be specified for {name}"))
}

/// The corners of a polygon behind their number.
fn corners(words: Args<'_>) -> Result<Vec<Point>> {
    const FEW: &str = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
    let count = parse_i64(words.get(0)).ok_or(Error::text("ERR invalid number of vertices"))?;
    let count = usize::try_from(count).ok().filter(|&count| count >= 3);
    let count = count.filter(|&count| count <= (words.len() - 1) / 2).ok_or(Error::text(FEW))?;
    (0..count).map(|corner| Point::parse(words.from(1 + 2 * corner))).collect()
}
