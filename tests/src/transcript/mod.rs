//! Transcripts: sessions that a user could have typed, with the answers.
//!
//! Owns: the format.   Uses: text, client::Proto.   Never: a socket (`play` has those).
//!
//! ```text
//! # A comment. A title stands at the beginning of a line, its session below it, indented by two.
//! incr is told to listeners             @needs notify-keyspace-events=KE$
//!   a> SUBSCRIBE __keyevent@0__:incrby
//!   a< ["subscribe", "__keyevent@0__:incrby", 1]
//!   > INCR n
//!   :1
//!   a< ["message", "__keyevent@0__:incrby", "n"]
//! ```
//!
//! Lines of a session
//!   `> WORDS`, `a> WORDS`   the (named) client sends a command; words are quoted as in redis-cli,
//!                           `${name}` is what `<... name>` caught, `(20 x ab)` is ab 20 times
//!   `EXPECTED`, `a< ...`    the next reply of the client that spoke last, or of the named one
//!   `resp2: ...` `resp3: ...` what is expected when the protocols differ in more than form
//!   `nothing`, `closed`     no reply comes; the server closes the connection
//!   `eventually EXPECTED`   the command is repeated until it answers this
//!   `wait 20ms`, `close a`  lets time pass; drops a client
//!   `# ...`                 a comment
//!
//! Directives after the title
//!   `@needs name=value ...` CONFIG SET before the session, undone after it
//!   `@start name=value ...` a server of its own with these settings
//!   `@resp2`, `@resp3`      only that protocol; with `@resp2` nothing is sent before the session
//!   `@ours REASON`          only Lodestore answers so
//!   `@theirs REASON`        only Redis answers so (a difference we chose, written down)
//!   `@since 7.2`, `@before 8.0`  Redis answers so from, or up to, that version; Lodestore always
//!   `@debug`                needs the DEBUG command
//!
//! How replies are written: see `pattern`.

pub mod pattern;
pub mod play;
pub mod update;

use crate::client::Proto;
use crate::text::words;
use pattern::Pattern;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file of sessions.
#[derive(Debug)]
pub struct Transcript {
    /// Where it lies.
    pub path: PathBuf,
    /// Its lines, as they stand.
    pub lines: Vec<String>,
    /// Its sessions, in order.
    pub sessions: Vec<Session>,
}

/// One title and what stands below it.
#[derive(Debug, Default)]
pub struct Session {
    /// What the session shows.
    pub title: String,
    /// The title's line, counted from 0.
    pub line: usize,
    /// What the title demands.
    pub directives: Directives,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// The words with an `@` after a title.
#[derive(Debug, Default)]
pub struct Directives {
    /// Settings for CONFIG SET.
    pub needs: Vec<(String, String)>,
    /// Settings for a server of its own.
    pub start: Vec<(String, String)>,
    /// The only protocol it is played in.
    pub proto: Option<Proto>,
    /// Only Lodestore answers so.
    pub ours: bool,
    /// Only Redis answers so.
    pub theirs: bool,
    /// The first version of Redis that answers so.
    pub since: Option<Version>,
    /// The first version of Redis that no longer answers so.
    pub before: Option<Version>,
    /// DEBUG must be allowed.
    pub debug: bool,
}

/// A version of Redis: major and minor.
pub type Version = (u32, u32);

/// A line of a session, or two when the protocols differ.
#[derive(Debug)]
pub struct Step {
    /// The (first) line, counted from 0.
    pub line: usize,
    /// The client: its name, empty for the one without.
    pub who: String,
    /// What it does.
    pub act: Act,
}

/// What a line of a session says.
#[derive(Debug)]
pub enum Act {
    /// Send a command.
    Send(Vec<Vec<u8>>),
    /// Read a reply.
    Expect(Expectation),
    /// Repeat the last command until it answers this.
    Eventually(Pattern),
    /// Let time pass.
    Wait(Duration),
    /// Drop the client.
    Close,
}

/// The expected reply in each protocol; `None` where none is expected.
#[derive(Debug, Default)]
pub struct Expectation {
    /// In RESP2.
    pub resp2: Option<Pattern>,
    /// In RESP3.
    pub resp3: Option<Pattern>,
    /// How many lines of the file it takes.
    pub lines: usize,
}

impl Expectation {
    /// The expected reply in `proto`.
    pub fn of(&self, proto: Proto) -> Option<&Pattern> {
        match proto {
            Proto::Resp2 => self.resp2.as_ref(),
            Proto::Resp3 => self.resp3.as_ref(),
        }
    }
}

/// Reads every transcript below `folder`, in the order of their paths.
pub fn load(folder: &Path) -> Result<Vec<Transcript>, String> {
    let mut paths = Vec::new();
    collect(folder, &mut paths);
    paths.sort();
    paths.into_iter().map(|path| Transcript::read(&path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
}

impl Transcript {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Transcript, String> {
        let text = fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
        Transcript::parse(path, &text)
    }

    /// Reads `text` as the content of `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Transcript, String> {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        let mut sessions: Vec<Session> = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let fail = |why: String| format!("{}:{}: {why}", path.display(), number + 1);
            let content = line.trim();
            if content.is_empty() || content.starts_with("# ") || content == "#" {
                continue;
            }
            if !line.starts_with(' ') {
                sessions.push(title(content, number).map_err(fail)?);
                continue;
            }
            let session = sessions.last_mut().ok_or_else(|| fail("no title above".into()))?;
            session.add(content, number).map_err(fail)?;
        }
        Ok(Transcript { path: path.into(), lines, sessions })
    }
}

fn title(line: &str, number: usize) -> Result<Session, String> {
    let mut parts = line.split(" @");
    let title = parts.next().unwrap_or_default().trim().to_string();
    let mut session = Session { title, line: number, ..Session::default() };
    for part in parts {
        let (name, rest) = part.trim().split_once(' ').unwrap_or((part.trim(), ""));
        session.directives.add(name, rest)?;
    }
    Ok(session)
}

impl Directives {
    fn add(&mut self, name: &str, rest: &str) -> Result<(), String> {
        match name {
            "needs" => self.needs = settings(rest)?,
            "start" => self.start = settings(rest)?,
            "resp2" => self.proto = Some(Proto::Resp2),
            "resp3" => self.proto = Some(Proto::Resp3),
            "debug" => self.debug = true,
            "since" => self.since = Some(version(rest)?),
            "before" => self.before = Some(version(rest)?),
            "ours" | "theirs" if rest.is_empty() => return Err(format!("@{name} needs a reason")),
            "ours" => self.ours = true,
            "theirs" => self.theirs = true,
            _ => return Err(format!("@{name} is no directive")),
        }
        Ok(())
    }
}

fn settings(text: &str) -> Result<Vec<(String, String)>, String> {
    let words = words(text)?.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned());
    words
        .map(|word| match word.split_once('=') {
            Some((name, value)) => Ok((name.to_string(), value.to_string())),
            None => Err(format!("{word} is not name=value")),
        })
        .collect()
}

