//! What a data command says when what it asks for is not there, but may come: that it waits.
//!
//! Owns: [`Asking`], between a command and the engine.   Uses: contexts, session.   Never: keeps anybody waiting (the engine does).
//!
//! A command whose row has the flag BLOCKING is written like any other, and ends with what to wait for:
//!
//! ```text
//!   fn blpop(cx: &mut WriteCx<'_>) -> Result<Change> {
//!       let last = cx.args.len() - 1;
//!       let timeout = timeout_of_seconds(cx.arg(last), cx.now)?;      // errors first, as for everybody
//!       for at in 1..last {                                           // then what is there: answer it,
//!           if let Some(change) = pop_from(cx, at)? {                 // say what changed, tell the log
//!               return Ok(change);                                    // `LPOP key`
//!           }
//!       }
//!       cx.wait_for(Awaited::List, 1..last, timeout, Empty::NullArray);
//!       Ok(Change::NONE)                                              // a command that reads: Ok(())
//!   }
//! ```
//!
//! That is all. `wait_for` answers its `Empty` at once where nothing waits (in MULTI, in a script); else nothing is
//! answered, and the command runs again, from its first line, when a key of that type is at one of these words: after
//! the outermost command that brought it, and by then whoever waits longer has been served. It can find nothing (or
//! nothing new) and wait again; it keeps its place and its end. When its patience is over, it does
//! not run: a null array is answered, whatever its `Empty` is (real servers do so). `Awaited::Group` wakes also when the key is gone or holds another type.
//!
//! What it must still know when it runs again (XREAD's `$`), it writes down: `cx.asking.remember(bytes)` beside `wait_for`, and
//! `cx.asking.remembered()` is `Some` when it runs again.

use super::context::{ReadCx, WriteCx};
use crate::base::time::Now;
use crate::resp::reply::Reply;
use crate::session::wait::{Empty, Patience, Wait};
use crate::session::wanted::Awaited;
use std::ops::Range;

/// Whether the running command may wait, and what it waits for.
#[derive(Debug, Default)]
pub struct Asking {
    /// Set for a command with BLOCKING that a client sent by itself. Else nothing waits.
    may_wait: bool,
    /// How its wait stands, if it runs again.
    wait: Option<Wait>,
    asked: Option<Asked>,
    memo: Option<Box<[u8]>>,
}

/// What a command waits for.
#[derive(Debug)]
pub struct Asked {
    /// The type of the keys.
    pub awaited: Awaited,
    /// The keys: these words of the request.
    pub keys: Range<usize>,
    /// The end of its patience, and what it wrote down.
    pub wait: Wait,
}

impl Asking {
    /// A command begins that may wait.
    pub fn begin(&mut self, wait: Option<&Wait>) {
        *self = Asking { may_wait: true, wait: wait.cloned(), asked: None, memo: None };
    }

    /// Until when it wants to wait (none: without end), if it does.
    #[inline]
    pub fn until(&self) -> Option<Option<u64>> {
        self.asked.as_ref().map(|asked| asked.wait.until)
    }

    /// It is over; what it asked for, if it waits.
    pub fn end(&mut self) -> Option<Asked> {
        let asking = std::mem::take(self);
        let mut asked = asking.asked?;
        let before = asking.wait.map(|wait| wait.memo);
        asked.wait.memo = asking.memo.or(before).unwrap_or_default();
        Some(asked)
    }

    /// Writes something down for when the command runs again; unless it does so again, it stays.
    pub fn remember(&mut self, memo: &[u8]) {
        self.memo = Some(memo.into());
    }

    /// What it wrote down, if it has waited.
    pub fn remembered(&self) -> Option<&[u8]> {
        self.wait.as_ref().map(|wait| &*wait.memo)
    }

    fn ask(
        &mut self,
        (awaited, keys): (Awaited, Range<usize>),
        timeout_ms: u64,
        now: Now,
        (empty, reply): (Empty, &mut Reply),
    ) {
        match Patience::of(self.wait.as_ref(), !self.may_wait, timeout_ms, now) {
            // A pause kept it from running until its patience was over.
            Patience::Over if self.may_wait => Empty::NullArray.write(reply),
            Patience::Over => empty.write(reply),
            Patience::Until(until) => {
                let wait = Wait { until, for_keys: true, ..Wait::default() };
                self.asked = Some(Asked { awaited, keys, wait });
            }
        }
    }
}

impl WriteCx<'_> {
    /// The end of a command for which nothing is there: it waits for keys of that type at these words of its request, so
    /// many milliseconds (0: without end), or answers `empty` if it may not. Nothing may have been answered or changed before.
    pub fn wait_for(
        &mut self,
        awaited: Awaited,
        keys: Range<usize>,
        timeout_ms: u64,
        empty: Empty,
    ) {
        self.asking.ask((awaited, keys), timeout_ms, self.now, (empty, self.reply));
    }
}

impl ReadCx<'_> {
    /// Like [`WriteCx::wait_for`].
    pub fn wait_for(
        &mut self,
        awaited: Awaited,
        keys: Range<usize>,
        timeout_ms: u64,
        empty: Empty,
    ) {
        self.asking.ask((awaited, keys), timeout_ms, self.now, (empty, self.reply));
    }
}
