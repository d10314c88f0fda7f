//! Turns replies into the types callers want.
//!
//! Owns: the trait and its rules.   Uses: reply, error.   Never: sockets.
//!
//! The rules hide the difference between the protocols: a map may come as a flat array, a double and a boolean as text or a number.
//! What cannot be meant is an error, never a default.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::reply::Reply;

/// What a reply can become. An error reply always becomes an [`Error::Server`].
pub trait FromReply: Sized {
    /// Converts one reply.
    fn from_reply(reply: Reply) -> Result<Self>;

    /// Converts the elements of an array. Pairs are also read from a flat array.
    #[doc(hidden)]
    fn from_items(items: Vec<Reply>) -> Result<Vec<Self>> {
        items.into_iter().map(Self::from_reply).collect()
    }

    /// Converts a byte string into a list, which only a list of bytes can be.
    #[doc(hidden)]
    fn from_bytes(bytes: Bytes) -> Result<Vec<Self>> {
        mismatch("list", &Reply::Bulk(bytes))
    }
}

impl Reply {
    /// Converts this reply, as in `reply.to::<i64>()`.
    pub fn to<T: FromReply>(self) -> Result<T> {
        T::from_reply(self)
    }
}

fn mismatch<T>(wanted: &'static str, reply: &Reply) -> Result<T> {
    match reply {
        Reply::Error(text) => Err(Error::server(text.clone())),
        reply => Err(Error::Conversion { wanted, found: reply.kind().to_owned() }),
    }
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Reply> {
        reply.checked()
    }
}

impl FromReply for () {
    fn from_reply(reply: Reply) -> Result<()> {
        reply.checked().map(drop)
    }
}

impl FromReply for bool {
    fn from_reply(reply: Reply) -> Result<bool> {
        match &reply {
            Reply::Bool(truth) => Ok(*truth),
            Reply::Int(0) => Ok(false),
            Reply::Int(1) => Ok(true),
            Reply::Bulk(bytes) if bytes.as_ref() == b"0" => Ok(false),
            Reply::Bulk(bytes) if bytes.as_ref() == b"1" => Ok(true),
            // SET ... NX answers OK or null, and the question behind it is whether it was set.
            reply if reply.is_ok() => Ok(true),
            Reply::Null => Ok(false),
            reply => mismatch("boolean", reply),
        }
    }
}

fn integer<T: TryFrom<i64> + std::str::FromStr>(reply: Reply, wanted: &'static str) -> Result<T> {
    let number = match &reply {
        Reply::Int(number) => T::try_from(*number).ok(),
        Reply::BigNumber(digits) => digits.parse().ok(),
        reply => reply.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse().ok()),
    };
    number.map_or_else(|| mismatch(wanted, &reply), Ok)
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromReply for $type {
            fn from_reply(reply: Reply) -> Result<$type> {
                integer(reply, stringify!($type))
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, isize, u16, u32, u64, usize);

impl FromReply for u8 {
    fn from_reply(reply: Reply) -> Result<u8> {
        integer(reply, "u8")
    }

    fn from_bytes(bytes: Bytes) -> Result<Vec<u8>> {
        Ok(bytes.to_vec())
    }
}

impl FromReply for f64 {
    fn from_reply(reply: Reply) -> Result<f64> {
        let number = match &reply {
            Reply::Double(number) => Some(*number),
            Reply::Int(number) => Some(*number as f64),
            Reply::BigNumber(digits) => digits.parse().ok(),
            reply => {
                reply.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse().ok())
            }
        };
        number.map_or_else(|| mismatch("f64", &reply), Ok)
    }
}

impl FromReply for Bytes {
    fn from_reply(reply: Reply) -> Result<Bytes> {
        match reply {
            Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(_, bytes) => Ok(bytes),
            Reply::Int(number) => Ok(Bytes::from(number.to_string())),
            Reply::Double(number) => Ok(Bytes::from(number.to_string())),
            Reply::BigNumber(digits) => Ok(Bytes::from(digits)),
            reply => mismatch("byte string", &reply),
        }
    }
}

impl FromReply for String {
    fn from_reply(reply: Reply) -> Result<String> {
        String::from_utf8(Bytes::from_reply(reply)?.into()).map_err(|_| Error::Conversion {
            wanted: "String",
            found: "bytes that are not UTF-8".to_owned(),
        })
    }
}

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: Reply) -> Result<Option<T>> {
        match reply {
            Reply::Null => Ok(None),
            reply => T::from_reply(reply).map(Some),
        }
    }
}

impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: Reply) -> Result<Vec<T>> {
        match reply {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => T::from_items(items),
            Reply::Map(pairs) => pairs
                .into_iter()
                .map(|(key, value)| T::from_reply(Reply::Array(vec![key, value])))
                .collect(),
            Reply::Bulk(bytes) | Reply::Simple(bytes) | Reply::Verbatim(_, bytes) => {
                T::from_bytes(bytes)
            }
            reply => mismatch("list", &reply),
        }
    }
}

impl<A: FromReply, B: FromReply> FromReply for (A, B) {
    fn from_reply(reply: Reply) -> Result<(A, B)> {
        match reply {
            Reply::Array(items) => {
                let [first, second] = <[Reply; 2]>::try_from(items)
                    .or_else(|items| mismatch("pair", &Reply::Array(items)))?;
                Ok((A::from_reply(first)?, B::from_reply(second)?))
            }
            reply => mismatch("pair", &reply),
        }
    }