/// Reads `7.2` or `7.2.4`.
pub fn version(text: &str) -> Result<Version, String> {
    let mut parts = text.split('.').map(|part| part.trim().parse().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(format!("{text:?} is no version")),
    }
}

impl Session {
    fn add(&mut self, content: &str, line: usize) -> Result<(), String> {
        let speaker = self.steps.last().map(|step| step.who.clone()).unwrap_or_default();
        let (who, mark, rest) = match split_client(content) {
            Some((who, mark, rest)) => (who.to_string(), Some(mark), rest),
            None => (speaker, None, content),
        };
        let act = match mark {
            Some('>') => Act::Send(arguments(rest)?),
            _ => match rest.split_once(' ').unwrap_or((rest, "")) {
                ("wait", time) => Act::Wait(milliseconds(time)?),
                ("close", name) => {
                    self.steps.push(Step { line, who: name.into(), act: Act::Close });
                    return Ok(());
                }
                ("eventually", expected) => Act::Eventually(Pattern::parse(expected)?),
                _ => return self.expect(who, rest, line),
            },
        };
        self.steps.push(Step { line, who, act });
        Ok(())
    }

    /// Adds an expected reply: `resp3:` below `resp2:` is the same reply.
    fn expect(&mut self, who: String, text: &str, line: usize) -> Result<(), String> {
        let mut expectation = Expectation { lines: 1, ..Expectation::default() };
        if let Some(text) = text.strip_prefix("resp2: ") {
            expectation.resp2 = Some(Pattern::parse(text)?);
        } else if let Some(text) = text.strip_prefix("resp3: ") {
            let pattern = Pattern::parse(text)?;
            if let Some(Step { line: above, who: same, act: Act::Expect(open) }) =
                self.steps.last_mut()
                && (open.resp3.is_none() && *above + 1 == line && *same == who)
            {
                open.resp3 = Some(pattern);
                open.lines = 2;
                return Ok(());
            }
            expectation.resp3 = Some(pattern);
        } else {
            expectation.resp2 = Some(Pattern::parse(text)?);
            expectation.resp3 = Some(Pattern::parse(text)?);
        }
        self.steps.push(Step { line, who, act: Act::Expect(expectation) });
        Ok(())
    }
}

/// Splits `a> SET k v` into the client, the mark and the rest.
fn split_client(content: &str) -> Option<(&str, char, &str)> {
    let end = content.find(|c: char| !c.is_ascii_lowercase())?;
    let (who, rest) = content.split_at(end);
    let mark = rest.chars().next()?;
    let rest = rest[1..].strip_prefix(' ')?;
    ((mark == '>') || (mark == '<' && !who.is_empty())).then_some((who, mark, rest))
}

/// The words of a command; `(20 x ab)` is ab 20 times, and what follows without a space belongs to it.
fn arguments(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = text;
    let mut all = Vec::new();
    while let Some(at) = rest.find('(').filter(|_| rest.contains(" x ") && !rest.contains('"')) {
        let (before, after) = rest.split_at(at);
        let (inside, tail) = after[1..].split_once(')').ok_or("( is not closed")?;
        let (times, part) = inside.split_once(" x ").ok_or("(TIMES x TEXT) is expected")?;
        let times: usize = times.parse().map_err(|_| format!("{times} is no number"))?;
        all.extend(words(before)?);
        let (glued, tail) = tail.split_at(tail.find(' ').unwrap_or(tail.len()));
        all.push((part.repeat(times) + glued).into_bytes());
        rest = tail;
    }
    all.extend(words(rest)?);
    if all.is_empty() { Err("a command is expected".into()) } else { Ok(all) }
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").and_then(|number| number.parse().ok());
    number.map(Duration::from_millis).ok_or_else(|| format!("{text} is not like 20ms"))
}
