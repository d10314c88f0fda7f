//! Commands about the connection itself.
//!
//! Owns: AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT.   Uses: SessionCx.   Never: data.

use super::client::check_label;
use super::context::SessionCx;
use super::next::Next;
use super::row::*;
use super::tracking::switch_off;
use crate::base::bytes::parse_i64;
use crate::config::Config;
use crate::persist::rdb::save::CLAIMED_VERSION;
use crate::resp::args::Args;
use crate::resp::error::echo;
use crate::resp::reply::Proto;
use crate::resp::{Error, Result};
use crate::session::Answers;

/// The family, sorted by name.
pub static TABLE: &[&Command] = &[&AUTH, &ECHO, &HELLO, &PING, &QUIT, &RESET, &SELECT];
const _: () = check(TABLE);

/// What may be sent at any time, by anybody.
const ANY_TIME: Flags = NOSCRIPT.and(LOADING).and(STALE).and(FAST).and(NO_AUTH).and(ALLOW_BUSY);

static AUTH: Command = Command {
    name: "auth",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Tells the server who the connection is.",
    complexity: "O(N) where N is the length of the password",
    args: &[string("username").optional(), string("password")],
    flags: ANY_TIME.and(SECRET),
    run: Run::Session(auth),
    ..Command::BASE
};

fn auth(cx: &mut SessionCx<'_>) -> Result<Next> {
    let (user, password) = match cx.args.len() {
        2 if cx.config.password.is_empty() => return Err(Error::AuthWithoutPassword),
        2 => (b"default".as_slice(), cx.arg(1)),
        3 => (cx.arg(1), cx.arg(2)),
        _ => return Err(Error::Syntax),
    };
    admit(cx, user, password)?;
    cx.reply.ok();
    Ok(Next::Done)
}

/// Authenticates the connection, or leaves it as it was.
fn admit(cx: &mut SessionCx<'_>, user: &[u8], password: &[u8]) -> Result<()> {
    let known = same_secret(user, b"default");
    let right = open_to_all(cx.config) || same_secret(password, cx.config.password.as_bytes());
    if !(known & right) {
        cx.stats.denied_logins += 1;
        return Err(Error::WrongPass);
    }
    cx.me.authenticated = true;
    Ok(())
}

fn open_to_all(config: &Config) -> bool {
    config.password.is_empty()
}

/// Compares in a time that does not tell where the first difference is.
fn same_secret(given: &[u8], secret: &[u8]) -> bool {
    let mut difference = given.len() ^ secret.len();
    for (at, &byte) in given.iter().enumerate() {
        let other = secret.get(at % secret.len().max(1)).copied().unwrap_or(0);
        difference |= usize::from(byte ^ other);
    }
    // Without this the compiler may leave the loop early.
    std::hint::black_box(difference) == 0
}

static ECHO: Command = Command {
    name: "echo",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Answers the given string.",
    args: &[string("message")],
    flags: LOADING.and(STALE).and(FAST),
    run: Run::Session(echo_back),
    ..Command::BASE
};

fn echo_back(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.bulk(cx.arg(1));
    Ok(Next::Done)
}

static HELLO: Command = Command {
    name: "hello",
    since: "6.0.0",
    group: Group::Connection,
    summary: "Chooses the protocol, authenticates and names the connection, and tells of the server.",
    args: HELLO_ARGS,
    flags: ANY_TIME,
    secret: Some(is_login),
    run: Run::Session(hello),
    ..Command::BASE
};

const HELLO_ARGS: &[Arg] = &[block(
    "arguments",
    &[
        integer("protover"),
        block("auth", &[string("username"), string("password")]).after("AUTH").optional(),
        string("clientname").after("SETNAME").optional(),
    ],
)
.optional()];

/// Whether a word of HELLO is the user's name or password.
fn is_login(args: Args<'_>, at: usize) -> bool {
    let mut option = 2;
    while let Some(word) = args.find(option) {
        if word.eq_ignore_ascii_case(b"auth") && option + 2 < args.len() {
            if (option + 1..=option + 2).contains(&at) {
                return true;
            }
            option += 3;
        } else {
            option += if word.eq_ignore_ascii_case(b"setname") { 2 } else { 1 };
        }
    }
    false
}

/// What HELLO asks for. Nothing is carried out before all of it is understood.
#[derive(Default)]
struct Greeting<'a> {
    proto: Option<Proto>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(cx: &mut SessionCx<'_>) -> Result<Next> {
    let greeting = greeting(cx)?;
    if let Some((user, password)) = greeting.login {
        admit(cx, user, password)?;
    }
    if !cx.me.authenticated {
        return Err(Error::HelloNoAuth);
    }
    if let Some(name) = greeting.name {
        cx.me.labels_mut().name = name.into();
    }
    if let Some(proto) = greeting.proto {
        cx.me.proto = proto;
        cx.reply.set_proto(proto);
    }
    introduce(cx);
    Ok(Next::Done)
}

