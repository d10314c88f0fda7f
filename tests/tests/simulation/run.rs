//! Plays a program against the engine and the model.
//!
//! Owns: the engine, its world, the connections, the model, and the comparison of every reply.
//! Uses: all of the simulation.   Never: chance (that is in the program and in the world's seed).

use crate::check::{Contents, contents, equal, living};
use crate::dice::Words;
use crate::line::Line;
use crate::model::{Model, Who};
use crate::program::{CLIENTS, Program, Step, line};
use crate::world::{File, World};
use lodestore_server::command::context::About;
use lodestore_server::config::Config;
use lodestore_server::config::lists::{SavePoint, SavePoints};
use lodestore_server::engine::Engine;
use lodestore_server::engine::port::{Inbound, Loss, Outbound, Preparer};
use lodestore_server::resp::reply::Reply as Output;
use lodestore_server::session::{Arrival, ClientId};
use lodestore_tests::reply::Reply;
use std::hash::{DefaultHasher, Hasher};

/// What a run that went well leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Of every byte that went out, of the follower stream and of the last snapshot.
    pub digest: u64,
    /// Commands that were answered.
    pub commands: u64,
    /// Snapshots that were completed on the way.
    pub snapshots: u64,
    /// Snapshots that failed.
    pub failures: u64,
}

/// What went wrong, and at which step; the number of steps if it was at the end.
#[derive(Clone, Debug)]
pub struct Failure {
    pub step: usize,
    pub what: String,
}

/// An engine on its own, for one run.
pub struct Run {
    engine: Engine,
    world: World,
    preparer: Preparer,
    lines: Vec<Option<Line>>,
    inbox: Vec<Inbound>,
    model: Model,
    connected: u64,
    feed: Vec<u8>,
    digest: DefaultHasher,
    commands: u64,
    trace: bool,
}

/// Plays a program; with `trace` every step and reply is printed.
///
/// # Errors
/// The first thing that is not as the model says.
pub fn play(program: &Program, trace: bool) -> Result<Record, Failure> {
    let mut run = Run::new(program, trace);
    for (at, step) in program.steps.iter().enumerate() {
        if trace {
            println!("{at:5} {step}");
        }
        run.step(step).map_err(|what| Failure { step: at, what })?;
    }
    run.finish(program).map_err(|what| Failure { step: program.steps.len(), what })
}

fn engine(program: &Program) -> Engine {
    let points = vec![SavePoint { seconds: 1, changes: 5 }];
    let config = Config {
        databases: program.databases as _,
        save: SavePoints(if program.save_points { points } else { Vec::new() }),
        // Else the first failure would end all writing; that is a transcript's to test.
        stop_writes_on_save_error: false,
        ..Config::default()
    };
    Engine::new(config, About::default(), program.seed)
}

impl Run {
    fn new(program: &Program, trace: bool) -> Run {
        let mut engine = engine(program);
        if program.feed {
            engine.open_feed();
        }
        Run {
            preparer: engine.preparer(),
            engine,
            world: World::new(program.seed),
            lines: (0..CLIENTS).map(|_| None).collect(),
            inbox: Vec::new(),
            model: Model::new(program.databases),
            connected: 0,
            feed: Vec::new(),
            digest: DefaultHasher::new(),
            commands: 0,
            trace,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Connect(who) => self.connect(*who),
            Step::Send(who, requests) => self.send(*who, requests),
            Step::Arrive(who, bytes) => {
                if let Some(line) = &mut self.lines[*who] {
                    line.arrive(*bytes, &self.preparer);
                }
            }
            Step::End(who) => self.end(*who),
            Step::Break(who) => {
                if let Some(line) = self.lines[*who].take() {
                    self.inbox.push(Inbound::Gone(line.route, Loss::Peer));
                    self.model.drop_client(*who);
                }
            }
            Step::Turn(micros) => return self.turn(*micros),
            Step::Fault(fault) => self.world.fault = Some(*fault),
        }
        Ok(())
    }

    fn connect(&mut self, who: Who) {
        if self.lines[who].is_some() {
            return;
        }
        self.connected += 1;
        let line = Line::new(self.connected);
        let arrival = Arrival { route: line.route, ..Arrival::default() };
        self.inbox.push(Inbound::Connected(Box::new(arrival)));
        self.lines[who] = Some(line);
        self.model.connect(who);
    }

    fn send(&mut self, who: Who, requests: &[Words]) {
        let Some(line) = &mut self.lines[who] else { return };
        if !line.ended {
            requests.iter().for_each(|request| line.send(request));
        }
    }

    fn end(&mut self, who: Who) {
        let Some(line) = &mut self.lines[who] else { return };
        if line.in_flight {
            self.inbox.push(Inbound::Hangup(line.route));
        }
        line.end();
    }

