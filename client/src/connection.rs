//! The task that drives one connection: requests in, replies out, in order.
//!
//! Owns: the socket, both buffers, the callers that wait.   Uses: socket, codec, route, pubsub (the queue of pushes).
//! Never: retries, connects again, waits for a slow reader of pushes.
//!
//! ```text
//!   callers ==[inbox, bounded]==> output ==> socket ==> input ==> decoder ==> router ==> the oldest caller
//!                                    waiting (bounded by replies) ---------^        \==> pushes
//! ```
//! Requests are taken while fewer than `in_flight` replies are outstanding and less than 1 MiB is unwritten; otherwise they stay in
//! the inbox, and callers behind a full inbox wait. Reading never stops, so two full socket buffers cannot block each other.

use std::collections::VecDeque;
use std::io::ErrorKind;

use bytes::BytesMut;
use tokio::io::Interest;
use tokio::sync::{mpsc, oneshot, watch};

use crate::codec::Decoder;
use crate::command::Kind;
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::pubsub::PushSender;
use crate::reply::Reply;
use crate::route::{Route, Router};
use crate::socket::Socket;

/// With more than this unwritten, no further request is taken.
const MAX_UNWRITTEN: usize = 1 << 20;

/// How much room a read has.
const READ_ROOM: usize = 64 * 1024;

/// Less room than this and the next buffer is begun.
const MIN_READ_ROOM: usize = 4 * 1024;

/// After this many reads in a row other tasks get a turn.
const READS_PER_TURN: usize = 16;

/// Requests at least this long are sent from where they are, if nothing is before them.
const UNCOPIED: usize = 64 * 1024;

/// Commands on their way to the server, and who waits for the replies.
pub(crate) struct Request {
    pub(crate) commands: Pipeline,
    pub(crate) answer: oneshot::Sender<Result<Vec<Reply>>>,
}

/// A request that has been taken, and its replies so far.
struct Waiting {
    commands: usize,
    special: std::iter::Peekable<std::vec::IntoIter<(usize, Kind)>>,
    replies: Vec<Reply>,
    confirmations: Vec<Reply>,
    answer: oneshot::Sender<Result<Vec<Reply>>>,
}

impl Waiting {
    /// How the next reply comes back.
    fn kind(&mut self) -> Kind {
        let place = self.replies.len();
        self.special
            .peek()
            .filter(|special| special.0 == place)
            .map_or(Kind::Plain, |special| special.1)
    }

    /// Takes the next command's answer. Whether it was the last.
    fn take(&mut self, reply: Reply) -> bool {
        self.special.next_if(|special| special.0 == self.replies.len());
        self.replies.push(reply);
        self.replies.len() == self.commands
    }
}

/// Bytes to write, and how many of them have been.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    written: usize,
}

impl Output {
    fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    fn add(&mut self, bytes: Vec<u8>) {
        if self.bytes.is_empty() && bytes.len() >= UNCOPIED {
            self.bytes = bytes;
        } else {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            self.written = 0;
            self.bytes.clear();
            self.bytes.shrink_to(MAX_UNWRITTEN);
        }
    }
}

/// One connection.
pub(crate) struct Connection {
    socket: Socket,
    inbox: mpsc::Receiver<Request>,
    inbox_open: bool,
    output: Output,
    input: BytesMut,
    decoder: Decoder,
    router: Router,
    pushes: PushSender,
    waiting: VecDeque<Waiting>,
    outstanding: usize,
    in_flight: usize,
}

impl Connection {
    /// A connection that has sent nothing yet.
    pub(crate) fn new(
        socket: Socket,
        inbox: mpsc::Receiver<Request>,
        pushes: PushSender,
        in_flight: usize,
    ) -> Connection {
        Connection {
            socket,
            inbox,
            inbox_open: true,
            output: Output::default(),
            input: BytesMut::new(),
            decoder: Decoder::default(),
            router: Router::default(),
            pushes,
            waiting: VecDeque::new(),
            outstanding: 0,
            in_flight: in_flight.max(1),
        }
    }

    /// Runs until the last client is gone and has its replies, or until something breaks. Then tells everybody why.
    pub(crate) async fn run(mut self, ended: watch::Sender<Option<Error>>) {
        let reason = self.drive().await.err().unwrap_or(Error::Closed);
        // First, so that nobody who is told below finds the connection still open.
        ended.send_replace(Some(reason.clone()));
        self.inbox.close();
        // A caller that has gone away is not to be told.
        for waiting in self.waiting.drain(..) {
            let _ = waiting.answer.send(Err(reason.clone()));
        }
        while let Some(request) = self.inbox.recv().await {
            let _ = request.answer.send(Err(reason.clone()));
        }
    }

