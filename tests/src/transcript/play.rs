//! Plays transcripts against a server and says where the answers differ.
//!
//! Owns: the clients of a session.   Uses: client, server, pattern.   Never: writes files.

use super::pattern::{Caught, Pattern};
use super::{Act, Expectation, Session, Step, Transcript, Version, version};
use crate::client::{Client, NoReply, PATIENCE, Proto};
use crate::reply::Reply;
use crate::server::Server;
use crate::text::quote;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a client listens before it believes that nothing comes.
const SILENCE: Duration = Duration::from_millis(60);

/// Starts a server with settings.
pub type Launch = Box<dyn Fn(&[(&str, &str)]) -> Server>;

/// The server that sessions are played against, in one protocol.
pub struct Stage {
    address: String,
    proto: Proto,
    admin: Client,
    version: Version,
    is_ours: bool,
    can_debug: bool,
    launch: Option<Launch>,
    /// Keeps the server alive while it is in use.
    _server: Option<Server>,
}

/// A difference between a transcript and a server, ready to print.
pub type Failure = String;

/// What a server answered: the line of the expectation (or of the command that had none), and what
/// came.
pub type Heard = (usize, Answer);

/// A reply, or why there is none.
pub type Answer = Result<Reply, NoReply>;

/// How a play ended.
#[derive(Default)]
pub struct Report {
    /// Sessions that went as written.
    pub passed: usize,
    /// Sessions that are not for this server or protocol.
    pub skipped: usize,
    /// What went otherwise.
    pub failures: Vec<Failure>,
}

impl Stage {
    /// A server that `launch` starts with `settings`, for all sessions without `@start`.
    pub fn launched(launch: Launch, settings: &[(&str, &str)], proto: Proto) -> Stage {
        let mut settings = settings.to_vec();
        settings.push(("enable-debug-command", "yes"));
        let server = launch(&settings);
        let mut stage = Stage::at(&server.address(), proto);
        stage.launch = Some(launch);
        stage._server = Some(server);
        stage
    }

    /// A server that runs already; sessions with `@start` are skipped.
    pub fn at(address: &str, proto: Proto) -> Stage {
        let mut admin = Client::connect(address).expect("the server accepts connections");
        let info = admin.call(&["INFO", "server"]).text();
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.strip_prefix(':')).map(str::to_string)
        };
        let redis = field("redis_version").expect("INFO tells redis_version");
        let can_debug = !matches!(admin.call(&["DEBUG", "SLEEP", "0"]), Reply::Error(_));
        Stage {
            address: address.into(),
            proto,
            admin,
            version: version(&redis).expect("redis_version is a version"),
            is_ours: field("lodestore_version").is_some(),
            can_debug,
            launch: None,
            _server: None,
        }
    }

    /// Whether this is Lodestore.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// The protocol that its clients speak.
    pub fn proto(&self) -> Proto {
        self.proto
    }

    /// Whether `session` is for this server and protocol.
    pub fn takes(&self, session: &Session) -> bool {
        let wants = &session.directives;
        let by_version = wants.since.is_none_or(|since| self.version >= since)
            && wants.before.is_none_or(|before| self.version < before);
        let by_server = if self.is_ours { !wants.theirs } else { !wants.ours && by_version };
        by_server
            && wants.proto.is_none_or(|proto| proto == self.proto)
            && (self.can_debug || !wants.debug)
            && (wants.start.is_empty() || self.launch.is_some())
    }

    /// Plays all sessions of all files whose path contains `only`.
    pub fn play(&mut self, transcripts: &[Transcript], only: &str) -> Report {
        let mut report = Report::default();
        for transcript in transcripts {
            for session in &transcript.sessions {
                if !format!("{} {}", transcript.path.display(), session.title).contains(only) {
                    continue;
                }
                if !self.takes(session) {
                    report.skipped += 1;
                    continue;
                }
                match self.play_session(session) {
                    Ok(()) => report.passed += 1,
                    Err(why) => report.failures.push(self.tell(transcript, session, &why)),
                }
            }
        }
        report
    }

    fn tell(&self, transcript: &Transcript, session: &Session, fault: &Fault) -> Failure {
        let path = transcript.path.strip_prefix(crate::source::root()).unwrap_or(&transcript.path);
        let expected = transcript.lines[fault.line].trim();
        format!(
            "{}:{} {} ({:?})\n    {}> {}\n    expected {expected}\n    got      {}",
            path.display(),
            fault.line + 1,
            session.title,
            self.proto,
            fault.who,
            fault.sent,
            fault.got,
        )
    }

    /// Plays one session up to its first difference.
    fn play_session(&mut self, session: &Session) -> Result<(), Fault> {
        self.on_stage(session, |scene| {
            scene.run(&session.steps)?;
            scene.nothing_is_left(session)
        })
    }

    /// Plays one session to its end and answers everything that was heard.
    pub fn record(&mut self, session: &Session) -> Vec<Heard> {
        self.on_stage(session, |scene| scene.listen(&session.steps))
    }

    /// Prepares the server, lets `act` play, and clears up.
    fn on_stage<T>(&mut self, session: &Session, act: impl FnOnce(&mut Scene<'_>) -> T) -> T {
        let wants = &session.directives;
        if let Some(launch) = self.launch.as_ref().filter(|_| !wants.start.is_empty()) {
            let server = launch(&pairs(&wants.start));
            return act(&mut Scene::new(&server.address(), self.proto));
        }
        self.admin.call(&["FLUSHALL"]);
        let before = self.connections();
        let undo = self.configure(&pairs(&wants.needs));
        let mut scene = Scene::new(&self.address, self.proto);
        let result = act(&mut scene);
        drop(scene);
        self.configure(&undo.iter().map(|(n, v)| (&n[..], &v[..])).collect::<Vec<_>>());
        self.await_departures(before);
        result
    }

    /// Sets settings; answers what they were, for undoing it.
    fn configure(&mut self, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut before = Vec::new();
        for (name, value) in settings {
            let old = self.admin.call(&["CONFIG", "GET", name]).items();
            before.push((name.to_string(), old.get(1).map(Reply::text).unwrap_or_default()));
            let done = self.admin.call(&["CONFIG", "SET", name, value]);
            assert_eq!(done.line(), "+OK", "CONFIG SET {name} {value}");
        }
        before
    }

    fn connections(&mut self) -> usize {
        self.admin.call(&["CLIENT", "LIST"]).text().lines().count()
    }

    /// Waits until the server has noticed that a session's clients are gone, so that none of them
    /// is counted as a subscriber in the next one.
    fn await_departures(&mut self, before: usize) {
        let end = Instant::now() + Duration::from_secs(1);
        while self.connections() > before && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn pairs(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (&name[..], &value[..])).collect()
}

/// One session's clients.
struct Scene<'a> {
    address: &'a str,
    proto: Proto,
    clients: HashMap<String, Client>,
    last: HashMap<String, Vec<Vec<u8>>>,
    caught: Caught,
}

