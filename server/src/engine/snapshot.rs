//! When a snapshot is written, by whom, and what is said about it.
//!
//! Owns: SAVE, BGSAVE, save points, the end of a child, the last save of a shutdown.
//! Uses: persist's state, the host.   Never: forks or opens files itself.

use super::Engine;
use super::port::{ChildNews, Host, HostError, Job};
use crate::base::slab::land;
use crate::command::next::Shutdown;
use crate::keyspace::access::Clock;
use crate::persist::state::{Child, HUNG_AFTER_US};
use crate::resp::error::Error;

impl Engine {
    /// How the next snapshot is to be written.
    pub(super) fn job(&self) -> Job {
        let config = &self.parts.config;
        Job {
            dir: config.dir.clone(),
            file: config.db_filename.clone(),
            version: self.snapshot_version(),
            compress: config.rdb_compression,
            checksum: config.rdb_checksum,
            now_ms: self.now.unix_ms(),
            uses: self.parts.telling(Clock::new(self.now.mono_us)),
            used_memory: self.parts.used_memory(),
        }
    }

    /// The version that is asked for, or the first that knows the times of fields if there are some: nothing may get lost.
    fn snapshot_version(&self) -> u16 {
        const WITH_TIMES: u16 = 12;
        let asked = self.parts.config.rdb_version.number() as u16;
        let keyspace = &self.parts.keyspace;
        let timed = (0..keyspace.written()).any(|number| keyspace.db(number).timed_len() > 0);
        if timed { asked.max(WITH_TIMES) } else { asked }
    }

    /// Writes a snapshot on the core's own time: SAVE.
    pub(super) fn save_now(&mut self, host: &mut dyn Host) -> Result<(), Error> {
        if self.parts.persist.child.is_some() {
            return Err(Error::text("ERR Background save already in progress"));
        }
        self.write_file(host).map_err(|why| Error::text(format!("ERR {}", why.0)))
    }

    fn write_file(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let dirty = self.parts.persist.dirty;
        let begun = host.ticks();
        let result = host.write_snapshot(&self.parts.keyspace, &self.job());
        let took = host.ticks().saturating_sub(begun) / 1000;
        match &result {
            Ok(()) => {
                self.parts.persist.completed(dirty, took, self.now);
                tracing::info!("DB saved on disk");
            }
            Err(why) => {
                tracing::warn!("Saving the snapshot failed: {}", why.0);
                self.parts.persist.failed(why.0.clone());
            }
        }
        result
    }

