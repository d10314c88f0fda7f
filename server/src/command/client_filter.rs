//! Which connections CLIENT LIST shows and CLIENT KILL closes.
//!
//! Owns: the filters and their errors.   Uses: session.   Never: shows or closes anybody.
//!
//! The words are those of Redis and Valkey 9. A connection is meant if all filters hold; a filter that is given
//! twice counts as it was given last, and numbers of clients add up.

use super::client_line::{FLAG_LETTERS, flags, seconds};
use super::number::positive;
use crate::base::bytes::parse_i64;
use crate::base::time::Now;
use crate::resp::args::{Args, Iter};
use crate::resp::error::echo;
use crate::resp::{Error, Result};
use crate::session::Session;
use std::iter::Peekable;

/// A type of client. There are no masters and replicas yet: nobody is of those types.
#[derive(Clone, Copy)]
enum Type {
    Normal,
    Pubsub,
    Nobody,
}

impl Type {
    fn read(word: &[u8]) -> Result<Type> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Type::Normal),
            b"pubsub" => Ok(Type::Pubsub),
            b"master" | b"primary" | b"replica" | b"slave" => Ok(Type::Nobody),
            _ => Err(Error::text(format!("ERR Unknown client type '{}'", echo(word)))),
        }
    }

    fn holds(self, session: &Session) -> bool {
        match self {
            Type::Normal => session.subscriptions() == 0,
            Type::Pubsub => session.subscriptions() > 0,
            Type::Nobody => false,
        }
    }
}

