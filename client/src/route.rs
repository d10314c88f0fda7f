//! Tells replies from pushes, in both protocols.
//!
//! Owns: what this connection is subscribed to.   Uses: command (kinds), reply.   Never: sockets, waiting callers.
//!
//! Version 3 marks pushes, but confirms a subscription by pushes too: one for each channel, and no reply. Version 2 marks nothing: a
//! message is an array that begins with a certain word, and is one only while there are subscriptions.

use std::collections::HashSet;

use bytes::Bytes;

use crate::command::{Kind, Topic};
use crate::reply::Reply;

/// Where a reply belongs.
#[derive(Debug, PartialEq)]
pub(crate) enum Route {
    /// It was not asked for.
    Push(Reply),
    /// It is one of several confirmations, and more will come.
    Confirmation(Reply),
    /// It is the last of the confirmations.
    LastConfirmation(Reply),
    /// It answers the oldest command.
    Answer(Reply),
}

/// What must be remembered to route.
#[derive(Default)]
pub(crate) struct Router {
    resp3: bool,
    monitoring: bool,
    /// By topic. As long as the list of what the caller subscribed to.
    subscribed: [HashSet<Bytes>; 3],
}

impl Router {
    /// Routes one reply. `oldest` is the oldest command without its answer, and `confirmed` how many confirmations it had so far.
    pub(crate) fn route(&mut self, reply: Reply, oldest: Option<Kind>, confirmed: usize) -> Route {
        match reply {
            Reply::Push(items) => self.route_push(items, oldest, confirmed),
            Reply::Array(items) if self.looks_pushed(&items, oldest) => {
                self.route_push(items, oldest, confirmed)
            }
            Reply::Simple(line)
                if self.monitoring && line.first().is_some_and(u8::is_ascii_digit) =>
            {
                Route::Push(Reply::Simple(line))
            }
            reply => {
                self.note_answer(&reply, oldest);
                Route::Answer(reply)
            }
        }
    }

    /// Whether an array of version 2 is a push in disguise.
    fn looks_pushed(&self, items: &[Reply], oldest: Option<Kind>) -> bool {
        let Some(word) = items.first().and_then(Reply::as_bytes) else { return false };
        if self.resp3 || !(3..=4).contains(&items.len()) {
            return false;
        }
        let confirms = match oldest {
            Some(Kind::Subscribe { topic, .. }) => word == topic.subscribe(),
            Some(Kind::Unsubscribe { topic, .. }) => word == topic.unsubscribe(),
            Some(Kind::Plain | Kind::Hello { .. } | Kind::Reset | Kind::Monitor) | None => false,
        };
        // While subscribed, a connection of version 2 can run no command with such a reply.
        let listening = self.subscribed.iter().any(|channels| !channels.is_empty());
        let pushed = matches!(
            word.as_ref(),
            b"message"
                | b"pmessage"
                | b"smessage"
                | b"unsubscribe"
                | b"punsubscribe"
                | b"sunsubscribe"
        );
        confirms || (listening && pushed)
    }

    fn route_push(&mut self, items: Vec<Reply>, oldest: Option<Kind>, confirmed: usize) -> Route {
        let word = items.first().and_then(Reply::as_bytes).cloned().unwrap_or_default();
        let channel = items.get(1).and_then(Reply::as_bytes).cloned();
        for topic in Topic::ALL {
            let channels = &mut self.subscribed[topic as usize];
            if word == topic.subscribe() {
                channels.extend(channel.map(unshared));
                break;
            }
            if word == topic.unsubscribe() {
                channel.map(|channel| channels.remove(&channel));
                break;
            }
        }
        let last = match oldest {
            Some(Kind::Subscribe { topic, channels }) if word == topic.subscribe() => {
                confirmed + 1 >= channels
            }
            Some(Kind::Unsubscribe { topic, channels: 0 }) if word == topic.unsubscribe() => {
                self.subscribed[topic as usize].is_empty()
            }
            Some(Kind::Unsubscribe { topic, channels }) if word == topic.unsubscribe() => {
                confirmed + 1 >= channels
            }
            Some(
                Kind::Plain
                | Kind::Subscribe { .. }
                | Kind::Unsubscribe { .. }
                | Kind::Hello { .. }
                | Kind::Reset
                | Kind::Monitor,
            )
            | None => return Route::Push(Reply::Push(items)),
        };
        let confirmation = Reply::Push(items);
        if last { Route::LastConfirmation(confirmation) } else { Route::Confirmation(confirmation) }
    }