    /// Forks a child that writes a snapshot: BGSAVE.
    pub(super) fn background_save(
        &mut self,
        host: &mut dyn Host,
        schedule: bool,
    ) -> Result<&'static str, Error> {
        if self.parts.persist.child.is_some() {
            if schedule {
                self.parts.persist.scheduled = true;
                return Ok("Background saving scheduled");
            }
            return Err(Error::text("ERR Background save already in progress"));
        }
        match self.fork(host) {
            Ok(()) => Ok("Background saving started"),
            Err(why) => Err(Error::text(format!("ERR {}", why.0))),
        }
    }

    fn fork(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        self.parts.persist.last_try = Some(self.now);
        let roomy = self.check_headroom(host);
        roomy.inspect_err(|why| tracing::warn!("Can't save in background: {}", why.0))?;
        let job = self.job();
        // Set before the fork, so that the child and the parent agree on what may move.
        self.parts.keyspace.set_child_alive(true);
        land().rest();
        match host.fork_snapshot(&self.parts.keyspace, &job) {
            Ok(forked) => {
                let keys = self.parts.keyspace.keys() as u64;
                let persist = &mut self.parts.persist;
                persist.forks += 1;
                persist.fork_us = forked.fork_us;
                persist.dirty_at_fork = persist.dirty;
                persist.scheduled = false;
                persist.child = Some(Child::new(forked.pid, keys, self.now));
                self.note_spike("fork", forked.fork_us.saturating_mul(1000));
                tracing::info!("Background saving started by pid {}", forked.pid);
                Ok(())
            }
            Err(why) => {
                self.parts.keyspace.set_child_alive(false);
                tracing::warn!("Can't save in background: {}", why.0);
                self.parts.persist.failed(why.0.clone());
                Err(why)
            }
        }
    }

    /// Begins a snapshot that is due. A duty.
    pub(super) fn begin_due_snapshot(&mut self, host: &mut dyn Host) {
        if self.parts.changes.take_emptied_all() {
            self.forget_old_data(host);
        }
        let persist = &self.parts.persist;
        if persist.child.is_some() || persist.loading.is_some() {
            return;
        }
        let points = self.parts.config.save.0.iter();
        let due = persist.due(points.map(|point| (point.seconds, point.changes)), self.now);
        if due || (persist.scheduled && !persist.waits(self.now)) {
            if due {
                tracing::info!("{} changes since the last snapshot. Saving...", persist.dirty);
            }
            // A failure is logged, shown in INFO and tried again later.
            let _ = self.fork(host);
        }
    }

    /// Looks after the child that writes, if there is one and it is time to. A duty.
    pub(super) fn tend_child(&mut self, host: &mut dyn Host) {
        let now = self.now;
        let Some(child) = &mut self.parts.persist.child else { return };
        if now.mono_us < child.next_look_us() {
            return;
        }
        match host.child() {
            ChildNews::None => self.child_ended(),
            ChildNews::Alive { keys, bytes, cow } => {
                if child.hear(keys, bytes, cow, now) {
                    host.kill_child();
                    let minutes = HUNG_AFTER_US / 60_000_000;
                    self.child_failed(format!(
                        "the child wrote nothing for {minutes} minutes and was killed"
                    ));
                } else if let Some(why) = self.memory_runs_out(host, cow) {
                    host.kill_child();
                    self.child_failed(why);
                }
            }
            ChildNews::Placing => child.looked = now,
            ChildNews::Finished { cow } => {
                let (since, peak) = (child.since, child.cow_peak.max(cow));
                let persist = &mut self.parts.persist;
                let dirty = persist.dirty_at_fork;
                persist.headroom.learn(peak, persist.dirty.saturating_sub(dirty));
                persist.completed(dirty, now.mono_us.saturating_sub(since.mono_us), now);
                persist.last_cow = peak;
                tracing::info!("Background saving terminated with success");
                self.child_ended();
            }
            ChildNews::Failed(why) => self.child_failed(why.0),
        }
    }

    fn child_failed(&mut self, why: String) {
        tracing::warn!("Background saving error: {why}");
        self.parts.persist.failed(why);
        self.child_ended();
    }

    fn child_ended(&mut self) {
        self.parts.persist.child = None;
        self.parts.keyspace.set_child_alive(false);
        // Writing while a child shared them has split huge pages.
        land().mend();
    }

    /// After FLUSHALL: the child that still writes the old data is ended, and where save points are set a
    /// snapshot without that data follows at once, so that no crash brings it back.
    fn forget_old_data(&mut self, host: &mut dyn Host) {
        self.abandon_child(host);
        if !self.parts.config.save.0.is_empty() {
            self.parts.persist.scheduled = true;
        }
    }

    /// Ends a child whose snapshot is no longer wanted.
    pub(super) fn abandon_child(&mut self, host: &mut dyn Host) {
        if self.parts.persist.child.is_some() {
            host.kill_child();
            self.child_ended();
        }
    }

    /// Ends the server, with a last snapshot if that is asked for or usual.
    ///
    /// # Errors
    /// The snapshot failed: the server stays, unless it was told to end whatever happens.
    pub fn shut_down(&mut self, host: &mut dyn Host, how: Shutdown) -> Result<(), Error> {
        let save = how.save.unwrap_or(!self.parts.config.save.0.is_empty());
        // While the data set is loading there is nothing whole to save.
        let save = save && self.parts.persist.loading.is_none();
        self.abandon_child(host);
        if save {
            tracing::info!("Saving the final snapshot before exiting.");
            if let Err(why) = self.write_file(host)
                && !how.force
            {
                tracing::warn!(
                    "Not exiting, since the data would be lost: {}. Free the disk and try again, \
                     or use SHUTDOWN NOSAVE or SHUTDOWN FORCE.",
                    why.0
                );
                return Err(Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
            }
        }
        tracing::warn!("Lodestore is now ready to exit, bye bye...");
        self.exit = Some(0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Now;
    use crate::command::context::{About, IoCounters};
    use crate::config::Config;
    use crate::engine::port::{Decoded, Forked, Garbage, Room, SnapshotFile};
    use crate::keyspace::Keyspace;
    use crate::persist::rdb::decode::Purpose;
    use crate::persist::rdb::fault::LoadError;
    use crate::persist::rdb::records::Records;
    use crate::session::ClientId;

    /// A world in which the child does what a test wants and nothing else happens.
    struct World {
        child: ChildNews,
        memory: Option<Room>,
        forks: Result<(), HostError>,
        forked: u32,
        killed: u32,
    }

    impl IoCounters for World {
        fn output(&self, _id: ClientId) -> (u64, u64) {
            (0, 0)
        }
    }

    impl Host for World {
        fn ticks(&mut self) -> u64 {
            0
        }
        fn cpu_ticks(&mut self) -> u64 {
            0
        }
        fn fork_snapshot(&mut self, _: &Keyspace, _: &Job) -> Result<Forked, HostError> {
            self.forked += 1;
            self.forks.clone().map(|()| Forked { pid: 1, fork_us: 1 })
        }
        fn child(&mut self) -> ChildNews {
            self.child.clone()
        }
        fn kill_child(&mut self) {
            self.killed += 1;
        }
        fn write_snapshot(&mut self, _: &Keyspace, _: &Job) -> Result<(), HostError> {
            Ok(())
        }
        fn open_snapshot(
            &mut self,
            _: &Job,
            _: Purpose,
        ) -> Result<Option<SnapshotFile>, HostError> {
            Ok(None)
        }
        fn next_records(&mut self, _: Records) -> Result<Decoded, LoadError> {
            Ok(Decoded::End)
        }
        fn use_directory(&mut self, _: &str) -> Result<(), HostError> {
            Ok(())
        }
        fn memory(&mut self) -> Option<Room> {
            self.memory
        }
        fn sleep(&mut self, _: u64) {}
        fn discard(&mut self, _: Garbage) {}
        fn breathe(&mut self) {}
    }

    fn world() -> (Engine, World) {
        let child = ChildNews::Alive { keys: 0, bytes: 0, cow: 0 };
        let world = World { child, memory: None, forks: Ok(()), forked: 0, killed: 0 };
        (Engine::new(Config::default(), About::default(), 1), world)
    }

    fn turn(engine: &mut Engine, world: &mut World, ms: u64) {
        engine.turn(world, Now { unix_us: 0, mono_us: ms * 1000 }, &mut Vec::new());
    }

    #[test]
    fn a_hung_child_is_killed_and_an_idle_server_rests() {
        let (mut engine, mut world) = world();
        turn(&mut engine, &mut world, 0);
        assert!(engine.next_deadline() >= 100_000, "nothing is to be done for a while");
        engine.background_save(&mut world, false).unwrap();
        assert!(engine.next_deadline() <= 10_000, "the child is looked at soon");
        let minutes = HUNG_AFTER_US / 60_000_000;
        for second in 1..=minutes * 60 {
            turn(&mut engine, &mut world, second * 1000);
            assert_eq!(world.killed, 0, "{second}");
        }
        turn(&mut engine, &mut world, (minutes * 60 + 1) * 1000);
        assert_eq!((world.killed, engine.parts.persist.child.is_some()), (1, false));
        let why = engine.parts.persist.last_error.clone().unwrap();
        assert_eq!(why, "the child wrote nothing for 10 minutes and was killed");
    }

    #[test]
    fn a_slow_child_is_not_hung() {
        let (mut engine, mut world) = world();
        engine.background_save(&mut world, false).unwrap();
        for second in 1..=3600 {
            world.child = ChildNews::Alive { keys: 0, bytes: second / 500, cow: 0 };
            turn(&mut engine, &mut world, second * 1000);
        }
        for second in 3601..=7200 {
            world.child = ChildNews::Placing;
            turn(&mut engine, &mut world, second * 1000);
        }
        assert_eq!(world.killed, 0);
        world.child = ChildNews::Finished { cow: 7 };
        turn(&mut engine, &mut world, 7_201_000);
        assert_eq!((engine.parts.persist.saves, engine.parts.persist.last_cow), (1, 7));
    }

    #[test]
    fn a_fork_that_fails_is_tried_again_later_and_what_was_scheduled_too() {
        let (mut engine, mut world) = world();
        world.forks = Err(HostError("no memory".into()));
        engine.parts.persist.scheduled = true;
        for ms in (0..=36_000).step_by(100) {
            turn(&mut engine, &mut world, ms);
        }
        assert_eq!(world.forked, 4, "at once, after 5, 10 and 20 seconds more");
        assert_eq!(engine.parts.persist.last_error.as_deref(), Some("no memory"));
        world.forks = Ok(());
        for ms in (36_100..=80_000).step_by(100) {
            turn(&mut engine, &mut world, ms);
        }
        assert_eq!((world.forked, engine.parts.persist.scheduled), (5, false));
    }

    const GB: u64 = 1 << 30;

    /// An engine that is told of this many changes in a second.
    fn busy(world: &mut World, changes: u64) -> Engine {
        let mut engine = Engine::new(Config::default(), About::default(), 1);
        turn(&mut engine, world, 0);
        engine.parts.persist.dirty = changes;
        turn(&mut engine, world, 1_000);
        engine
    }

    #[test]
    fn a_snapshot_that_cannot_fit_is_refused_with_figures_and_waits_when_it_is_due() {
        let (_, mut world) = world();
        world.memory = Some(Room { total: 4 * GB, available: 1 });
        let mut engine = busy(&mut world, 0);
        let refused = engine.background_save(&mut world, false).unwrap_err();
        let words = refused.to_string();
        assert!(words.starts_with("ERR not enough memory for a snapshot: at 0 changes"), "{words}");
        assert!(words.contains("snapshot-headroom (it is 50;"), "{words}");
        let persist = &engine.parts.persist;
        assert_eq!((world.forked, persist.headroom.refused, persist.failures), (0, 1, 0));
        assert!(persist.last_error.is_none(), "writes go on: nothing has failed");
        engine.parts.persist.scheduled = true;
        for ms in (1_000..=20_000).step_by(100) {
            turn(&mut engine, &mut world, ms);
        }
        assert_eq!(engine.parts.persist.headroom.refused, 3, "tried after 5 and 10 seconds more");
        world.memory = Some(Room { total: 4 * GB, available: 2 * GB });
        for ms in (20_000..=60_000).step_by(100) {
            turn(&mut engine, &mut world, ms);
        }
        assert_eq!((world.forked, engine.parts.persist.scheduled), (1, false));
    }

    #[test]
    fn who_switches_the_guard_off_has_no_guard() {
        let (_, mut world) = world();
        world.memory = Some(Room { total: GB, available: 0 });
        let mut engine = busy(&mut world, 1_000_000);
        engine.parts.config.snapshot_headroom.0 = None;
        engine.background_save(&mut world, false).unwrap();
        world.child = ChildNews::Alive { keys: 1, bytes: 1, cow: GB };
        turn(&mut engine, &mut world, 2_000);
        assert_eq!((world.forked, world.killed), (1, 0));
    }

    #[test]
    fn a_child_for_which_memory_runs_out_is_ended_before_the_server_is() {
        let (_, mut world) = world();
        world.memory = Some(Room { total: 4 * GB, available: GB });
        let mut engine = busy(&mut world, 10);
        engine.background_save(&mut world, false).unwrap();
        world.child = ChildNews::Alive { keys: 1, bytes: 1, cow: GB };
        turn(&mut engine, &mut world, 2_000);
        assert_eq!(world.killed, 0, "there is enough");
        world.memory = Some(Room { total: 4 * GB, available: GB / 64 });
        turn(&mut engine, &mut world, 2_050);
        assert_eq!(world.killed, 0, "it is not looked at so often");
        turn(&mut engine, &mut world, 2_200);
        assert_eq!((world.killed, engine.parts.persist.child.is_some()), (1, false));
        let why = engine.parts.persist.last_error.clone().unwrap();
        assert!(
            why.starts_with("the child was ended before memory ran out: 1074 MB were"),
            "{why}"
        );
        // One for which nothing was copied is not to blame.
        engine.background_save(&mut world, false).unwrap();
        world.child = ChildNews::Alive { keys: 1, bytes: 1, cow: 0 };
        turn(&mut engine, &mut world, 3_000);
        assert_eq!(world.killed, 1);
    }
}