    async fn drive(&mut self) -> Result<()> {
        loop {
            self.take_requests();
            if let Err(error) = self.write() {
                // Servers say why before they hang up; a failed write must not hide it.
                self.read()?;
                return Err(error);
            }
            if !self.inbox_open && self.waiting.is_empty() && self.output.unwritten().is_empty() {
                return Ok(());
            }
            let interest = match self.output.unwritten() {
                [] => Interest::READABLE,
                _ => Interest::READABLE | Interest::WRITABLE,
            };
            tokio::select! {
                ready = self.socket.ready(interest) => {
                    let ready = ready?;
                    if ready.is_readable() || ready.is_read_closed() {
                        self.read()?;
                    }
                }
                request = self.inbox.recv(), if self.inbox_open && self.has_room() => match request {
                    Some(request) => self.take(request),
                    None => self.inbox_open = false,
                },
            }
        }
    }

    fn has_room(&self) -> bool {
        self.outstanding < self.in_flight && self.output.unwritten().len() < MAX_UNWRITTEN
    }

    /// Takes what waits in the inbox, so that it goes out in one write.
    fn take_requests(&mut self) {
        while self.has_room() {
            match self.inbox.try_recv() {
                Ok(request) => self.take(request),
                Err(mpsc::error::TryRecvError::Empty) => return,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    self.inbox_open = false;
                    return;
                }
            }
        }
    }

    fn take(&mut self, request: Request) {
        let Pipeline { bytes, commands, special } = request.commands;
        self.output.add(bytes);
        self.outstanding += commands;
        self.waiting.push_back(Waiting {
            commands,
            special: special.into_iter().peekable(),
            replies: Vec::with_capacity(commands),
            confirmations: Vec::new(),
            answer: request.answer,
        });
    }

    fn write(&mut self) -> Result<()> {
        while !self.output.unwritten().is_empty() {
            match self.socket.try_write(self.output.unwritten()) {
                Ok(count) => self.output.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        for _ in 0..READS_PER_TURN {
            if self.input.capacity() - self.input.len() < MIN_READ_ROOM {
                // Doubling keeps a large reply linear; what is reserved has at least half arrived.
                self.input.reserve(READ_ROOM.max(self.input.len()));
            }
            match self.socket.try_read(&mut self.input) {
                Ok(0) => return Err(Error::Closed),
                Ok(_) => self.deliver()?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives every whole reply in the buffer to whom it belongs.
    fn deliver(&mut self) -> Result<()> {
        while let Some(reply) = self.decoder.decode(&mut self.input)? {
            let oldest = self.waiting.front_mut();
            let confirmed = oldest.as_ref().map_or(0, |oldest| oldest.confirmations.len());
            let kind = oldest.map(Waiting::kind);
            match self.router.route(reply, kind, confirmed) {
                Route::Push(push) => self.pushes.offer(push),
                Route::Confirmation(reply) => self.oldest()?.confirmations.push(reply),
                Route::LastConfirmation(reply) => {
                    let oldest = self.oldest()?;
                    oldest.confirmations.push(reply);
                    let confirmations = std::mem::take(&mut oldest.confirmations);
                    self.answer(Reply::Array(confirmations))?;
                }
                Route::Answer(reply) => self.answer(reply)?,
            }
        }
        Ok(())
    }

    fn oldest(&mut self) -> Result<&mut Waiting> {
        let unasked = || Error::Protocol("a reply that nobody asked for".to_owned());
        self.waiting.front_mut().ok_or_else(unasked)
    }

    fn answer(&mut self, reply: Reply) -> Result<()> {
        if let (true, Reply::Error(text)) = (self.waiting.is_empty(), &reply) {
            // Servers say why they hang up, as in "max number of clients reached".
            return Err(Error::server(text.clone()));
        }
        let done = self.oldest()?.take(reply);
        self.outstanding -= 1;
        if done && let Some(done) = self.waiting.pop_front() {
            // A caller that has gone away does not want its replies.
            let _ = done.answer.send(Ok(done.replies));
        }
        Ok(())
    }
}
