//! Commands that search for places in a shape.
//!
//! Owns: GEORADIUS, GEORADIUSBYMEMBER, GEOSEARCH, and their forms that only read or only store.
//! Uses: contexts, area, `search_words`.   Never: how cells are numbered.

use super::area::cover;
use super::cell::Cell;
use super::earth::{Point, write_distance, write_point};
use super::search_words::{Form, Query, Sort, Store};
use crate::command::context::{ReadCx, WriteCx};
use crate::command::row::*;
use crate::command::text::{length, write_element};
use crate::keyspace::change::{Change, Event};
use crate::resp::Result;
use crate::resp::reply::Reply;
use crate::value::limits::Limits;
use crate::value::packed::Element;
use crate::value::sorted_set::{Gather, Place};
use crate::value::text::Scratch;
use crate::value::{SortedSetRef, Value};

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[
    &GEORADIUS,
    &GEORADIUS_RO,
    &GEORADIUSBYMEMBER,
    &GEORADIUSBYMEMBER_RO,
    &GEOSEARCH,
    &GEOSEARCHSTORE,
];
const _: () = check(TABLE);

/// A place that was found.
#[derive(Clone, Copy, Debug)]
struct Found<'a> {
    member: Element<'a>,
    score: f64,
    /// In the unit of the request.
    distance: f64,
    point: Point,
}

/// The places in a shape, sorted and cut as wanted.
fn find<'a>(set: SortedSetRef<'a>, query: &Query<'_>) -> Vec<Found<'a>> {
    let Some(shape) = &query.shape else { return Vec::new() };
    let enough = if query.any { query.count } else { usize::MAX };
    let mut found = Vec::new();
    'cells: for cell in cover(shape) {
        let scores = cell.scores();
        let ranks = set.between(Place::BeforeScore(scores.start), Place::BeforeScore(scores.end));
        for (member, score) in set.range(ranks) {
            let point = Cell::of_score(score).middle();
            if let Some(metres) = shape.distance(point) {
                found.push(Found { member, score, distance: metres / query.unit, point });
            }
            if found.len() >= enough {
                break 'cells;
            }
        }
    }
    match query.sort {
        None => {}
        Some(Sort::Near) => found.sort_by(|one, other| one.distance.total_cmp(&other.distance)),
        Some(Sort::Far) => found.sort_by(|one, other| other.distance.total_cmp(&one.distance)),
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    found
}

fn write_found(reply: &mut Reply, found: &[Found<'_>], query: &Query<'_>) {
    let wanted = [query.with_distance, query.with_hash, query.with_point];
    let more = wanted.iter().filter(|wanted| **wanted).count();
    reply.array(found.len());
    for place in found {
        if more > 0 {
            reply.array(1 + more);
        }
        write_element(reply, place.member);
        if query.with_distance {
            write_distance(reply, place.distance);
        }
        if query.with_hash {
            reply.int(place.score as i64);
        }
        if query.with_point {
            write_point(reply, place.point);
        }
    }
}

fn answer(cx: &mut ReadCx<'_>, form: Form) -> Result<()> {
    let key = cx.key(1);
    let set = cx.data.view::<SortedSetRef<'_>>(key)?;
    let query = Query::parse(cx.args, set, form)?;
    let found = set.map(|set| find(set, &query)).unwrap_or_default();
    write_found(cx.reply, &found, &query);
    Ok(())
}

fn answer_or_store(cx: &mut WriteCx<'_>, form: Form, event: Event) -> Result<Change> {
    let from = cx.key(if form == Form::SearchStore { 2 } else { 1 });
    // What is past its time goes first.
    cx.read_slot(from);
    let mut reply = std::mem::replace(cx.reply, Reply::new(cx.reply.proto()));
    let result = search(cx, form, &mut reply);
    *cx.reply = reply;
    let Some((to, kept)) = result? else { return Ok(Change::NONE) };
    let to = cx.keyspace.key(to);
    let _ = cx.changes.count((kept.len() as u64).saturating_sub(1));
    let value = kept.finish(&cx.keyspace.limits).map(Value::SortedSet);
    Ok(cx.replace(to, value, event))
}

/// Searches and answers; where the result is to be kept, if it is.
fn search<'a>(
    cx: &WriteCx<'a>,
    form: Form,
    reply: &mut Reply,
) -> Result<Option<(&'a [u8], Gather)>> {
    let from = cx.key(if form == Form::SearchStore { 2 } else { 1 });
    let set = cx.view::<SortedSetRef<'_>>(from)?;
    let query = Query::parse(cx.args, set, form)?;
    let found = set.map(|set| find(set, &query)).unwrap_or_default();
    let Some(store) = query.store else {
        write_found(reply, &found, &query);
        return Ok(None);
    };
    reply.int(length(found.len()));
    Ok(Some((store.key, keep(&found, store, &cx.keyspace.limits))))
}