    fn note_answer(&mut self, answer: &Reply, oldest: Option<Kind>) {
        if matches!(answer, Reply::Error(_)) {
            return;
        }
        match oldest {
            Some(Kind::Hello { resp3: Some(resp3) }) => self.resp3 = resp3,
            Some(Kind::Reset) => *self = Router::default(),
            Some(Kind::Monitor) => self.monitoring = true,
            Some(
                Kind::Plain
                | Kind::Subscribe { .. }
                | Kind::Unsubscribe { .. }
                | Kind::Hello { resp3: None },
            )
            | None => {}
        }
    }
}

/// A copy that does not keep the whole receive buffer alive as long as the subscription.
fn unshared(channel: Bytes) -> Bytes {
    Bytes::copy_from_slice(&channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Option<Kind> = Some(Kind::Subscribe { topic: Topic::Channel, channels: 2 });
    const ALL: Option<Kind> = Some(Kind::Unsubscribe { topic: Topic::Channel, channels: 0 });

    fn items(words: &[&'static str]) -> Vec<Reply> {
        words.iter().map(|word| Reply::Bulk(Bytes::from_static(word.as_bytes()))).collect()
    }

    fn routed(route: Route) -> &'static str {
        match route {
            Route::Push(_) => "push",
            Route::Confirmation(_) => "confirmation",
            Route::LastConfirmation(_) => "last",
            Route::Answer(_) => "answer",
        }
    }

    /// A session in both protocols, which must be routed alike.
    fn session(router: &mut Router, wrap: fn(Vec<Reply>) -> Reply) {
        let mut route = |words: &[&'static str], oldest, confirmed| {
            routed(router.route(wrap(items(words)), oldest, confirmed))
        };
        assert_eq!(route(&["subscribe", "a", "1"], TWO, 0), "confirmation");
        assert_eq!(route(&["message", "a", "between"], TWO, 1), "push");
        assert_eq!(route(&["subscribe", "b", "2"], TWO, 1), "last");
        assert_eq!(route(&["message", "a", "x"], None, 0), "push");
        assert_eq!(route(&["unsubscribe", "b", "1"], ALL, 0), "confirmation");
        assert_eq!(route(&["unsubscribe", "a", "0"], ALL, 1), "last");
        // Without subscriptions the server confirms once, with no channel.
        assert_eq!(route(&["unsubscribe", "", "0"], ALL, 0), "last");
    }

    #[test]
    fn subscriptions_look_the_same_in_both_protocols() {
        session(&mut Router::default(), Reply::Array);
        session(&mut Router { resp3: true, ..Router::default() }, Reply::Push);
    }

    #[test]
    fn an_array_that_only_looks_like_a_message_is_an_answer() {
        let message = || Reply::Array(items(&["message", "a", "b"]));
        let mut router = Router::default();
        assert_eq!(routed(router.route(message(), Some(Kind::Plain), 0)), "answer");
        let mut router = Router { resp3: true, ..Router::default() };
        router.route(Reply::Push(items(&["subscribe", "a", "1"])), TWO, 0);
        assert_eq!(routed(router.route(message(), Some(Kind::Plain), 0)), "answer");
    }

    #[test]
    fn a_refused_subscription_is_an_answer() {
        let refusal = Reply::Error("NOPERM".to_owned());
        assert_eq!(routed(Router::default().route(refusal, TWO, 0)), "answer");
    }

    #[test]
    fn lines_of_monitor_are_pushes() {
        let line = |text: &'static str| Reply::Simple(Bytes::from_static(text.as_bytes()));
        let mut router = Router::default();
        assert_eq!(routed(router.route(line("OK"), Some(Kind::Monitor), 0)), "answer");
        assert_eq!(routed(router.route(line("1700000000.1 [0 x] \"get\""), None, 0)), "push");
        assert_eq!(routed(router.route(line("RESET"), Some(Kind::Reset), 0)), "answer");
        assert_eq!(routed(router.route(line("1"), Some(Kind::Plain), 0)), "answer");
    }
}