/// What a client may be asked about.
#[derive(Clone, Copy)]
enum Trait<'a> {
    Type(Type),
    Peer(&'a [u8]),
    Local(&'a [u8]),
    Ip(&'a [u8]),
    /// There is one user, and everybody is that one.
    User,
    Name(&'a [u8]),
    LibName(&'a [u8]),
    LibVersion(&'a [u8]),
    Flags(&'a [u8]),
    Capabilities(&'a [u8]),
    Database(usize),
}

impl<'a> Trait<'a> {
    /// The filter of that name, if there is one.
    fn read(name: &[u8], value: &'a [u8], databases: usize) -> Result<Trait<'a>> {
        Ok(match name {
            b"type" => Trait::Type(Type::read(value)?),
            b"addr" => Trait::Peer(value),
            b"laddr" => Trait::Local(value),
            b"ip" => Trait::Ip(value),
            b"user" => known_user(value)?,
            b"name" => Trait::Name(value),
            b"lib-name" => Trait::LibName(value),
            b"lib-ver" => Trait::LibVersion(value),
            b"flags" => Trait::Flags(only(value, FLAG_LETTERS, "flags")?),
            b"capa" => Trait::Capabilities(only(value, b"r", "capa")?),
            b"db" => Trait::Database(database(value, databases)?),
            _ => return Err(Error::Syntax),
        })
    }

    fn holds(self, session: &Session) -> bool {
        let label = |wanted: &[u8], label: Option<&[u8]>| {
            label.is_some_and(|label| !label.is_empty() && label == wanted)
        };
        let labels = session.labels();
        match self {
            Trait::Type(kind) => kind.holds(session),
            Trait::Peer(peer) => session.arrival.peer.as_bytes() == peer,
            Trait::Local(local) => session.arrival.local.as_bytes() == local,
            Trait::Ip(ip) => host(&session.arrival.peer).as_bytes() == ip,
            Trait::User => true,
            Trait::Name(name) => label(name, labels.map(|labels| &*labels.name)),
            Trait::LibName(name) => label(name, labels.map(|labels| &*labels.lib_name)),
            Trait::LibVersion(text) => label(text, labels.map(|labels| &*labels.lib_version)),
            Trait::Flags(wanted) => {
                wanted.iter().all(|&letter| flags(session).any(|flag| flag == letter))
            }
            Trait::Capabilities(wanted) => wanted.is_empty() || session.follows_redirects,
            Trait::Database(db) => session.db == db,
        }
    }
}

/// The address without its port.
fn host(peer: &str) -> &str {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn known_user<'a>(name: &[u8]) -> Result<Trait<'a>> {
    if name == b"default" {
        return Ok(Trait::User);
    }
    Err(Error::text(format!("ERR No such user '{}'", echo(name))))
}

/// Letters of which each must be a known one.
fn only<'a>(letters: &'a [u8], known: &[u8], what: &str) -> Result<&'a [u8]> {
    if letters.iter().all(|letter| known.contains(letter)) {
        return Ok(letters);
    }
    let shown = echo(letters);
    Err(Error::text(format!("ERR Unknown {what} found in the provided filter: {shown}")))
}

fn database(word: &[u8], databases: usize) -> Result<usize> {
    let number = parse_i64(word).ok_or(Error::text("ERR DB is not an integer or out of range"))?;
    usize::try_from(number).ok().filter(|&db| db < databases).ok_or_else(|| {
        Error::text(format!("ERR DB number should be between 0 and {}", databases - 1))
    })
}

/// Who is meant: whoever fits all filters that are given.
#[derive(Default)]
pub struct Filters<'a> {
    ids: Option<Vec<u64>>,
    not_ids: Option<Vec<u64>>,
    is: Vec<Trait<'a>>,
    is_not: Vec<Trait<'a>>,
    age: Option<u64>,
    idle: Option<u64>,
    /// Whether the client that asks is left out, if that was said.
    pub skip_me: Option<bool>,
}

impl<'a> Filters<'a> {
    /// The client with this address (CLIENT KILL's old form).
    pub fn address(peer: &'a [u8]) -> Filters<'a> {
        Filters { is: vec![Trait::Peer(peer)], ..Filters::default() }
    }

    /// Reads pairs of a filter's name and its value; behind ID and NOT-ID may stand several.
    ///
    /// # Errors
    /// A filter that does not exist, or a value that does not fit it.
    pub fn read(args: Args<'a>, databases: usize) -> Result<Filters<'a>> {
        let mut filters = Filters::default();
        let mut words = args.iter().peekable();
        while let Some(name) = words.next() {
            let value = words.next().ok_or(Error::Syntax)?;
            filters.add(&name.to_ascii_lowercase(), value, &mut words, databases)?;
        }
        for ids in [&mut filters.ids, &mut filters.not_ids].into_iter().flatten() {
            ids.sort_unstable();
        }
        Ok(filters)
    }

    fn add(
        &mut self,
        name: &[u8],
        value: &'a [u8],
        more: &mut Peekable<Iter<'a>>,
        databases: usize,
    ) -> Result<()> {
        match name {
            b"id" => read_ids(self.ids.get_or_insert_default(), value, more)?,
            b"not-id" => read_ids(self.not_ids.get_or_insert_default(), value, more)?,
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => self.skip_me = Some(true),
            b"skipme" if value.eq_ignore_ascii_case(b"no") => self.skip_me = Some(false),
            b"maxage" => self.age = Some(least(value, "maxage")?),
            b"idle" => self.idle = Some(least(value, "idle")?),
            _ => match name.strip_prefix(b"not-") {
                Some(name) => put(&mut self.is_not, Trait::read(name, value, databases)?),
                None => put(&mut self.is, Trait::read(name, value, databases)?),
            },
        }
        Ok(())
    }

    /// Whether a session is meant. The client that asks is treated like the others.
    pub fn hold(&self, session: &Session, now: Now) -> bool {
        let id = session.id().0;
        let among = |ids: &Vec<u64>| ids.binary_search(&id).is_ok();
        self.ids.as_ref().is_none_or(among)
            && !self.not_ids.as_ref().is_some_and(among)
            && self.age.is_none_or(|least| seconds(session.since, now) >= least)
            && self.idle.is_none_or(|least| seconds(session.last_seen, now) >= least)
            && self.is.iter().all(|wanted| wanted.holds(session))
            && !self.is_not.iter().any(|unwanted| unwanted.holds(session))
    }
}

/// Adds a filter, in place of one of the same kind.
fn put<'a>(filters: &mut Vec<Trait<'a>>, new: Trait<'a>) {
    let same = |old: &Trait<'_>| std::mem::discriminant(old) == std::mem::discriminant(&new);
    match filters.iter_mut().find(|old| same(old)) {
        Some(old) => *old = new,
        None => filters.push(new),
    }
}

/// Reads numbers of clients, as many as follow.
fn read_ids<'a>(ids: &mut Vec<u64>, first: &[u8], more: &mut Peekable<Iter<'a>>) -> Result<()> {
    ids.push(positive(first, "client-id")?);
    while let Some(word) = more.next_if(|word| parse_i64(word).is_some()) {
        ids.push(positive(word, "client-id")?);
    }
    Ok(())
}

/// A number of seconds.
fn least(word: &[u8], what: &str) -> Result<u64> {
    if parse_i64(word).is_none() {
        return Err(Error::text(format!("ERR {what} is not an integer or out of range")));
    }
    positive(word, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::OwnedRequest;
    use crate::session::{Arrival, ClientId, Route};

    fn session(id: u64) -> Session {
        let route = Route { id: ClientId(id), ..Route::default() };
        let arrival = Arrival { route, peer: format!("[::1]:{id}").into(), ..Arrival::default() };
        Session::new(arrival, Now::default(), true)
    }

    fn holds(text: &str, session: &Session) -> bool {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        let request = OwnedRequest::from_parts(&words);
        let now = Now { unix_us: 0, mono_us: 10_000_000 };
        Filters::read(request.args(), 16).is_ok_and(|filters| filters.hold(session, now))
    }

    #[test]
    fn every_filter_has_its_opposite() {
        let mut one = session(7);
        one.labels_mut().name = b"worker".as_slice().into();
        one.db = 3;
        for text in ["type normal", "addr [::1]:7", "ip ::1", "name worker", "db 3", "flags N"] {
            assert!(holds(text, &one), "{text}");
            assert!(!holds(&format!("not-{text}"), &one), "not {text}");
        }
        for text in ["type pubsub", "addr x", "ip ::2", "name x", "db 2", "flags x", "capa r"] {
            assert!(!holds(text, &one), "{text}");
            assert!(holds(&format!("not-{text}"), &one), "not {text}");
        }
    }

    #[test]
    fn numbers_add_up_and_other_filters_are_replaced() {
        let one = session(7);
        assert!(holds("id 5 6 7 type normal", &one) && holds("id 5 id 7", &one));
        assert!(!holds("not-id 5 6 7", &one) && !holds("id 5 6", &one));
        assert!(holds("name x not-name y type pubsub type normal", &one) == holds("name x", &one));
        assert!(holds("maxage 10 idle 10", &one) && !holds("maxage 11", &one));
    }
}