fn keep(found: &[Found<'_>], store: Store<'_>, limits: &Limits) -> Gather {
    let (mut gather, mut scratch) = (Gather::new(limits), Scratch::default());
    for place in found {
        let score = if store.distances { place.distance } else { place.score };
        gather.add(place.member.text(&mut scratch), score);
    }
    gather
}

const UNITS: Arg =
    one_of("unit", &[token("m", "m"), token("km", "km"), token("ft", "ft"), token("mi", "mi")]);
const WITH_POINT: Arg = token("withcoord", "WITHCOORD").optional();
const WITH_DISTANCE: Arg = token("withdist", "WITHDIST").optional();
const WITH_HASH: Arg = token("withhash", "WITHHASH").optional();
const COUNT: Arg =
    block("count-block", &[integer("count").after("COUNT"), token("any", "ANY").optional()])
        .optional();
const SORT: Arg = one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional();
const STORE: Arg =
    one_of("store", &[key("storekey").after("STORE"), key("storedistkey").after("STOREDIST")])
        .optional();
const BY: Arg = one_of(
    "by",
    &[
        block("circle", &[double("radius").after("BYRADIUS"), UNITS]),
        block("box", &[double("width").after("BYBOX"), double("height"), UNITS]),
        block(
            "polygon",
            &[
                integer("num-vertices").after("BYPOLYGON"),
                block("vertices", &[double("longitude"), double("latitude")]).multiple(),
            ],
        ),
    ],
);
const FROM: Arg = one_of(
    "from",
    &[
        string("member").after("FROMMEMBER"),
        block("fromlonlat", &[double("longitude").after("FROMLONLAT"), double("latitude")]),
    ],
);
const COST: &str = "O(N+log(M)) where N is the number of members in the cells around the shape and M that of the shape.";
const RADIUS_EVENTS: &[Event] = &[Event::GEORADIUSSTORE, Event::DEL, Event::NEW];

const fn stored_behind(word: &'static str, from: i32) -> KeySpec {
    KeySpec {
        begin: Begin::Behind { word, from },
        find: Find::Range { last: 0, step: 1, limit: 0 },
        access: &["OW", "update"],
    }
}

static GEORADIUS: Command = Command {
    name: "georadius",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Returns the members within a distance of a point, or keeps them.",
    complexity: COST,
    deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")),
    args: &[
        key("key"),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNITS,
        WITH_POINT,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        SORT,
        STORE,
    ],
    keys: &[one_key(&["RO", "access"]), stored_behind("STORE", 6), stored_behind("STOREDIST", 6)],
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: RADIUS_EVENTS,
    run: Run::Write(|cx| answer_or_store(cx, Form::Around(true), Event::GEORADIUSSTORE)),
    ..Command::BASE
};

static GEORADIUS_RO: Command = Command {
    name: "georadius_ro",
    since: "3.2.10",
    group: Group::Geo,
    summary: "Returns the members within a distance of a point.",
    complexity: COST,
    deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")),
    args: &[
        key("key"),
        double("longitude"),
        double("latitude"),
        double("radius"),
        UNITS,
        WITH_POINT,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        SORT,
    ],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, Form::Around(false))),
    ..Command::BASE
};

static GEORADIUSBYMEMBER: Command = Command {
    name: "georadiusbymember",
    since: "3.2.0",
    group: Group::Geo,
    summary: "Returns the members within a distance of a member, or keeps them.",
    complexity: COST,
    deprecated: Some((
        "6.2.0",
        "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
    )),
    args: &[
        key("key"),
        string("member"),
        double("radius"),
        UNITS,
        WITH_POINT,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        SORT,
        STORE,
    ],
    keys: &[one_key(&["RO", "access"]), stored_behind("STORE", 5), stored_behind("STOREDIST", 5)],
    flags: DENY_OOM.and(MOVABLE_KEYS),
    events: RADIUS_EVENTS,
    run: Run::Write(|cx| answer_or_store(cx, Form::AroundMember(true), Event::GEORADIUSSTORE)),
    ..Command::BASE
};

static GEORADIUSBYMEMBER_RO: Command = Command {
    name: "georadiusbymember_ro",
    since: "3.2.10",
    group: Group::Geo,
    summary: "Returns the members within a distance of a member.",
    complexity: COST,
    deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")),
    args: &[
        key("key"),
        string("member"),
        double("radius"),
        UNITS,
        WITH_POINT,
        WITH_DISTANCE,
        WITH_HASH,
        COUNT,
        SORT,
    ],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, Form::AroundMember(false))),
    ..Command::BASE
};

static GEOSEARCH: Command = Command {
    name: "geosearch",
    since: "6.2.0",
    group: Group::Geo,
    summary: "Returns the members inside a circle, a box or a polygon.",
    complexity: COST,
    args: &[key("key"), FROM, BY, SORT, COUNT, WITH_POINT, WITH_DISTANCE, WITH_HASH],
    keys: READ_ONE,
    run: Run::Read(|cx| answer(cx, Form::Search)),
    ..Command::BASE
};

static GEOSEARCHSTORE: Command = Command {
    name: "geosearchstore",
    since: "6.2.0",
    group: Group::Geo,
    summary: "Keeps the members inside a circle, a box or a polygon in another sorted set.",
    complexity: COST,
    args: &[
        key("destination"),
        key("source"),
        FROM,
        BY,
        SORT,
        COUNT,
        token("storedist", "STOREDIST").optional(),
    ],
    keys: &[key_at(1, &["OW", "update"]), key_at(2, &["RO", "access"])],
    flags: DENY_OOM,
    events: &[Event::GEOSEARCHSTORE, Event::DEL, Event::NEW],
    run: Run::Write(|cx| answer_or_store(cx, Form::SearchStore, Event::GEOSEARCHSTORE)),
    ..Command::BASE
};
