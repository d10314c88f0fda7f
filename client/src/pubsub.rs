//! What the server sends unasked: a stream of pushes, and a subscriber on top of it.
//!
//! Owns: the bounded queue of pushes, messages.   Uses: client, command, reply.   Never: sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::command::{Argument, Command};
use crate::config::Config;
use crate::convert::FromReply;
use crate::error::{Error, Result};
use crate::reply::Reply;

/// The queue between a connection and whoever reads its pushes.
pub(crate) fn queue(capacity: usize) -> (PushSender, PushStream) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let lost = Arc::new(AtomicU64::new(0));
    (PushSender { sender, lost: lost.clone() }, PushStream { receiver, lost })
}

/// The connection's end of the queue.
pub(crate) struct PushSender {
    sender: mpsc::Sender<Reply>,
    lost: Arc<AtomicU64>,
}

impl PushSender {
    /// Hands a push over, or drops it: with nobody listening silently, with a full queue counted. Waiting here would stop the
    /// replies behind the push, and with them the reader of the pushes if it waits for a reply: a dead lock.
    pub(crate) fn offer(&self, push: Reply) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(push) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Everything a connection receives without having asked: messages of subscriptions, invalidations of
/// client-side caches, lines of `MONITOR`.
///
/// The queue is bounded ([`Config::pushes`](crate::Config::pushes)). When it is full **what arrives is dropped and counted** in
/// [`lost`](PushStream::lost); replies are never held up by pushes. Who keeps a cache must empty it when the count changes.
/// Dropping the stream drops all further pushes.
#[derive(Debug)]
pub struct PushStream {
    receiver: mpsc::Receiver<Reply>,
    lost: Arc<AtomicU64>,
}

impl PushStream {
    /// Waits for the next push. None when the connection has ended and all has been read. Cancel-safe.
    ///
    /// Version 3 and version 2 look the same here: a [`Reply::Push`] whose first element names it. Lines of `MONITOR` are
    /// [`Reply::Simple`].
    pub async fn next(&mut self) -> Option<Reply> {
        self.receiver.recv().await
    }

    /// The next push if it has arrived already.
    pub fn try_next(&mut self) -> Option<Reply> {
        self.receiver.try_recv().ok()
    }

    /// How many pushes were dropped so far because the queue was full.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// One published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The pattern that matched, for a subscription by pattern.
    pub pattern: Option<Bytes>,
    /// The channel it was published on.
    pub channel: Bytes,
    /// What was published.
    pub payload: Bytes,
}

impl Message {
    /// Reads a push; None when it is not a message.
    pub fn from_push(push: &Reply) -> Option<Message> {
        let Reply::Push(items) = push else { return None };
        let text = |place: usize| items.get(place)?.as_bytes().cloned();
        match text(0)?.as_ref() {
            b"message" | b"smessage" => {
                Some(Message { pattern: None, channel: text(1)?, payload: text(2)? })
            }
            b"pmessage" => {
                Some(Message { pattern: Some(text(1)?), channel: text(2)?, payload: text(3)? })
            }
            _ => None,
        }
    }
}

/// A connection that listens.
///
/// ```no_run
/// # async fn example() -> lodestore::Result<()> {
/// use lodestore::Subscriber;
///
/// let mut news = Subscriber::connect("redis://127.0.0.1").await?;
/// news.subscribe(["weather", "sports"]).await?;
/// loop {
///     let message = news.next().await?;
///     println!("{:?}: {:?}", message.channel, message.payload);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Subscriber {
    client: Client,
    pushes: PushStream,
}

impl Subscriber {
    /// Opens a connection of its own for listening.
    pub async fn connect(url: &str) -> Result<Subscriber> {
        let (client, pushes) = Client::open(&url.parse::<Config>()?).await?;
        Ok(Subscriber::new(client, pushes))
    }

    /// Listens on an open connection. On version 3 the client can be used for other commands too.
    pub fn new(client: Client, pushes: PushStream) -> Subscriber {
        Subscriber { client, pushes }
    }

    /// Subscribes to channels and waits for the confirmation. Returns how many subscriptions the connection now has.
    pub async fn subscribe<I>(&self, channels: I) -> Result<u64>
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        self.change("SUBSCRIBE", channels).await
    }

    /// Subscribes to all channels that match one of the patterns.
    pub async fn psubscribe<I>(&self, patterns: I) -> Result<u64>
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        self.change("PSUBSCRIBE", patterns).await
    }

    /// Ends subscriptions to channels; to all of them if none is named.
    pub async fn unsubscribe<I>(&self, channels: I) -> Result<u64>
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        self.change("UNSUBSCRIBE", channels).await
    }

    /// Ends subscriptions by pattern; all of them if none is named.
    pub async fn punsubscribe<I>(&self, patterns: I) -> Result<u64>
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        self.change("PUNSUBSCRIBE", patterns).await
    }

    async fn change<I>(&self, name: &'static str, channels: I) -> Result<u64>
    where
        I: IntoIterator,
        I::Item: Argument,
    {
        let confirmations = self.client.call(Command::new(name).args(channels)).await?;
        let Reply::Array(mut confirmations) = confirmations else {
            return Err(Error::Protocol(format!("{name} was not confirmed")));
        };
        let last = confirmations.pop().unwrap_or(Reply::Null);
        let (_, _, count) = <(Reply, Reply, u64)>::from_reply(last)?;
        Ok(count)
    }

    /// Waits for the next message; pushes that are no messages are skipped. Cancel-safe.
    ///
    /// # Errors
    /// Why the connection ended, once all messages received before have been read.
    pub async fn next(&mut self) -> Result<Message> {
        while let Some(push) = self.pushes.next().await {
            if let Some(message) = Message::from_push(&push) {
                return Ok(message);
            }
        }
        Err(self.client.closed().await)
    }

    /// How many messages were dropped because this subscriber was too slow.
    pub fn lost(&self) -> u64 {
        self.pushes.lost()
    }

    /// The connection, for other commands.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(words: &[&'static str]) -> Reply {
        Reply::Push(
            words.iter().map(|word| Reply::Bulk(Bytes::from_static(word.as_bytes()))).collect(),
        )
    }

    #[test]
    fn messages_are_told_from_other_pushes() {
        let message = Message::from_push(&push(&["message", "c", "hi"])).unwrap();
        assert_eq!((message.pattern, message.channel), (None, Bytes::from_static(b"c")));
        let message = Message::from_push(&push(&["pmessage", "p*", "pc", "hi"])).unwrap();
        assert_eq!(message.pattern.as_deref(), Some(&b"p*"[..]));
        assert_eq!(Message::from_push(&push(&["message", "c"])), None);
        assert_eq!(Message::from_push(&push(&["invalidate"])), None);
        assert_eq!(Message::from_push(&Reply::Null), None);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (sender, mut stream) = queue(2);
        for _ in 0..5 {
            sender.offer(push(&["x"]));
        }
        assert_eq!(stream.lost(), 3);
        assert!(stream.try_next().is_some() && stream.try_next().is_some());
        assert!(stream.try_next().is_none());
    }
}
