//! One run of the program: connect, run commands, print replies.
//!
//! Owns: the connection, the prompt, whether anything failed.   Uses: arguments, words, output, the library.   Never: the wire.

use std::io::{BufRead, IsTerminal, Read, Write};

use lodestore::{Client, Command, Config, Error, PushStream, Reply};
use tokio::sync::mpsc;

use super::arguments::Options;
use super::output::Format;
use super::words;

/// Does what was asked for. Whether every command succeeded; an error is a sentence for the user.
pub(crate) async fn run(mut options: Options) -> Result<bool, String> {
    let terminal = std::io::stdout().is_terminal();
    let format = options.format.unwrap_or(if terminal { Format::Typed } else { Format::Raw });
    if options.last_from_stdin {
        let mut last = Vec::new();
        std::io::stdin().read_to_end(&mut last).map_err(|error| error.to_string())?;
        options.command.push(last);
    }
    let (client, pushes) = connect(&options.config).await?;
    let database = options.config.database;
    let mut session =
        Session { config: options.config, client, pushes, format, database, succeeded: true };
    if options.command.is_empty() {
        session.read_lines().await?;
    } else {
        session.repeat(&options.command, options.times, options.interval).await?;
    }
    Ok(session.succeeded)
}

async fn connect(config: &Config) -> Result<(Client, PushStream), String> {
    let opened = Client::open(config).await;
    opened.map_err(|error| format!("cannot connect to {}: {error}", config.address))
}

struct Session {
    config: Config,
    client: Client,
    pushes: PushStream,
    format: Format,
    /// The selected database, which the prompt shows.
    database: u32,
    succeeded: bool,
}

impl Session {
    async fn repeat(
        &mut self,
        words: &[Vec<u8>],
        times: Option<u64>,
        interval: std::time::Duration,
    ) -> Result<(), String> {
        let mut done = 0;
        while times.is_none_or(|times| done < times) {
            if done > 0 {
                tokio::time::sleep(interval).await;
            }
            self.command(words).await?;
            done += 1;
        }
        Ok(())
    }

    /// Runs commands line by line, until the input ends or a line says `quit`.
    async fn read_lines(&mut self) -> Result<(), String> {
        let prompting = std::io::stdin().is_terminal();
        let mut lines = lines_of_stdin();
        loop {
            if prompting {
                self.print_prompt()?;
            }
            let line = tokio::select! {
                line = lines.recv() => line,
                Some(push) = self.pushes.next() => {
                    self.print(&push)?;
                    continue;
                }
            };
            let Some(line) = line else { return Ok(()) };
            let Some(words) = words::split(&line) else {
                self.write(b"Invalid argument(s)\n")?;
                self.succeeded = false;
                continue;
            };
            match words.first() {
                None => continue,
                Some(word) if is_farewell(word) => return Ok(()),
                Some(_) => {}
            }
            if prompting && self.client.is_closed() {
                (self.client, self.pushes) = connect(&self.config).await?;
                self.database = self.config.database;
            }
            match self.command(&words).await {
                // Whoever sits at the prompt can try again; a script must not go on.
                Err(error) if prompting => self.write(format!("{error}\n").as_bytes())?,
                outcome => outcome?,
            }
        }
    }

    fn print_prompt(&self) -> Result<(), String> {
        match self.database {
            0 => self.write(format!("{}> ", self.config.address).as_bytes()),
            database => self.write(format!("{}[{database}]> ", self.config.address).as_bytes()),
        }
    }

    /// Runs one command and prints what comes back.
    async fn command(&mut self, words: &[Vec<u8>]) -> Result<(), String> {
        let Some((name, arguments)) = words.split_first() else { return Ok(()) };
        let listens = ["subscribe", "psubscribe", "ssubscribe", "monitor"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if listens && self.format == Format::Typed {
            self.write(b"Reading messages... (press Ctrl-C to quit)\n")?;
        }
        match self.client.call(Command::new(name).args(arguments)).await {
            Ok(reply) => {
                self.note_database(name, arguments);
                match reply {
                    Reply::Bulk(text) if self.format == Format::Typed && is_report(words) => {
                        self.print(&Reply::Simple(text))?;
                    }
                    reply => self.print_answer(&reply)?,
                }
                if listens {
                    return self.listen().await;
                }
            }
            Err(Error::Server { text, .. }) => {
                self.succeeded = false;
                self.print(&Reply::Error(text))?;
            }
            // Asked to, so it is no failure.
            Err(Error::Closed) if name.eq_ignore_ascii_case(b"shutdown") => {}
            Err(error) => return Err(error.to_string()),
        }
        while let Some(push) = self.pushes.try_next() {
            self.print(&push)?;
        }
        Ok(())
    }

    /// Prints messages until the connection ends.
    async fn listen(&mut self) -> Result<(), String> {
        while let Some(push) = self.pushes.next().await {
            self.print(&push)?;
        }
        Err(self.client.closed().await.to_string())
    }

    fn note_database(&mut self, name: &[u8], arguments: &[Vec<u8>]) {
        let number =
            arguments.first().and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        if let (true, Some(number)) = (name.eq_ignore_ascii_case(b"select"), number) {
            self.database = number;
        }
    }

    /// Prints a reply; the confirmations of a subscription one by one, as they were received.
    fn print_answer(&self, reply: &Reply) -> Result<(), String> {
        match reply {
            Reply::Array(items) if matches!(items.first(), Some(Reply::Push(_))) => {
                items.iter().try_for_each(|item| self.print(item))
            }
            reply => self.print(reply),
        }
    }

    fn print(&self, reply: &Reply) -> Result<(), String> {
        let mut text = self.format.print(reply);
        text.push(b'\n');
        self.write(&text)
    }

    /// Writes at once: messages must be seen when they come.
    fn write(&self, text: &[u8]) -> Result<(), String> {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(text).and_then(|()| out.flush());
        written.map_err(|error| format!("cannot write: {error}"))
    }
}

fn is_farewell(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"quit") || word.eq_ignore_ascii_case(b"exit")
}

/// Whether the answer is a text for people, which quotes would only spoil. Version 3 says so itself, by verbatim text.
fn is_report(words: &[Vec<u8>]) -> bool {
    const REPORTS: [&str; 10] = [
        "info",
        "lolwut",
        "client list",
        "client info",
        "cluster info",
        "cluster nodes",
        "memory doctor",
        "memory malloc-stats",
        "latency doctor",
        "latency graph",
    ];
    let words: Vec<_> = words.iter().take(2).map(|word| String::from_utf8_lossy(word)).collect();
    let both = words.join(" ").to_ascii_lowercase();
    let first = both.split(' ').next().unwrap_or_default();
    REPORTS.contains(&both.as_str()) || REPORTS.contains(&first)
}

/// The lines of standard input, read by a thread of their own so that pushes are printed while nobody types.
fn lines_of_stdin() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().split(b'\n') {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
