//! A socket of any kind.
//!
//! Owns: the descriptor.   Uses: tokio, `base::sys`.   Never: bytes' meaning.

use crate::base::sys::socket;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Stream {
    /// TCP, IPv4 or IPv6.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

/// What was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// So many bytes; 0: the peer sends no more.
    pub bytes: usize,
    /// What the socket still holds.
    pub rest: Rest,
}

/// What a socket holds after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Perhaps more.
    Unknown,
    /// Nothing: the task is woken by the next arrival.
    Nothing,
}

/// A socket on its way to the thread that will serve it.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    /// Joins the socket to the current thread's reactor.
    ///
    /// # Errors
    /// The kernel's.
    pub fn join(self) -> io::Result<Stream> {
        match self {
            Socket::Tcp(socket) => TcpStream::from_std(socket).map(Stream::Tcp),
            Socket::Unix(socket) => UnixStream::from_std(socket).map(Stream::Unix),
        }
    }
}

impl Stream {
    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }

    /// Does something with the descriptor if tokio thinks that it is ready; `WouldBlock` says that it is not.
    #[inline]
    fn try_io<R>(&self, interest: Interest, act: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Stream::Tcp(stream) => stream.try_io(interest, act),
            Stream::Unix(stream) => stream.try_io(interest, act),
        }
    }

    /// Receives at most `most` bytes behind what `into` holds, within the room it has, or asks to be woken when
    /// there are some.
    ///
    /// # Errors
    /// The kernel's.
    #[inline]
    pub fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<Received>> {
        let most = most.min(into.capacity() - into.len());
        loop {
            match self.receive(into, most) {
                Some(Ok(0)) => return Poll::Ready(Ok(Received { bytes: 0, rest: Rest::Unknown })),
                Some(Ok(bytes)) if bytes == most => {
                    return Poll::Ready(Ok(Received { bytes, rest: Rest::Unknown }));
                }
                Some(Ok(bytes)) => {
                    let rest = match self.poll_readable(cx) {
                        Poll::Pending => Rest::Nothing,
                        // The next call tells what it is.
                        Poll::Ready(_) => Rest::Unknown,
                    };
                    return Poll::Ready(Ok(Received { bytes, rest }));
                }
                Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                Some(Err(_)) | None => match self.poll_readable(cx) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Receives if tokio thinks that there is something. A read that leaves room has emptied the socket: then
    /// tokio is told as if it had found nothing, and the next arrival is an event again.
    #[inline]
    fn receive(&self, into: &mut Vec<u8>, most: usize) -> Option<io::Result<usize>> {
        let mut received = None;
        let told = self.try_io(Interest::READABLE, || {
            let result = socket::receive(self.descriptor(), into, most);
            let more = matches!(result, Ok(bytes) if bytes == 0 || bytes == most);
            received = Some(result);
            if more { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        });
        // What the kernel said is known; tokio only repeats it.
        drop(told);
        received
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    /// Writes without waiting.
    ///
    /// # Errors
    /// `WouldBlock`, or the peer is gone.
    #[inline]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || socket::send(self.descriptor(), bytes))
    }

    /// Writes several pieces without waiting.
    ///
    /// # Errors
    /// `WouldBlock`, or the peer is gone.
    pub fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_write_vectored(pieces),
            Stream::Unix(stream) => stream.try_write_vectored(pieces),
        }
    }

    /// Tells the peer that nothing more will be sent.
    pub fn end_output(&self) {
        let result = match self {
            Stream::Tcp(stream) => {
                socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)
            }
            Stream::Unix(stream) => {
                socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write)
            }
        };
        // A peer that is gone already needs no telling.
        let _ = result;
    }

    /// Writes several pieces, or asks to be woken when it can.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }
}