/// The first difference of a session.
struct Fault {
    line: usize,
    who: String,
    sent: String,
    got: String,
}

impl<'a> Scene<'a> {
    fn new(address: &'a str, proto: Proto) -> Scene<'a> {
        let (clients, last) = (HashMap::new(), HashMap::new());
        Scene { address, proto, clients, last, caught: Caught::new() }
    }

    fn run(&mut self, steps: &[Step]) -> Result<(), Fault> {
        for step in steps {
            let heard = match &step.act {
                Act::Expect(expectation) => self.expect(&step.who, expectation),
                Act::Eventually(pattern) => self.eventually(&step.who, pattern),
                Act::Send(_) | Act::Wait(_) | Act::Close => {
                    self.do_silently(step);
                    Ok(())
                }
            };
            heard.map_err(|got| self.fault(step.line, &step.who, got))?;
        }
        Ok(())
    }

    fn fault(&self, line: usize, who: &str, got: Answer) -> Fault {
        let sent = match self.last.get(who) {
            Some(args) => args.iter().map(|arg| shown(arg)).collect::<Vec<_>>().join(" "),
            None => "(nothing)".into(),
        };
        let got = match got {
            Ok(reply) => reply.line(),
            Err(why) => why.to_string(),
        };
        Fault { line, who: who.into(), sent, got }
    }

    fn do_silently(&mut self, step: &Step) {
        match &step.act {
            Act::Send(args) => self.send(&step.who, args),
            Act::Wait(time) => std::thread::sleep(*time),
            Act::Close => drop(self.clients.remove(&step.who)),
            Act::Expect(_) | Act::Eventually(_) => {}
        }
    }

    fn client(&mut self, who: &str) -> &mut Client {
        let (address, proto) = (self.address, self.proto);
        self.clients.entry(who.to_string()).or_insert_with(|| {
            Client::speaking(address, proto).expect("the server accepts connections")
        })
    }

    fn send(&mut self, who: &str, args: &[Vec<u8>]) {
        let args: Vec<Vec<u8>> = args.iter().map(|arg| fill_in(arg, &self.caught)).collect();
        self.client(who).send(&args);
        self.last.insert(who.into(), args);
    }

    /// Reads a reply; the error is what came instead of the expected one.
    fn expect(&mut self, who: &str, expectation: &Expectation) -> Result<(), Answer> {
        let Some(pattern) = expectation.of(self.proto) else { return Ok(()) };
        let got = self.hear(who, pattern);
        if self.is_met(pattern, &got) { Ok(()) } else { Err(got) }
    }

    fn hear(&mut self, who: &str, pattern: &Pattern) -> Answer {
        let patience = if *pattern == Pattern::Nothing { SILENCE } else { PATIENCE };
        self.client(who).read_within(patience)
    }

    fn is_met(&mut self, pattern: &Pattern, got: &Answer) -> bool {
        match (pattern, got) {
            (Pattern::Nothing, Err(NoReply::Silence)) => true,
            (Pattern::Closed, Err(NoReply::Closed)) => true,
            (_, Ok(reply)) => pattern.meets(reply, self.proto, &mut self.caught),
            (_, Err(_)) => false,
        }
    }

    fn eventually(&mut self, who: &str, pattern: &Pattern) -> Result<(), Answer> {
        let end = Instant::now() + PATIENCE;
        loop {
            let got = self.client(who).read_within(PATIENCE);
            if self.is_met(pattern, &got) {
                return Ok(());
            }
            if Instant::now() > end || got.is_err() {
                return Err(got);
            }
            std::thread::sleep(Duration::from_millis(5));
            let command = self.last.get(who).cloned().unwrap_or_default();
            self.client(who).send(&command);
        }
    }

    /// A reply that nobody expected is a difference too.
    fn nothing_is_left(&mut self, session: &Session) -> Result<(), Fault> {
        let last = session.steps.last().map_or(session.line, |step| step.line);
        let mut left = None;
        for (who, client) in &mut self.clients {
            if let Ok(reply) = client.read_within(Duration::from_millis(2)) {
                left = Some((who.clone(), Ok(reply)));
            }
        }
        match left {
            Some((who, reply)) => Err(self.fault(last, &who, reply)),
            None => Ok(()),
        }
    }

    /// Plays all steps whatever comes, and answers what was heard: for every expectation, and for
    /// every command below which nothing is expected although something came.
    fn listen(&mut self, steps: &[Step]) -> Vec<Heard> {
        let mut heard = Vec::new();
        for (i, step) in steps.iter().enumerate() {
            match &step.act {
                Act::Expect(expectation) => {
                    let Some(pattern) = expectation.of(self.proto) else { continue };
                    let got = self.hear(&step.who, pattern);
                    self.is_met(pattern, &got);
                    heard.push((step.line, got));
                }
                Act::Eventually(pattern) => drop(self.eventually(&step.who, pattern)),
                Act::Send(_) => {
                    self.do_silently(step);
                    if !is_answered(&steps[i + 1..], &step.who)
                        && let Ok(reply) = self.client(&step.who).read_within(SILENCE)
                    {
                        heard.push((step.line, Ok(reply)));
                    }
                }
                Act::Wait(_) | Act::Close => self.do_silently(step),
            }
        }
        heard
    }
}

/// Whether the next thing that happens is that `who` reads.
fn is_answered(steps: &[Step], who: &str) -> bool {
    let next = steps.iter().find(|step| !matches!(step.act, Act::Wait(_)));
    next.is_some_and(|step| {
        step.who == who && matches!(step.act, Act::Expect(_) | Act::Eventually(_))
    })
}

fn shown(arg: &[u8]) -> String {
    let plain = !arg.is_empty() && arg.iter().all(|b| b.is_ascii_graphic() && *b != b'"');
    if plain { String::from_utf8_lossy(arg).into_owned() } else { quote(arg) }
}

/// Replaces `${name}` by what was caught, byte by byte.
fn fill_in(arg: &[u8], caught: &Caught) -> Vec<u8> {
    let Some(at) = arg.windows(2).position(|pair| pair == b"${") else { return arg.to_vec() };
    let Some(len) = arg[at..].iter().position(|&byte| byte == b'}') else { return arg.to_vec() };
    let name = String::from_utf8_lossy(&arg[at + 2..at + len]).into_owned();
    let (whole, rest) = (&arg[at..=at + len], &arg[at + len + 1..]);
    let value = caught.get(&name).map_or(whole, Vec::as_slice);
    [&arg[..at], value, &fill_in(rest, caught)].concat()
}
