//! Serves: the order in which things begin.
//!
//! Owns: that order.   Uses: every floor.   Never: a request.
//!
//! ```text
//!   background -> log -> descriptors -> title -> directory (lock) -> listening sockets -> pid file -> engine ->
//!   I/O threads -> whoever started it is let go -> load -> ready
//! ```
//! Nothing that a fork would lose may begin before the background. The sockets are bound before the load, so
//! that clients are answered -LOADING; a port that is taken is said before a large file is read.

use super::advice::{self, Facts, TooFewFiles};
use super::arguments::Sources;
use super::daemon::{PidFile, Starter};
use super::supervisor::Supervisor;
use super::{VERSION, banner, log, signal, title};
use crate::base::slab::land;
use crate::base::{crash, process, sys};
use crate::command::context::About;
use crate::config::{Config, IoThreads};
use crate::engine::port::Host;
use crate::engine::{Engine, configure};
use crate::io::bell::Bell;
use crate::io::clock::Clock;
use crate::io::core::Core;
use crate::io::disk::{OWN_DESCRIPTORS, World};
use crate::io::ending::Ending;
use crate::io::listener::Listeners;
use crate::io::memory::Meter;
use crate::io::reactor::{Reactor, Role, install, with};
use crate::io::registry::Registry;
use crate::io::settings::IoSettings;
use crate::io::threads;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What this process leaves in the world while it runs.
#[derive(Default)]
struct Traces {
    pid_file: Option<PidFile>,
    unix_socket: Option<PathBuf>,
}

