//! `UPDATE=1`: writes what a server answered into the transcripts.
//!
//! Owns: the rewriting of files.   Uses: play, pattern.   Never: touches a line that the server's
//! answer meets, so wildcards stay.

use super::pattern::{Caught, Pattern};
use super::play::{Answer, Stage};
use super::{Act, Session, Step, Transcript};
use crate::client::{NoReply, Proto};
use std::collections::BTreeMap;
use std::fs;

/// New lines in place of `count` old ones, or after the line when `count` is 0.
struct Edit {
    count: usize,
    lines: Vec<String>,
}

/// Brings every transcript whose path contains `only` up to what the server answers. Both stages
/// are the same server, in RESP2 and in RESP3. Answers how many lines changed.
pub fn update(
    transcripts: &[Transcript],
    resp2: &mut Stage,
    resp3: &mut Stage,
    only: &str,
) -> usize {
    let mut changed = 0;
    for transcript in transcripts {
        if !transcript.path.display().to_string().contains(only) {
            continue;
        }
        let mut edits = BTreeMap::new();
        for session in &transcript.sessions {
            // A real server is the authority; from Lodestore only its own sessions are taken.
            if resp2.is_ours() == session.directives.ours {
                compare(session, resp2, resp3, &mut edits);
            }
        }
        changed += edits.len();
        if !edits.is_empty() {
            let text = rewritten(&transcript.lines, &edits);
            fs::write(&transcript.path, text).expect("a transcript is writable");
        }
    }
    changed
}

/// What was heard at a line, in RESP2 and in RESP3.
type Both = [Option<Answer>; 2];

fn compare(
    session: &Session,
    two: &mut Stage,
    three: &mut Stage,
    edits: &mut BTreeMap<usize, Edit>,
) {
    let mut heard: BTreeMap<usize, Both> = BTreeMap::new();
    for (index, stage) in [two, three].into_iter().enumerate() {
        if stage.takes(session) {
            for (line, got) in stage.record(session) {
                heard.entry(line).or_default()[index] = Some(got);
            }
        }
    }
    for (line, both) in heard {
        let step = session.steps.iter().find(|step| step.line == line);
        let step = step.expect("what was heard belongs to a step");
        if !is_met(step, &both) {
            edits.insert(line, edit(step, &both));
        }
    }
}

fn is_met(step: &Step, both: &Both) -> bool {
    let Act::Expect(expectation) = &step.act else { return false };
    PROTOS.iter().zip(both).all(|(&proto, got)| match (expectation.of(proto), got) {
        (Some(pattern), Some(got)) => meets(pattern, got, proto),
        (_, None) => true,
        (None, Some(_)) => false,
    })
}

const PROTOS: [Proto; 2] = [Proto::Resp2, Proto::Resp3];

fn meets(pattern: &Pattern, got: &Answer, proto: Proto) -> bool {
    match (pattern, got) {
        (Pattern::Nothing, Err(NoReply::Silence)) => true,
        (Pattern::Closed, Err(NoReply::Closed)) => true,
        (_, Ok(reply)) => pattern.meets(reply, proto, &mut Caught::new()),
        (_, Err(_)) => false,
    }
}

/// One line if it stands for both protocols, else one for each. RESP3's form is tried first: it
/// says more (maps, sets, doubles).
fn edit(step: &Step, both: &Both) -> Edit {
    let count = match &step.act {
        Act::Expect(expectation) => expectation.lines,
        Act::Send(_) | Act::Eventually(_) | Act::Wait(_) | Act::Close => 0,
    };
    let mark = if step.who.is_empty() { String::new() } else { format!("{}< ", step.who) };
    let written = both.each_ref().map(|got| got.as_ref().map(written));
    let stands_for_both = |line: &&String| {
        let Ok(pattern) = Pattern::parse(line) else { return false };
        let mut pairs = PROTOS.iter().zip(both);
        pairs.all(|(&proto, got)| got.as_ref().is_none_or(|got| meets(&pattern, got, proto)))
    };
    let lines = match written.iter().rev().flatten().find(stands_for_both) {
        Some(line) => vec![format!("  {mark}{line}")],
        None => {
            let named = ["resp2", "resp3"].iter().zip(&written);
            let named = named.filter_map(|(name, line)| Some((name, line.as_ref()?)));
            named.map(|(name, line)| format!("  {mark}{name}: {line}")).collect()
        }
    };
    Edit { count, lines }
}

fn written(got: &Answer) -> String {
    match got {
        Ok(reply) => reply.line(),
        Err(why) => why.to_string(),
    }
}

fn rewritten(lines: &[String], edits: &BTreeMap<usize, Edit>) -> String {
    let mut out = String::new();
    let mut skip = 0;
    for (number, line) in lines.iter().enumerate() {
        let edit = edits.get(&number);
        skip = edit.map_or(skip, |edit| edit.count);
        if skip > 0 {
            skip -= 1;
        } else {
            out.push_str(line);
            out.push('\n');
        }
        for new in edit.iter().flat_map(|edit| &edit.lines) {
            out.push_str(new);
            out.push('\n');
        }
    }
    out
}