    fn turn(&mut self, micros: u64) -> Result<(), String> {
        self.world.pass(micros);
        let now = self.world.now();
        self.model.now_ms = now.unix_ms();
        for line in self.lines.iter_mut().flatten() {
            self.inbox.extend(line.publish().map(Inbound::Batch));
        }
        self.engine.turn(&mut self.world, now, &mut self.inbox);
        let outbox: Vec<Outbound> = self.engine.take_outbox().drain(..).collect();
        for outbound in outbox {
            self.hear(outbound)?;
        }
        if let Some((who, expect)) = self.model.unheard() {
            return Err(format!("client {who} did not receive {expect:?}"));
        }
        let feed = self.engine.take_feed();
        self.digest.write(&feed);
        self.feed.extend(feed);
        self.check_snapshots()
    }

    /// Takes what went out, in order.
    fn hear(&mut self, outbound: Outbound) -> Result<(), String> {
        match outbound {
            Outbound::Push(route, output, _) => self.receive(route.id, &output),
            Outbound::Close(route) => {
                if let Some(who) = self.owner(route.id) {
                    self.leave(who)?;
                }
                Ok(())
            }
            Outbound::Cut(_) => Err("a client was evicted, and there is no limit".into()),
            Outbound::Answer(mut batch) => {
                self.receive(batch.route.id, &batch.reply)?;
                batch.reply.clear();
                let Some(who) = self.owner(batch.route.id) else { return Ok(()) };
                if batch.close {
                    return self.leave(who);
                }
                if let Some(line) = &mut self.lines[who]
                    && let Some(batch) = line.learn(batch, &self.preparer)
                {
                    self.inbox.push(Inbound::Batch(batch));
                }
                Ok(())
            }
        }
    }

    fn owner(&self, id: ClientId) -> Option<Who> {
        let is = |line: &Option<Line>| line.as_ref().is_some_and(|line| line.route.id == id);
        self.lines.iter().position(is)
    }

    /// The engine closes a connection: that must have a reason.
    fn leave(&mut self, who: Who) -> Result<(), String> {
        let Some(line) = self.lines[who].take() else { return Ok(()) };
        let asked = self.model.wants_to_leave(who);
        self.model.drop_client(who);
        if line.ended || asked { Ok(()) } else { Err(format!("client {who} was closed")) }
    }

    /// A client receives bytes: whole replies and pushes, each as the model says.
    fn receive(&mut self, id: ClientId, output: &Output) -> Result<(), String> {
        let bytes: Vec<u8> = output.pieces().flatten().copied().collect();
        self.digest.write(&bytes);
        let Some(who) = self.owner(id) else { return Ok(()) };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let decoded = Reply::decode(rest).map_err(|why| format!("no reply: {}", why.0))?;
            let Some((reply, length)) = decoded else {
                return Err(format!("client {who} received half a reply: {}", rest.escape_ascii()));
            };
            rest = &rest[length..];
            self.compare(who, &reply)?;
        }
        Ok(())
    }

    fn compare(&mut self, who: Who, reply: &Reply) -> Result<(), String> {
        let mut asked = String::from("a push");
        let expect = match self.model.next_expected(who) {
            Some(expect) => expect,
            None => {
                let request = self.lines[who].as_mut().and_then(|line| line.pending.pop_front());
                let Some(request) = request else {
                    return Err(format!("client {who} received and had asked nothing: {reply}"));
                };
                self.commands += 1;
                asked = line(&request);
                self.model.run(who, &request);
                self.model.next_expected(who).expect("every command answers")
            }
        };
        if self.trace {
            println!("        {who}> {asked}\n        {who}< {}", short(&reply.line()));
        }
        if expect.admits(reply) {
            return Ok(());
        }
        let expected = short(&format!("{expect:?}"));
        Err(format!(
            "client {who}: {asked}\n  expected {expected}\n  received {}",
            short(&reply.line())
        ))
    }

    /// What the engine says of snapshots is what the world told it.
    fn check_snapshots(&mut self) -> Result<(), String> {
        let persist = &self.engine.parts().persist;
        let told = self.world.told.as_ref();
        let error = told.and_then(|told| told.as_ref().err()).map(|why| why.0.clone());
        if persist.last_error != error || persist.saves != self.world.completed {
            let says = (&persist.last_error, persist.saves);
            return Err(format!(
                "snapshots: {says:?}, in truth {:?}",
                (error, self.world.completed)
            ));
        }
        Ok(())
    }

    /// Lets everything arrive and be answered, then compares the data sets.
    fn finish(mut self, program: &Program) -> Result<Record, String> {
        for _ in 0..500 {
            for line in self.lines.iter_mut().flatten() {
                line.arrive(usize::MAX, &self.preparer);
            }
            if !self.engine.busy()
                && self.inbox.is_empty()
                && self.lines.iter().flatten().all(Line::is_quiet)
            {
                break;
            }
            self.turn(1)?;
        }
        for (who, line) in self.lines.iter().enumerate() {
            let waiting = line.as_ref().filter(|line| !line.ended).map(|line| &line.pending);
            if let Some(words) = waiting.and_then(|pending| pending.front()) {
                return Err(format!(
                    "client {who} got no answer to {}",
                    crate::program::line(words)
                ));
            }
        }
        self.compare_data(program)?;
        Ok(Record {
            digest: self.digest.finish(),
            commands: self.commands,
            snapshots: self.world.completed,
            failures: self.world.failures,
        })
    }

    fn compare_data(&mut self, program: &Program) -> Result<(), String> {
        let now = self.world.now();
        let held = contents(&self.engine.parts().keyspace);
        let now_ms = now.unix_ms();
        equal("engine / model", &living(&held, now_ms), &living(&self.model.contents(), now_ms))?;

        self.compare_replay(program, &held)?;

        // A snapshot that was written on the way, and one of the end.
        if let Some(file) = self.world.file.take() {
            load(program, file, now_ms)?;
        }
        self.world.fault = None;
        let file = self.world.snapshot(&self.engine.parts().keyspace, now_ms);
        self.digest.write(&file.bytes);
        load(program, file, now_ms)?;
        self.expire(program)
    }

    fn compare_replay(&self, program: &Program, held: &Contents) -> Result<(), String> {
        if !program.feed {
            return Ok(());
        }
        let replayed = replay(program, &self.feed)?;
        equal("engine / replay of its stream", held, &replayed)
    }

    /// Nobody asks for anything any more: keys past their time go by themselves, and the follower
    /// stream says so.
    fn expire(&mut self, program: &Program) -> Result<(), String> {
        self.world.pass(10_000_000);
        for _ in 0..10 {
            self.turn(200_000)?;
        }
        let now_ms = self.world.now().unix_ms();
        let held = contents(&self.engine.parts().keyspace);
        // What became due within the last round may still be there.
        equal("engine / what lives", &held, &living(&held, now_ms - 1_000))?;
        equal("engine / model", &living(&held, now_ms), &living(&self.model.contents(), now_ms))?;
        self.compare_replay(program, &held)
    }
}