impl Traces {
    fn clear(&self) {
        if let Some(file) = &self.pid_file {
            file.remove();
        }
        if let Some(path) = &self.unix_socket {
            // Whoever has removed it did what was to be done.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What is settled before the first thread.
struct Prepared {
    config: Config,
    /// The settings as the files and the command line have them.
    asked: Config,
    about: About,
    seed: u64,
    log_file: Option<PathBuf>,
    supervisor: Arc<Supervisor>,
    starter: Option<Starter>,
    set_level: log::SetLevel,
    advice: Vec<String>,
}

/// Serves until the end and gives the exit code. `name` is what the program was started as.
pub fn serve(config: Config, sources: &Sources, warnings: &[String], name: &str) -> i32 {
    sys::settle_signals();
    let to_file = config.log_file.is_some();
    let ended = prepare(config, sources, warnings).and_then(|prepared| start(prepared, name));
    ended.unwrap_or_else(|why| {
        for line in why.lines() {
            tracing::error!("{line}");
        }
        // Without a file the line above has been seen, unless there was no log yet.
        if to_file || !tracing::enabled!(tracing::Level::ERROR) {
            eprintln!("{why}");
        }
        1
    })
}

/// Goes to the background, opens the log, and makes the settings fit this machine.
fn prepare(config: Config, sources: &Sources, warnings: &[String]) -> Result<Prepared, String> {
    let mut asked = config.clone();
    let mut config = config;
    let dir = std::fs::canonicalize(&config.dir)
        .map_err(|e| format!("Can't chdir to '{}': {e}", config.dir))?;
    // A file must say a directory in full: the next start may be from elsewhere.
    if Path::new(&config.dir).is_relative() {
        asked.dir = dir.display().to_string();
    }
    config.dir = dir.display().to_string();
    // As in Redis, the paths of files begin at that directory.
    let log_file = config.log_file.as_ref().map(|path| dir.join(path));
    let (supervisor, alone) =
        Supervisor::find(config.supervised, &|name: &str| std::env::var_os(name));
    let background = config.daemonize && !supervisor.is_there();
    let starter = if background { Some(Starter::leave()?) } else { None };
    crash::report_panics(VERSION, log_file.clone());
    crash::set_detailed(config.crash_log);
    let set_level = log::start(&config, log_file.as_deref())?;
    tracing::info!("oO0OoO0OoO0Oo Lodestore is starting oO0OoO0OoO0Oo");
    let (pid, redis) = (std::process::id(), crate::resp::REDIS_VERSION);
    tracing::info!("Lodestore version={VERSION}, redis={redis}, bits=64, pid={pid}, just started");
    for warning in warnings.iter().chain(&alone) {
        tracing::warn!("{warning}");
    }
    supervisor.began();
    if let Err(error) = sys::try_out_filter() {
        tracing::warn!("Can't fork, so snapshots will fail: {error}");
    }
    let too_few_files = raise_descriptor_limit(&mut config);
    let memory = settle_memory_limit(&mut config)?;
    let threads = io_threads(config.io_threads);
    // Who asks is told a number: tools read one.
    config.io_threads = IoThreads::Count(threads + 1);
    let seed = seed();
    Ok(Prepared {
        advice: advice::advice(&Facts::of(&config, memory, too_few_files)),
        about: about(sources, seed, threads),
        config,
        asked,
        seed,
        log_file,
        supervisor: Arc::new(supervisor),
        starter,
        set_level,
    })
}

/// Takes the directory and the sockets, and leaves the traces that end with the process.
fn start(mut prepared: Prepared, name: &str) -> Result<i32, String> {
    let config = &prepared.config;
    if config.set_title {
        let title = title::title(config, name, &prepared.about.config_file);
        if let Err(error) = process::set_title(&title) {
            tracing::debug!("The process keeps its title: {error}");
        }
    }
    let set_level = std::mem::replace(&mut prepared.set_level, Box::new(|_| {}));
    let registry = Arc::new(Registry::default());
    let mut world = World::new(Clock::start(), Arc::clone(&registry), set_level)
        .map_err(|e| format!("cannot start: {e}"))?;
    world.use_directory(&config.dir).map_err(|why| why.0)?;
    if let Err(why) = world.score_oom(config) {
        tracing::warn!("oom-score-adj has no effect: {}", why.0);
    }
    let listeners = Listeners::bind(config)?;
    let dir = Path::new(&config.dir);
    let named = config.pid_file.as_ref().map(|path| dir.join(path));
    let traces = Arc::new(Traces {
        pid_file: PidFile::write(named.as_deref(), prepared.starter.is_some()),
        unix_socket: config.unix_socket.as_ref().map(|path| dir.join(path)),
    });
    if banner::is_wanted(config, std::io::stdout().is_terminal()) {
        log::print(&banner::banner(config), prepared.log_file.as_deref());
    } else {
        tracing::info!("Running mode=standalone, port={}.", config.port);
    }
    let ended = run(prepared, world, registry, listeners, &traces);
    traces.clear();
    ended
}

/// Starts all threads and becomes the core thread.
fn run(
    prepared: Prepared,
    world: World,
    registry: Arc<Registry>,
    listeners: Listeners,
    traces: &Arc<Traces>,
) -> Result<i32, String> {
    let failed = |error: std::io::Error| format!("cannot start: {error}");
    let Prepared { config, asked, about, seed, supervisor, starter, advice, .. } = prepared;
    let fixed = matches!(asked.io_threads, IoThreads::Count(_));
    let settings = Arc::new(IoSettings::of(&config));
    configure::stand_on(config.huge_pages);
    let threads = u16::try_from(about.io_threads).unwrap_or(u16::MAX);
    let mut engine = Engine::new(config, about, seed);
    engine.came_from(asked);
    let preparer = engine.preparer();
    let bell = Bell::default();
    let ending = Arc::new(Ending::default());
    let mut links = Vec::new();
    for thread in 1..=threads {
        let (settings, registry) = (Arc::clone(&settings), Arc::clone(&registry));
        let link = threads::start(thread, bell.clone(), settings, preparer.clone(), registry);
        links.push(link.map_err(failed)?);
    }
    keep_land().map_err(failed)?;
    let told = Arc::clone(&supervisor);
    signal::listen(Arc::clone(&ending), bell.clone(), move || told.stopping()).map_err(failed)?;
    let (traces, told) = (Arc::clone(traces), Arc::clone(&supervisor));
    let at_exit = Box::new(move |code| {
        told.stopping();
        traces.clear();
        std::process::exit(code)
    });
    let mut core = Core::new(engine, world, links, ending, at_exit);
    if fixed {
        core.open_all();
    }
    begin_load(&mut core)?;
    if let Some(starter) = starter {
        starter.release();
    }
    let role = Role::Core(Box::new(core));
    let reactor = Reactor::new(0, settings, preparer, Arc::clone(&registry), bell.clone(), role);
    install(reactor);
    let runtime = threads::runtime().map_err(failed)?;
    runtime.block_on(async move {
        tokio::spawn(bell.listen());
        tokio::spawn(tick());
        let kinds = listeners.kinds();
        listeners.serve(&registry, || with(|reactor| reactor.settings())).map_err(failed)?;
        announce(kinds, &supervisor, &advice).await;
        timer().await
    })
}

/// Starts the thread that prepares memory for data.
fn keep_land() -> std::io::Result<()> {
    let keeper = std::thread::Builder::new().name("keeper".into());
    keeper.spawn(|| land().keep()).map(drop)
}

/// Begins to load the snapshot. A file that cannot be opened keeps the server from starting.
fn begin_load(core: &mut Core) -> Result<(), String> {
    let (engine, world) = core.parts();
    let now = world.clock().now();
    engine.turn(world, now, &mut Vec::new());
    let parts = engine.parts();
    parts.about.startup_memory = parts.used_memory();
    engine.begin_load(world).map_err(|why| why.0)?;
    Ok(())
}

/// How often a supervisor is asked for patience while a load goes on.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says the lines that tools wait for, once the data is there.
async fn announce((tcp, unix): (bool, bool), supervisor: &Supervisor, advice: &[String]) {
    tracing::info!("Server initialized");
    for line in advice {
        tracing::warn!("{line}");
    }
    let mut told = std::time::Instant::now();
    supervisor.loading();
    while with(|reactor| reactor.core().is_some_and(|core| core.engine().is_loading())) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if told.elapsed() > PATIENCE {
            told = std::time::Instant::now();
            supervisor.loading();
        }
    }
    if tcp {
        tracing::info!("Ready to accept connections tcp");
    }
    if unix {
        tracing::info!("Ready to accept connections unix");
    }
    supervisor.ready();
}

/// Wakes the thread when the engine wants a turn.
async fn timer() -> Result<i32, String> {
    loop {
        let Some((at, earlier)) = with(|reactor| reactor.core().map(Core::set_timer)) else {
            return Err("the core thread has lost its core".into());
        };
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {}
            () = earlier.notified() => continue,
        }
        // The idle end may be far away under load, and until a turn the deadline stays in the past.
        with(Reactor::turn);
    }
}

/// Looks at limits of time.
async fn tick() {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        with(Reactor::tick);
    }
}

