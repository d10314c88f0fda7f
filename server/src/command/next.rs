//! What a command asks the engine to do after it, since no command can reach the world itself.
//!
//! Owns: the requests.   Uses: config, session.   Never: carries them out (the engine does).

use crate::config::Config;
use crate::session::ClientId;
use crate::session::wait::Ended;

/// What follows a session or server command.
#[derive(Debug)]
pub enum Next {
    /// Nothing: the reply is written.
    Done,
    /// The connection closes once its replies are sent.
    Close,
    /// The queued transaction runs now; its replies form one array.
    RunTransaction,
    /// A snapshot is written now, by the core itself.
    Save,
    /// A child writes a snapshot; `schedule`: later, if it cannot now.
    BackgroundSave {
        /// Do not refuse but wait for a child that lives.
        schedule: bool,
    },
    /// The server ends.
    Shutdown(Shutdown),
    /// These are the settings from now on, if everything that must follow them can; answers OK.
    Configure(Box<Config>),
    /// The settings file is to say what the settings are; the reply waits until it does (CONFIG REWRITE).
    RewriteConfig,
    /// The core does nothing for so many microseconds (DEBUG SLEEP).
    Sleep(u64),
    /// Loads the snapshot (DEBUG RELOAD).
    Reload(Reload),
    /// The client waits and nothing is answered yet: the command runs again when what it waits for may be there, or at
    /// `until` (microseconds of the monotonic clock; none: only if somebody ends it). Never inside EXEC.
    Wait {
        /// The end of its patience.
        until: Option<u64>,
    },
    /// Another client's wait ends.
    EndWait(ClientId, Ended),
    /// Paused clients go on.
    Unpause,
    /// The reply waits until everything that was removed is freed; inside EXEC it does not wait.
    AwaitFreed,
}

/// How a snapshot is loaded on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Save the data set before.
    pub save: bool,
    /// Empty it before.
    pub flush: bool,
    /// A key of the file replaces one that is there; else that is a fault.
    pub replace: bool,
}

/// How the server ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shutdown {
    /// SAVE or NOSAVE; without either, a snapshot is written if save points are set.
    pub save: Option<bool>,
    /// End although the snapshot failed.
    pub force: bool,
}
