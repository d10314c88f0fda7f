//! Strings that count: whole numbers, and floating point with 64 bits by exact fractions.
//!
//! Owns: the rows.   Uses: the model's maps.   Never: the server's code.

use super::expiry::{Until, until};
use super::{
    Expect, Item, Kind, Model, NOT_INTEGER, Row, Who, bulk, error, int, is, number, syntax_error,
};
use crate::dice::{Dice, Words};
use lodestore_tests::reply::Reply;
use num_bigint::{BigInt, Sign};

const KEY: Row = Row {
    name: "",
    weight: 4,
    arity: 2,
    kind: Kind::Plain,
    make: |dice| vec![dice.key()],
    run: |_, _, _| Vec::new(),
};

pub const ROWS: &[Row] = &[
    Row { name: "incr", run: |m, w, a| add(m, w, a, 1), ..KEY },
    Row { name: "decr", run: |m, w, a| add(m, w, a, -1), ..KEY },
    Row { name: "incrby", arity: 3, make: key_number, run: incrby, ..KEY },
    Row { name: "decrby", arity: 3, make: key_number, run: decrby, ..KEY },
    Row { name: "incrbyfloat", arity: 3, make: key_decimal, run: incrbyfloat, ..KEY },
    Row { name: "increx", weight: 8, arity: -2, make: make_increx, run: increx, ..KEY },
];

const NOT_FLOAT: &str = "ERR value is not a valid float";

fn key_number(dice: &mut Dice) -> Words {
    vec![dice.key(), dice.number()]
}

fn key_decimal(dice: &mut Dice) -> Words {
    vec![dice.key(), decimal(dice)]
}

/// The text of a number with decimals, now and then of none.
fn decimal(dice: &mut Dice) -> Vec<u8> {
    match dice.below(12) {
        0 => dice.number(),
        1 => dice.pick(&["nan", "", "abc", "1.2.3", "."]).into(),
        2 => format!("{}.5", dice.next() >> dice.below(64)).into(),
        _ => format!("{}.{:02}", dice.below(40) as i64 - 20, dice.below(100)).into(),
    }
}

fn incrby(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    match number(&args[2]) {
        Some(by) => add(model, who, args, by),
        None => error(NOT_INTEGER),
    }
}

fn decrby(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    match number(&args[2]) {
        None => error(NOT_INTEGER),
        Some(i64::MIN) => error("ERR decrement would overflow"),
        Some(by) => add(model, who, args, -by),
    }
}

fn add(model: &mut Model, who: Who, args: &[Vec<u8>], by: i64) -> Vec<Expect> {
    let (value, deadline) = counter(model, who, &args[1]);
    let Some(before) = number(&value) else { return error(NOT_INTEGER) };
    let Some(sum) = before.checked_add(by) else {
        return error("ERR increment or decrement would overflow");
    };
    model.put(who, &args[1], sum.to_string().into_bytes(), deadline);
    int(sum)
}

/// What a key holds, or "0", and its deadline.
fn counter(model: &mut Model, who: Who, key: &[u8]) -> (Vec<u8>, Option<i64>) {
    let before = model.live(who, key).cloned();
    before.map_or((b"0".to_vec(), None), |Item { value, deadline }| (value, deadline))
}

fn incrbyfloat(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let (value, deadline) = counter(model, who, &args[1]);
    let (Some(before), Some(by)) = (Fraction::read(&value), Fraction::read(&args[2])) else {
        return error(NOT_FLOAT);
    };
    let sum = before.plus(&by).shown();
    model.put(who, &args[1], sum.clone(), deadline);
    is(bulk(&sum))
}

fn make_increx(dice: &mut Dice) -> Words {
    let mut words = vec![dice.key()];
    let float = dice.once_in(2);
    if float || dice.once_in(2) {
        words.push(dice.case(if float { "byfloat" } else { "byint" }));
        words.push(if float { decimal(dice) } else { dice.number() });
    }
    while dice.once_in(2) {
        let option = dice.pick(&[
            "lbound", "ubound", "saturate", "enx", "persist", "ex", "px", "exat", "pxat", "what",
        ]);
        words.push(dice.case(option));
        match option {
            "lbound" | "ubound" if float && dice.once_in(2) => words.push(decimal(dice)),
            "lbound" | "ubound" => words.push(dice.number()),
            "ex" => words.push(dice.span(1000)),
            "px" => words.push(dice.span(1)),
            "exat" => words.push(dice.moment(1000)),
            "pxat" => words.push(dice.moment(1)),
            _ => {}
        }
    }
    words
}

