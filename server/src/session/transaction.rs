//! What MULTI queues.
//!
//! Owns: the queued commands of one connection.   Uses: resp.   Never: runs them (the engine does).

use crate::resp::args::OwnedRequest;

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The commands in order: the row's number and the request.
    pub queue: Vec<Queued>,
    /// A command was refused while queueing: EXEC will answer EXECABORT.
    pub refused: bool,
}

/// One queued command.
#[derive(Debug)]
pub struct Queued {
    /// The number of the command's row.
    pub row: u16,
    /// The request, copied.
    pub request: OwnedRequest,
}
