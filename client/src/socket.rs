//! One connected socket, TCP or Unix.
//!
//! Owns: the socket.   Uses: config.   Never: the protocol.

use std::io::{Error, ErrorKind, Result};

use bytes::BytesMut;
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

use crate::config::Address;

/// A socket that is read and written without waiting, once it says that it is ready.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Connects, trying all addresses a name has.
    pub(crate) async fn connect(address: &Address) -> Result<Socket> {
        match address {
            Address::Tcp { host, port } => {
                let socket = TcpStream::connect((host.as_str(), *port)).await?;
                // Requests are already gathered into few writes; waiting for more would only delay them.
                socket.set_nodelay(true)?;
                Ok(Socket::Tcp(socket))
            }
            Address::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path).await?)),
        }
    }

    /// Waits until one of the wanted operations would do something. Cancel-safe.
    pub(crate) async fn ready(&self, interest: Interest) -> Result<Ready> {
        match self {
            Socket::Tcp(socket) => socket.ready(interest).await,
            Socket::Unix(socket) => socket.ready(interest).await,
        }
    }

    /// Appends what has arrived to the spare room of a buffer. `Ok(0)` is the end of the stream; `WouldBlock` means nothing yet.
    pub(crate) fn try_read(&self, into: &mut BytesMut) -> Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_read_buf(into),
            Socket::Unix(socket) => socket.try_read_buf(into),
        }
    }

    /// Writes what fits. `WouldBlock` means nothing does.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> Result<usize> {
        let written = match self {
            Socket::Tcp(socket) => socket.try_write(bytes),
            Socket::Unix(socket) => socket.try_write(bytes),
        }?;
        if written == 0 && !bytes.is_empty() {
            return Err(Error::from(ErrorKind::WriteZero));
        }
        Ok(written)
    }
}