/// The words of INCREX by name, each at most once.
fn increx_words(args: &[Vec<u8>]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut words: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let name = String::from_utf8_lossy(word).to_lowercase();
        let operand = match name.as_str() {
            "saturate" | "enx" | "persist" => Vec::new(),
            "byint" | "byfloat" | "lbound" | "ubound" | "ex" | "px" | "exat" | "pxat" => {
                rest.next()?.clone()
            }
            _ => return None,
        };
        if words.iter().any(|(other, _)| *other == name) {
            return None;
        }
        words.push((name, operand));
    }
    let has = |name: &str| words.iter().any(|(other, _)| other == name);
    let times = ["ex", "px", "exat", "pxat"].iter().filter(|name| has(name)).count();
    let excluded =
        has("byint") && has("byfloat") || times > 1 || has("persist") && (times > 0 || has("enx"));
    (!excluded).then_some(words)
}

fn increx(model: &mut Model, who: Who, args: &[Vec<u8>]) -> Vec<Expect> {
    let Some(words) = increx_words(&args[2..]) else { return syntax_error() };
    let get =
        |name: &str| words.iter().find(|(other, _)| other == name).map(|(_, operand)| operand);
    let time = words.iter().find_map(|(name, text)| Some((Until::named(name.as_bytes())?, text)));
    if get("enx").is_some() && time.is_none() {
        return error("ERR ENX flag requires an expiration");
    }
    let float = get("byfloat").is_some();
    let one = b"1".to_vec();
    let by = get("byfloat").or(get("byint")).unwrap_or(&one);
    let [by, lower, upper] = match bounded(float, by, [get("lbound"), get("ubound")]) {
        Ok(read) => read,
        Err(text) => return error(&text),
    };
    if matches!((&lower, &upper), (Some(lower), Some(upper)) if upper.less(lower)) {
        return error("ERR LBOUND can't be greater than UBOUND");
    }
    let mut deadline = None;
    if let Some((kind, text)) = time {
        match until(kind, text, model.now_ms, "increx") {
            Ok(moment) => deadline = Some(moment),
            Err(text) => return error(&text),
        }
    }
    let by = by.expect("the increment was read");
    let existed = model.live(who, &args[1]).is_some();
    let (value, kept) = counter(model, who, &args[1]);
    let before = match (float, number(&value)) {
        (false, None) => return error(NOT_INTEGER),
        _ => match Fraction::read(&value) {
            Some(before) => before,
            None => return error(NOT_FLOAT),
        },
    };
    let (sum, added) =
        match sum_within(float, &before, &by, [lower, upper], get("saturate").is_some()) {
            Ok(Some(both)) => both,
            Ok(None) => return answer(model, who, float, &before, &Fraction::whole(0)),
            Err(text) => return error(text),
        };
    if get("enx").is_some() && kept.is_some() {
        deadline = None;
    }
    if deadline.is_some_and(|moment| moment <= model.now_ms) {
        if existed {
            model.remove(who, &args[1]);
        }
    } else {
        let kept = if get("persist").is_some() { None } else { kept };
        model.put(who, &args[1], sum.shown(), deadline.or(kept));
    }
    answer(model, who, float, &sum, &added)
}

/// The increment and the bounds, in this order.
fn bounded(
    float: bool,
    by: &[u8],
    bounds: [Option<&Vec<u8>>; 2],
) -> Result<[Option<Fraction>; 3], String> {
    let kind = if float { "a valid float" } else { "an integer or out of range" };
    let read = |name: &str, text: &[u8]| {
        let is_read = float || number(text).is_some();
        Fraction::read(text).filter(|_| is_read).ok_or_else(|| format!("ERR {name} is not {kind}"))
    };
    let [lower, upper] = bounds;
    Ok([
        Some(read("Increment", by)?),
        lower.map(|text| read("LBOUND", text)).transpose()?,
        upper.map(|text| read("UBOUND", text)).transpose()?,
    ])
}

