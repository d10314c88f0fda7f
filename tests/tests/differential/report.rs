//! A difference as a transcript, to be pasted into `tests/transcripts`.
//!
//! Owns: the written form.   Uses: program, run.   Never: judges.

use crate::program::{Act, Program, Step};
use crate::run::{Answer, Difference};
use lodestore_tests::client::Proto;
use lodestore_tests::reply::Reply;
use lodestore_tests::text::quote;

/// The transcript: what the peer answers is what is expected.
pub fn transcript(title: &str, program: &Program, found: &Difference) -> String {
    let only = if program.proto == Proto::Resp3 { "          @resp3" } else { "" };
    let mut out = format!("{title}{only}\n");
    for (at, step) in program.steps.iter().enumerate() {
        out.push_str(&sent(step));
        if at == found.step {
            let (ours, theirs) = lines(found);
            out.push_str(&format!("  # Lodestore: {ours}\n  {theirs}\n"));
        } else if matches!(step.act, Act::Send(_)) {
            out.push_str("  ?\n");
        }
    }
    out
}

/// All steps of a program.
pub fn written(program: &Program) -> String {
    program.steps.iter().map(sent).collect()
}

fn sent(step: &Step) -> String {
    match &step.act {
        Act::Wait(time) => format!("  wait {}ms\n", time.as_millis()),
        Act::Send(args) => {
            let name = char::from(b'a' + u8::try_from(step.who).expect("there are few clients"));
            let words: Vec<String> = args.iter().map(|arg| shown(arg)).collect();
            format!("  {name}> {}\n", words.join(" "))
        }
    }
}

/// What kind of difference it is: two of one kind are told once.
pub fn signature(program: &Program, found: &Difference) -> String {
    let Some(Act::Send(args)) = program.steps.get(found.step).map(|step| &step.act) else {
        return String::new();
    };
    let start = |line: String| line.chars().take(14).collect::<String>().to_lowercase();
    let (ours, theirs) = lines(found);
    let name = String::from_utf8_lossy(&args[0]).to_uppercase();
    format!("{name} {} {}", start(ours), start(theirs))
}

/// Both answers; of two arrays only the items that differ, after `...` for the others.
fn lines(found: &Difference) -> (String, String) {
    if let (Ok(ours), Ok(theirs)) = (&found.ours, &found.theirs)
        && let (Reply::Array(mine), Reply::Array(other)) = (&ours.reply, &theirs.reply)
        && mine.len() == other.len()
        && mine.len() > 3
    {
        let pairs = mine.iter().zip(other).filter(|(mine, other)| mine != other);
        let (mine, other): (Vec<_>, Vec<_>) = pairs.map(|(m, o)| (m.line(), o.line())).unzip();
        return (format!("... {}", mine.join(" ... ")), format!("... {}", other.join(" ... ")));
    }
    (line(&found.ours), line(&found.theirs))
}

fn line(answer: &Answer) -> String {
    match answer {
        Ok(heard) => heard.reply.line().chars().take(400).collect(),
        Err(why) => why.to_string(),
    }
}

fn shown(arg: &[u8]) -> String {
    let plain =
        !arg.is_empty() && arg.iter().all(|b| b.is_ascii_graphic() && !b"\"'()$".contains(b));
    if plain { String::from_utf8_lossy(arg).into_owned() } else { quote(arg) }
}