/// The data set that follows from a follower stream.
///
/// It is played long before all deadlines: whoever obeys a stream waits to be told that a key expired.
fn replay(program: &Program, feed: &[u8]) -> Result<Contents, String> {
    let mut engine = engine(program);
    let mut world = World::new(program.seed ^ 1);
    let preparer = engine.preparer();
    let mut line = Line::new(1);
    let arrival = Arrival { route: line.route, ..Arrival::default() };
    let mut inbox = vec![Inbound::Connected(Box::new(arrival))];
    line.feed(feed);
    while !(line.is_quiet() && inbox.is_empty() && !engine.busy()) {
        line.arrive(100_000, &preparer);
        inbox.extend(line.publish().map(Inbound::Batch));
        world.pass(1);
        let mut now = world.now();
        now.unix_us = now.mono_us as i64;
        engine.turn(&mut world, now, &mut inbox);
        let outbox: Vec<Outbound> = engine.take_outbox().drain(..).collect();
        for outbound in outbox {
            let (output, batch) = match outbound {
                Outbound::Push(_, output, _) => (output, None),
                Outbound::Answer(mut batch) => {
                    (Box::new(std::mem::take(&mut batch.reply)), Some(batch))
                }
                Outbound::Close(_) | Outbound::Cut(_) => {
                    return Err("the replay was closed".into());
                }
            };
            let bytes: Vec<u8> = output.pieces().flatten().copied().collect();
            no_errors(&bytes)?;
            inbox.extend(batch.and_then(|b| line.learn(b, &preparer)).map(Inbound::Batch));
        }
    }
    Ok(contents(&engine.parts().keyspace))
}

/// A follower stream holds nothing that fails.
fn no_errors(mut bytes: &[u8]) -> Result<(), String> {
    fn look(reply: &Reply) -> Result<(), String> {
        if let Reply::Error(text) = reply {
            return Err(format!("a request of the follower stream fails: {text}"));
        }
        reply.items().iter().try_for_each(look)
    }
    while let Some((reply, length)) = Reply::decode(bytes).map_err(|why| why.0)? {
        look(&reply)?;
        bytes = &bytes[length..];
        if bytes.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Loads a snapshot into a new engine: it must hold what the data set held, minus what is past its time.
fn load(program: &Program, file: File, now_ms: i64) -> Result<(), String> {
    let held = file.held.clone();
    let mut engine = engine(program);
    let mut world = World::with(file);
    let mut now = world.now();
    now.unix_us = now_ms * 1000;
    engine.turn(&mut world, now, &mut Vec::new());
    engine.begin_load(&mut world).map_err(|why| why.0)?;
    while engine.is_loading() {
        engine.turn(&mut world, now, &mut Vec::new());
        if engine.exit().is_some() {
            return Err("a snapshot that was reported as complete cannot be loaded".into());
        }
    }
    let loaded = contents(&engine.parts().keyspace);
    equal("snapshot / loaded", &living(&held, now_ms), &loaded)
}

fn short(text: &str) -> String {
    if text.len() <= 400 {
        text.into()
    } else {
        format!("{}... ({} bytes)", text.chars().take(200).collect::<String>(), text.len())
    }
}
