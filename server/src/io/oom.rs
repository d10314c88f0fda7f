//! Whom the kernel ends first when memory runs out: this process, or the child that writes a snapshot.
//!
//! Owns: the score this process began with, and that of the next child.   Uses: /proc.   Never: decides the scores.
//!
//! A child shares its memory with the server, so the kernel sees two large processes. Ending the child costs a
//! snapshot, ending the server costs the service.

use crate::config::{Config, OomScores};
use crate::engine::port::HostError;
use std::fs;
use std::path::Path;

/// The least and the most that the kernel takes.
const BOUNDS: (i32, i32) = (-1000, 1000);

/// What was said about scores.
#[derive(Debug, Default)]
pub struct Oom {
    /// What this process had before; none: never changed.
    begun_with: Option<i32>,
    /// What a child is to have.
    child: Option<i32>,
}

impl Oom {
    /// Takes the settings over.
    ///
    /// # Errors
    /// The kernel lets only root become less likely to be ended.
    pub fn apply(&mut self, config: &Config) -> Result<(), HostError> {
        let own = Path::new("/proc/self/oom_score_adj");
        let begun_with = match self.begun_with {
            Some(score) => score,
            None if config.oom_score == OomScores::No => return Ok(()),
            None => read(own)?,
        };
        let [server, _replica, child] = config.oom_values.0;
        let base = match config.oom_score {
            OomScores::No => None,
            OomScores::Relative => Some(begun_with),
            OomScores::Absolute => Some(0),
        };
        let score = |value: i32| base.map(|base| (base + value).clamp(BOUNDS.0, BOUNDS.1));
        write(own, score(server).unwrap_or(begun_with))?;
        (self.begun_with, self.child) = (Some(begun_with), score(child));
        Ok(())
    }

    /// Gives a child its score, from outside: in a child nothing may be opened.
    pub fn mark_child(&self, pid: i32) {
        if let Some(score) = self.child
            && let Err(HostError(why)) =
                write(Path::new(&format!("/proc/{pid}/oom_score_adj")), score)
        {
            tracing::warn!("{why}");
        }
    }
}

fn read(path: &Path) -> Result<i32, HostError> {
    let text = fs::read_to_string(path);
    let score = text.ok().and_then(|text| text.trim().parse().ok());
    score.ok_or_else(|| HostError(format!("{} cannot be read", path.display())))
}

fn write(path: &Path, score: i32) -> Result<(), HostError> {
    let failed = |error| {
        let path = path.display();
        HostError(format!("Unable to write {score} to {path}: {error}"))
    };
    fs::write(path, score.to_string()).map_err(failed)
}
