//! Several commands sent at once.
//!
//! Owns: the commands of a pipeline, how a transaction's replies are read.   Uses: command, reply, error.   Never: sockets.

use crate::command::{Command, Kind};
use crate::error::{Error, Result};
use crate::reply::Reply;

/// Commands that are sent together and whose replies come back together, in order. Nobody else's command comes in between on the
/// wire, but only [`Client::transaction`](crate::Client::transaction) keeps the server from running other clients' commands in between.
///
/// ```no_run
/// # async fn example(client: lodestore::Client) -> lodestore::Result<()> {
/// use lodestore::{Pipeline, cmd};
///
/// let replies = client
///     .run(Pipeline::new().add(cmd!["SET", "a", 1]).add(cmd!["INCR", "a"]))
///     .await?;
/// assert_eq!(replies[1].clone().to::<i64>()?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    pub(crate) bytes: Vec<u8>,
    pub(crate) commands: usize,
    /// The few commands whose replies come back in a special way, with their places. Almost always empty.
    pub(crate) special: Vec<(usize, Kind)>,
}

impl Pipeline {
    /// A pipeline without commands.
    pub fn new() -> Pipeline {
        Pipeline::default()
    }

    /// Adds a command.
    // Not the addition that `Add` stands for, and `pipeline.add(..).add(..)` reads best.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, command: Command) -> Pipeline {
        self.push(&command);
        self
    }

    /// Adds a command in place.
    pub fn push(&mut self, command: &Command) {
        command.encode(&mut self.bytes);
        match command.kind() {
            Kind::Plain => {}
            special @ (Kind::Subscribe { .. }
            | Kind::Unsubscribe { .. }
            | Kind::Hello { .. }
            | Kind::Reset
            | Kind::Monitor) => self.special.push((self.commands, special)),
        }
        self.commands += 1;
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.commands
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// The same commands between MULTI and EXEC.
    pub(crate) fn in_transaction(self) -> Pipeline {
        let mut whole = Pipeline::new().add(Command::new("MULTI"));
        whole.bytes.extend_from_slice(&self.bytes);
        whole.special = self.special.iter().map(|(place, kind)| (place + 1, *kind)).collect();
        whole.commands += self.commands;
        whole.add(Command::new("EXEC"))
    }
}

/// Reads the replies of MULTI, the queued commands and EXEC.
pub(crate) fn read_transaction(mut replies: Vec<Reply>) -> Result<Option<Vec<Reply>>> {
    let outcome = replies.pop().unwrap_or(Reply::Null);
    match outcome {
        Reply::Array(results) => Ok(Some(results)),
        Reply::Null => Ok(None),
        // EXEC only says that something was refused before; the refusal itself says what.
        Reply::Error(text) => {
            let refusal = replies.into_iter().find_map(|reply| reply.checked().err());
            Err(refusal.unwrap_or_else(|| Error::server(text)))
        }
        other => Err(Error::Protocol(format!("EXEC was answered with {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd;

    #[test]
    fn a_transaction_wraps_the_commands() {
        let whole = Pipeline::new().add(cmd!["SET", "a", 1]).add(cmd!["RESET"]).in_transaction();
        assert_eq!(whole.len(), 4);
        assert_eq!(whole.special, [(2, Kind::Reset)]);
        assert!(whole.bytes.starts_with(b"*1\r\n$5\r\nMULTI\r\n*3\r\n"));
        assert!(whole.bytes.ends_with(b"*1\r\n$4\r\nEXEC\r\n"));
    }

    #[test]
    fn the_refused_command_is_reported_and_not_exec() {
        let error = |text: &str| Reply::Error(text.to_owned());
        let replies = vec![error("ERR unknown command"), error("EXECABORT Transaction discarded")];
        assert_eq!(read_transaction(replies).expect_err("refused").code(), Some("ERR"));
        assert_eq!(read_transaction(vec![Reply::Null]).unwrap(), None);
        let results = Reply::Array(vec![Reply::Int(1)]);
        assert_eq!(read_transaction(vec![results]).unwrap(), Some(vec![Reply::Int(1)]));
    }
}
