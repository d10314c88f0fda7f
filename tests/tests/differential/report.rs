//! A difference as a transcript, to be pasted into `tests/transcripts`.
//!
//! Owns: the written form.   Uses: program, run.   Never: judges.

use crate::program::{Act, Program, Step};
use crate::run::{Answer, Difference};
use lodestore_tests::client::Proto;
use lodestore_tests::text::quote;

/// The transcript: what the peer answers is what is expected.
pub fn transcript(title: &str, program: &Program, found: &Difference) -> String {
    let only = if program.proto == Proto::Resp3 { "          @resp3" } else { "" };
    let mut out = format!("{title}{only}\n");
    for (at, step) in program.steps.iter().enumerate() {
        out.push_str(&sent(step));
        if at == found.step {
            out.push_str(&format!("  # Lodestore: {}\n", line(&found.ours)));
            out.push_str(&format!("  {}\n", line(&found.theirs)));
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
    let start = |answer: &Answer| line(answer).chars().take(14).collect::<String>();
    let name = String::from_utf8_lossy(&args[0]).to_uppercase();
    format!("{name} {} {}", start(&found.ours), start(&found.theirs))
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