/// I/O threads besides the core.
fn io_threads(setting: IoThreads) -> u16 {
    match setting {
        IoThreads::Count(count) => count.saturating_sub(1),
        IoThreads::Auto => {
            let cpus = std::thread::available_parallelism().map_or(1, usize::from);
            if cpus <= 2 { 0 } else { (cpus - 1).min(8) as u16 }
        }
    }
}

/// Asks for as many descriptors as `maxclients` needs, or lowers it to what there is and says so.
fn raise_descriptor_limit(config: &mut Config) -> Option<TooFewFiles> {
    let wanted = u64::from(config.max_clients) + OWN_DESCRIPTORS;
    let (before, _) = sys::descriptor_limit();
    let limit = sys::raise_descriptor_limit(wanted);
    if limit > before {
        tracing::info!("Raised the limit on open files to {limit}");
    }
    if limit >= wanted {
        return None;
    }
    let clients = config.max_clients;
    let most = limit.saturating_sub(OWN_DESCRIPTORS).max(1);
    config.max_clients = u32::try_from(most).unwrap_or(u32::MAX);
    Some(TooFewFiles { clients, wanted, limit })
}

/// Turns a share of memory into bytes, and says how much there is.
fn settle_memory_limit(config: &mut Config) -> Result<Option<u64>, String> {
    let total = Meter::new().read().map(|room| room.total);
    let unknown = "maxmemory is a share, but the machine does not say how much memory it has";
    config.max_memory = config.max_memory.on_machine(total).ok_or(unknown)?;
    Ok(total)
}

/// Prints what each check says of this machine with these settings: 0 if nothing has to be mended.
pub fn check_system(mut config: Config) -> i32 {
    let too_few_files = raise_descriptor_limit(&mut config);
    let memory = settle_memory_limit(&mut config).unwrap_or_default();
    let facts = Facts::of(&config, memory, too_few_files);
    let mut faults = 0;
    for (name, check) in advice::CHECKS {
        match check(&facts) {
            None => println!("[{name}]...OK"),
            Some(advice) => {
                faults += 1;
                println!("[{name}]...WARNING:\n{advice}");
            }
        }
    }
    i32::from(faults > 0)
}

/// A seed that nobody can guess.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn about(sources: &Sources, seed: u64, threads: u16) -> About {
    let mut rng = crate::base::random::Rng::new(seed ^ 0x5eed);
    let run_id = rng.name();
    let path = |path: std::io::Result<std::path::PathBuf>| {
        path.map_or_else(|_| String::new(), |path| path.display().to_string())
    };
    About {
        run_id,
        config_file: sources
            .file
            .as_ref()
            .map_or_else(String::new, |file| path(std::fs::canonicalize(file))),
        executable: path(std::env::current_exe()),
        pid: std::process::id(),
        io_threads: usize::from(threads),
        os: sys::os_name(),
        // Known when everything is there: see `begin_load`.
        startup_memory: 0,
    }
}