/// The sum and what was added; nothing if the sum is out of bounds.
fn sum_within(
    float: bool,
    before: &Fraction,
    by: &Fraction,
    bounds: [Option<Fraction>; 2],
    saturate: bool,
) -> Result<Option<(Fraction, Fraction)>, &'static str> {
    let limit = |bound: Option<Fraction>, number| match float {
        true => bound,
        false => Some(bound.unwrap_or(Fraction::whole(number))),
    };
    let [lower, upper] = bounds;
    let (lower, upper) = (limit(lower, i64::MIN), limit(upper, i64::MAX));
    // Whole numbers of 64 bits add up exactly; their sum has 65.
    let sum = if float { before.plus(by) } else { before.exactly_plus(by) };
    let bound = match (lower, upper) {
        (Some(lower), _) if sum.less(&lower) => lower,
        (_, Some(upper)) if upper.less(&sum) => upper,
        _ => return Ok(Some((sum, by.clone()))),
    };
    if !saturate {
        return Ok(None);
    }
    let added = bound.exactly_plus(&before.negated());
    if float {
        return Ok(Some((bound, added.rounded())));
    }
    let fits =
        |low, high| !added.less(&Fraction::whole(low)) && !Fraction::whole(high).less(&added);
    if !fits(i64::MIN, i64::MAX) {
        return Err("ERR applied increment would overflow");
    }
    Ok(Some((bound, added)))
}

fn answer(
    model: &mut Model,
    who: Who,
    float: bool,
    value: &Fraction,
    added: &Fraction,
) -> Vec<Expect> {
    let resp3 = model.me(who).resp3;
    let reply = |number: &Fraction| {
        let text = String::from_utf8(number.shown()).expect("a number is text");
        match (float, resp3) {
            (true, true) => Reply::Double(text),
            (true, false) => Reply::Bulk(text.into()),
            (false, _) => Reply::Int(text.parse().expect("it has 64 bits")),
        }
    };
    is(Reply::Array(vec![reply(value), reply(added)]))
}

/// An exact fraction; the lower part is positive.
#[derive(Clone)]
struct Fraction {
    upper: BigInt,
    lower: BigInt,
}

impl Fraction {
    fn whole(number: i64) -> Fraction {
        Fraction { upper: number.into(), lower: 1.into() }
    }

    /// A decimal without an exponent, as near as 64 bits come to it.
    fn read(text: &[u8]) -> Option<Fraction> {
        let text = std::str::from_utf8(text).ok()?;
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{decimals}");
        if all.is_empty() || text.len() >= 5120 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let magnitude: BigInt = all.parse().ok()?;
        let upper = if text.starts_with('-') { -magnitude } else { magnitude };
        let lower = BigInt::from(10).pow(decimals.len() as u32);
        Some(Fraction { upper, lower }.rounded())
    }

    /// The nearest number with 64 bits.
    fn rounded(&self) -> Fraction {
        let (mut upper, mut lower) = (self.upper.clone(), self.lower.clone());
        if upper.sign() == Sign::NoSign {
            return Fraction::whole(0);
        }
        let (mut up, mut down) = (BigInt::from(1), BigInt::from(1));
        let magnitude = |upper: &BigInt, lower: &BigInt| upper.magnitude() / lower.magnitude();
        while magnitude(&upper, &lower).bits() > 64 {
            (lower, up) = (lower * 2, up * 2);
        }
        while magnitude(&upper, &lower).bits() < 64 {
            (upper, down) = (upper * 2, down * 2);
        }
        Fraction { upper: nearest(&upper, &lower) * up, lower: down }
    }

    fn exactly_plus(&self, other: &Fraction) -> Fraction {
        let upper = &self.upper * &other.lower + &other.upper * &self.lower;
        Fraction { upper, lower: &self.lower * &other.lower }
    }

    fn plus(&self, other: &Fraction) -> Fraction {
        self.exactly_plus(other).rounded()
    }

    fn negated(&self) -> Fraction {
        Fraction { upper: -&self.upper, lower: self.lower.clone() }
    }

    fn less(&self, other: &Fraction) -> bool {
        &self.upper * &other.lower < &other.upper * &self.lower
    }

    /// 17 decimals without the zeros at the end.
    fn shown(&self) -> Vec<u8> {
        let one = BigInt::from(10).pow(17);
        let units = nearest(&(&self.upper * &one), &self.lower);
        let sign = if units.sign() == Sign::Minus { "-" } else { "" };
        let units = units.magnitude().to_string();
        let units = format!("{units:0>18}");
        let (whole, decimals) = units.split_at(units.len() - 17);
        let text = format!("{sign}{whole}.{decimals}");
        text.trim_end_matches('0').trim_end_matches('.').into()
    }
}

/// The whole number nearest to a fraction; of two the even one.
fn nearest(upper: &BigInt, lower: &BigInt) -> BigInt {
    let magnitude = upper.magnitude();
    let lower = lower.magnitude();
    let (whole, rest) = (magnitude / lower, magnitude % lower * 2u8);
    let up = rest > *lower || (rest == *lower && whole.bit(0));
    BigInt::from_biguint(upper.sign(), whole + u8::from(up))
}