    fn from_items(items: Vec<Reply>) -> Result<Vec<(A, B)>> {
        if items.iter().all(|item| matches!(item, Reply::Array(_))) {
            return items.into_iter().map(<(A, B)>::from_reply).collect();
        }
        pairs_of_flat(items)?
            .into_iter()
            .map(|(first, second)| Ok((A::from_reply(first)?, B::from_reply(second)?)))
            .collect()
    }
}

impl<A: FromReply, B: FromReply, C: FromReply> FromReply for (A, B, C) {
    fn from_reply(reply: Reply) -> Result<(A, B, C)> {
        let items: Vec<Reply> = match reply {
            Reply::Array(items) | Reply::Push(items) => items,
            reply => return mismatch("triple", &reply),
        };
        let [first, second, third] = <[Reply; 3]>::try_from(items)
            .or_else(|items| mismatch("triple", &Reply::Array(items)))?;
        Ok((A::from_reply(first)?, B::from_reply(second)?, C::from_reply(third)?))
    }
}

fn pairs_of_flat(items: Vec<Reply>) -> Result<Vec<(Reply, Reply)>> {
    if !items.len().is_multiple_of(2) {
        return mismatch("list of pairs", &Reply::Array(items));
    }
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(first), Some(second)) = (items.next(), items.next()) {
        pairs.push((first, second));
    }
    Ok(pairs)
}

fn map_pairs<K: FromReply, V: FromReply>(reply: Reply) -> Result<Vec<(K, V)>> {
    match reply {
        Reply::Map(pairs) => pairs
            .into_iter()
            .map(|(key, value)| Ok((K::from_reply(key)?, V::from_reply(value)?)))
            .collect(),
        Reply::Array(items) => <(K, V)>::from_items(items),
        reply => mismatch("map", &reply),
    }
}

impl<K: FromReply + Eq + Hash, V: FromReply, S: BuildHasher + Default> FromReply
    for HashMap<K, V, S>
{
    fn from_reply(reply: Reply) -> Result<HashMap<K, V, S>> {
        Ok(map_pairs(reply)?.into_iter().collect())
    }
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(reply: Reply) -> Result<BTreeMap<K, V>> {
        Ok(map_pairs(reply)?.into_iter().collect())
    }
}

impl<T: FromReply + Eq + Hash, S: BuildHasher + Default> FromReply for HashSet<T, S> {
    fn from_reply(reply: Reply) -> Result<HashSet<T, S>> {
        Ok(Vec::<T>::from_reply(reply)?.into_iter().collect())
    }
}

impl<T: FromReply + Ord> FromReply for BTreeSet<T> {
    fn from_reply(reply: Reply) -> Result<BTreeSet<T>> {
        Ok(Vec::<T>::from_reply(reply)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn numbers_come_as_numbers_or_text() {
        assert_eq!(Reply::Int(-3).to::<i64>().unwrap(), -3);
        assert_eq!(bulk("12").to::<u8>().unwrap(), 12);
        assert_eq!(Reply::Double(1.5).to::<f64>().unwrap(), 1.5);
        assert_eq!(bulk("inf").to::<f64>().unwrap(), f64::INFINITY);
        assert!(Reply::Int(-1).to::<u64>().is_err());
        assert!(Reply::Int(256).to::<u8>().is_err());
        assert!(bulk("x").to::<i64>().is_err());
        assert!(Reply::Null.to::<i64>().is_err());
    }

    #[test]
    fn text_and_bytes() {
        assert_eq!(bulk("a").to::<String>().unwrap(), "a");
        assert_eq!(bulk("a").to::<Vec<u8>>().unwrap(), b"a");
        assert_eq!(bulk("a").to::<Option<Bytes>>().unwrap().unwrap(), "a");
        assert_eq!(Reply::Null.to::<Option<String>>().unwrap(), None);
        assert!(Reply::Bulk(Bytes::from_static(b"\xff")).to::<String>().is_err());
        assert!(bulk("a").to::<Vec<String>>().is_err());
    }

    #[test]
    fn booleans() {
        for (reply, truth) in [
            (Reply::Bool(true), true),
            (Reply::Int(0), false),
            (Reply::Simple(Bytes::from_static(b"OK")), true),
            (Reply::Null, false),
        ] {
            assert_eq!(reply.to::<bool>().unwrap(), truth);
        }
        assert!(Reply::Int(2).to::<bool>().is_err());
    }

    #[test]
    fn a_map_may_be_flat_nested_or_a_map() {
        let expected = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let flat = Reply::Array(vec![bulk("a"), bulk("1"), bulk("b"), bulk("2")]);
        let pair = |key, value| Reply::Array(vec![bulk(key), Reply::Int(value)]);
        let nested = Reply::Array(vec![pair("a", 1), pair("b", 2)]);
        let map = Reply::Map(vec![(bulk("a"), Reply::Int(1)), (bulk("b"), Reply::Int(2))]);
        for reply in [flat, nested, map] {
            assert_eq!(reply.clone().to::<BTreeMap<String, i64>>().unwrap(), expected);
            let pairs = reply.to::<Vec<(String, i64)>>().unwrap();
            assert_eq!(pairs.into_iter().collect::<BTreeMap<_, _>>(), expected);
        }
        assert!(Reply::Array(vec![bulk("a")]).to::<HashMap<String, i64>>().is_err());
    }

    #[test]
    fn an_error_stays_an_error_at_any_depth() {
        let error = || Reply::Error("WRONGTYPE no".to_owned());
        for result in [
            error().to::<()>(),
            error().to::<Option<i64>>().map(drop),
            error().to::<Reply>().map(drop),
            Reply::Array(vec![error()]).to::<Vec<String>>().map(drop),
        ] {
            assert_eq!(result.expect_err("an error").code(), Some("WRONGTYPE"));
        }
    }
}