fn greeting<'a>(cx: &SessionCx<'a>) -> Result<Greeting<'a>> {
    let mut greeting = Greeting::default();
    let Some(version) = cx.args.find(1) else { return Ok(greeting) };
    greeting.proto = Some(match parse_i64(version) {
        Some(2) => Proto::Resp2,
        Some(3) => Proto::Resp3,
        Some(_) => return Err(Error::NoProto),
        None => {
            return Err(Error::text("ERR Protocol version is not an integer or out of range"));
        }
    });
    let mut words = cx.args.from(2).iter();
    while let Some(option) = words.next() {
        if option.eq_ignore_ascii_case(b"auth") && words.len() >= 2 {
            greeting.login = words.next().zip(words.next());
        } else if option.eq_ignore_ascii_case(b"setname") && words.len() >= 1 {
            greeting.name = words.next();
            check_label(greeting.name.unwrap_or_default(), "Client names")?;
        } else {
            let option = echo(option);
            return Err(Error::text(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(greeting)
}

/// What the server is.
fn introduce(cx: &mut SessionCx<'_>) {
    cx.reply.map(7);
    for (field, value) in
        [(b"server".as_slice(), b"redis".as_slice()), (b"version", CLAIMED_VERSION)]
    {
        cx.reply.bulk(field);
        cx.reply.bulk(value);
    }
    cx.reply.bulk(b"proto");
    cx.reply.int(match cx.me.proto {
        Proto::Resp2 => 2,
        Proto::Resp3 => 3,
    });
    cx.reply.bulk(b"id");
    cx.reply.int(cx.me.id().0 as i64);
    for (field, value) in [(b"mode".as_slice(), b"standalone".as_slice()), (b"role", b"master")] {
        cx.reply.bulk(field);
        cx.reply.bulk(value);
    }
    cx.reply.bulk(b"modules");
    cx.reply.array(0);
}

static PING: Command = Command {
    name: "ping",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Answers PONG, or the given string.",
    args: &[string("message").optional()],
    flags: FAST.and(WHILE_SUBSCRIBED),
    run: Run::Session(ping),
    ..Command::BASE
};

fn ping(cx: &mut SessionCx<'_>) -> Result<Next> {
    if cx.args.len() > 2 {
        return Err(Error::Arity("ping"));
    }
    if cx.me.only_listens() {
        cx.reply.array(2);
        cx.reply.bulk(b"pong");
        cx.reply.bulk(cx.args.find(1).unwrap_or(b""));
    } else {
        match cx.args.find(1) {
            Some(message) => cx.reply.bulk(message),
            None => cx.reply.simple("PONG"),
        }
    }
    Ok(Next::Done)
}

static QUIT: Command = Command {
    name: "quit",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Closes the connection.",
    deprecated: Some(("7.2.0", "just closing the connection")),
    // Real servers take any words behind it; COMMAND DOCS tells of none.
    args: &[string("ignored").optional().multiple()],
    flags: ANY_TIME.and(NOT_QUEUED).and(WHILE_SUBSCRIBED),
    run: Run::Session(quit),
    ..Command::BASE
};

fn quit(cx: &mut SessionCx<'_>) -> Result<Next> {
    cx.reply.ok();
    Ok(Next::Close)
}

static RESET: Command = Command {
    name: "reset",
    since: "6.2.0",
    group: Group::Connection,
    summary: "Makes the connection as it was when it began.",
    flags: ANY_TIME.and(NOT_QUEUED).and(WHILE_SUBSCRIBED),
    run: Run::Session(reset),
    ..Command::BASE
};

/// Everything but the connection's number and what its library calls itself.
fn reset(cx: &mut SessionCx<'_>) -> Result<Next> {
    let me = &mut *cx.me;
    me.end_transaction(cx.watch);
    cx.pubsub.forget(me.id().0);
    switch_off(cx);
    cx.garbage.drop_fieldsets(cx.me.fieldsets.take());
    let me = &mut *cx.me;
    (me.channels, me.patterns) = (0, 0);
    me.db = 0;
    if me.labels().is_some() {
        me.labels_mut().name = Box::default();
    }
    me.answers = Answers::On;
    (me.no_evict, me.no_touch) = (false, false);
    cx.sessions.end_monitor(me);
    me.authenticated = open_to_all(cx.config);
    me.stranger_since_us = cx.now.mono_us;
    me.proto = Proto::Resp2;
    cx.reply.set_proto(me.proto);
    cx.reply.simple("RESET");
    Ok(Next::Done)
}

static SELECT: Command = Command {
    name: "select",
    since: "1.0.0",
    group: Group::Connection,
    summary: "Chooses the database that the connection works on.",
    args: &[integer("index")],
    flags: LOADING.and(STALE).and(FAST),
    run: Run::Session(select),
    ..Command::BASE
};

fn select(cx: &mut SessionCx<'_>) -> Result<Next> {
    let number = parse_i64(cx.arg(1)).ok_or(Error::NotInteger)?;
    if i32::try_from(number).is_err() {
        return Err(Error::text(format!(
            "ERR value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )));
    }
    cx.me.db = usize::try_from(number)
        .ok()
        .filter(|&db| db < cx.keyspace.databases())
        .ok_or(Error::DbIndex)?;
    cx.reply.ok();
    Ok(Next::Done)
}

#[cfg(test)]
mod tests {
    use super::same_secret;

    #[test]
    fn secrets_are_compared_as_bytes() {
        assert!(same_secret(b"secret", b"secret"));
        assert!(same_secret(b"", b""));
        for wrong in [b"secreT".as_slice(), b"secre", b"secretsecret", b"", b"xecret"] {
            assert!(!same_secret(wrong, b"secret"));
            assert!(!same_secret(b"secret", wrong));
        }
    }
}
