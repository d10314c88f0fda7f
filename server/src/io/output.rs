//! Replies that a socket did not take yet.
//!
//! Owns: what waits for one connection, in order.   Uses: resp, stream.   Never: limits (connection does).

use super::stream::Stream;
use crate::resp::reply::Reply;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// How many pieces one write takes.
const PIECES: usize = 16;
/// Bytes that are sent to one client before others have their turn.
const SEND_MOST: usize = 128 * 1024;
/// Replies join the one before them up to this size; beyond, what is sent can be freed piece by piece.
const JOIN_MOST: usize = 64 * 1024;

/// What waits to be sent.
#[derive(Debug, Default)]
pub struct Output {
    waiting: VecDeque<Box<Reply>>,
    /// Bytes of the first reply that are sent already.
    sent: usize,
    bytes: usize,
    /// Bytes of memory of the replies that wait, but for the last, which may still grow.
    held: usize,
}

impl Output {
    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that what waits takes. O(1).
    pub fn footprint(&self) -> usize {
        self.held + self.waiting.back().map_or(0, |last| last.footprint())
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends a reply if nothing waits before it, and keeps what the socket does not take. The reply is
    /// empty afterwards; its buffer stays with the caller when all was sent. Returns the bytes sent.
    ///
    /// # Errors
    /// The peer is gone.
    #[inline]
    pub fn write(&mut self, stream: &Stream, reply: &mut Reply) -> io::Result<usize> {
        if reply.is_empty() {
            return Ok(0);
        }
        let mut sent = 0;
        if self.waiting.is_empty() {
            sent = send(stream, reply)?;
            if sent == reply.len() {
                reply.clear();
                return Ok(sent);
            }
            self.sent = sent;
        }
        self.bytes += reply.len() - sent;
        self.keep(reply);
        Ok(sent)
    }

    /// Small replies join the last one that waits; others wait as they are.
    fn keep(&mut self, reply: &mut Reply) {
        if let Some(last) = self.waiting.back_mut()
            && last.len() + reply.len() <= JOIN_MOST
        {
            last.append(reply);
            return;
        }
        self.held = self.footprint();
        let fresh = Reply::new(reply.proto());
        self.waiting.push_back(Box::new(std::mem::replace(reply, fresh)));
    }

    /// Goes on sending, until the socket takes no more or others should have their turn; true: there is more,
    /// and the socket may take it. Returns the bytes sent as well.
    ///
    /// # Errors
    /// The peer is gone.
    pub fn flush(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> io::Result<(usize, bool)> {
        let mut total = 0;
        while let Some(first) = self.waiting.front() {
            if total >= SEND_MOST {
                return Ok((total, true));
            }
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = first.slices(self.sent, SEND_MOST, &mut pieces);
            match stream.poll_write_vectored(cx, &pieces[..count]) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(sent)) => {
                    total += sent;
                    self.bytes -= sent;
                    self.sent += sent;
                    if self.sent == first.len() {
                        let size = first.footprint();
                        self.waiting.pop_front();
                        // The last one was never counted.
                        self.held = if self.waiting.is_empty() { 0 } else { self.held - size };
                        self.sent = 0;
                    }
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        Ok((total, false))
    }
}

/// Sends as much of a reply as the socket takes, up to [`SEND_MOST`].
#[inline]
fn send(stream: &Stream, reply: &Reply) -> io::Result<usize> {
    if let Some(bytes) = reply.one_piece()
        && bytes.len() <= SEND_MOST
    {
        // Nearly every reply; what the socket does not take is sent when it can take more.
        return Ok(taken(stream.try_write(bytes))?.unwrap_or(0));
    }
    send_pieces(stream, reply)
}

/// Nothing if the socket takes nothing now.
fn taken(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(sent) => Ok(Some(sent)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn send_pieces(stream: &Stream, reply: &Reply) -> io::Result<usize> {
    let mut sent = 0;
    loop {
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let count = reply.slices(sent, SEND_MOST - sent, &mut pieces);
        let result = match count {
            0 => return Ok(sent),
            1 => stream.try_write(&pieces[0]),
            _ => stream.try_write_vectored(&pieces[..count]),
        };
        match taken(result)? {
            Some(more) => sent += more,
            None => return Ok(sent),
        }
        if sent >= reply.len().min(SEND_MOST) {
            return Ok(sent);
        }
    }
}
