//! Clients that never pause: what a fair server must not let get in the way of the others.
//!
//! Owns: their connections and threads.   Uses: nothing.   Never: waiting for a reply before it sends on.

use crate::{Failure, Outcome};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// What one member of the crowd sends again and again.
#[derive(Clone, Debug)]
pub struct Burst {
    /// Complete requests.
    pub bytes: Arc<[u8]>,
    /// Bytes of one reply.
    pub reply_len: u64,
}

/// Connections that send as fast as the server takes it; each has a thread that sends and one that reads.
#[derive(Debug)]
pub struct Crowd {
    shared: Arc<Shared>,
    streams: Vec<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// A member's connection broke before it was told to stop.
    broken: AtomicBool,
    replies: AtomicU64,
}

impl Crowd {
    /// Opens one connection for each burst and starts sending.
    pub fn start(address: SocketAddr, bursts: &[Burst]) -> Outcome<Crowd> {
        let mut crowd = Crowd { shared: Arc::default(), streams: Vec::new(), threads: Vec::new() };
        for burst in bursts {
            let stream = TcpStream::connect(address)?;
            let (sender, reader) = (stream.try_clone()?, stream.try_clone()?);
            crowd.streams.push(stream);
            let (bytes, shared) = (Arc::clone(&burst.bytes), Arc::clone(&crowd.shared));
            crowd.threads.push(std::thread::spawn(move || shared.send(sender, &bytes)));
            let (reply_len, shared) = (burst.reply_len, Arc::clone(&crowd.shared));
            crowd.threads.push(std::thread::spawn(move || shared.count(reader, reply_len)));
        }
        Ok(crowd)
    }

    /// Requests answered so far.
    pub fn replies(&self) -> u64 {
        self.shared.replies.load(Ordering::Relaxed)
    }

    /// Ends all connections, in the middle of a request. Fails if the server had ended one before.
    pub fn stop(mut self) -> Outcome<()> {
        self.end();
        if self.shared.broken.load(Ordering::Relaxed) {
            return Err(Failure::from("the server closed the connection of a busy client"));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for stream in self.streams.drain(..) {
            // Fails only when the server was first; the threads have noticed that.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn send(&self, mut stream: TcpStream, bytes: &[u8]) {
        while stream.write_all(bytes).is_ok() {}
        self.note_end();
    }

    fn count(&self, mut stream: TcpStream, reply_len: u64) {
        let mut buffer = vec![0; 256 << 10];
        let (mut received, mut counted) = (0, 0);
        while let Ok(got @ 1..) = stream.read(&mut buffer) {
            received += got as u64;
            let replies = received / reply_len;
            self.replies.fetch_add(replies - counted, Ordering::Relaxed);
            counted = replies;
        }
        self.note_end();
    }

    fn note_end(&self) {
        if !self.stopping.load(Ordering::Relaxed) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}
