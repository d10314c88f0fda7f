//! Serves: the order in which things begin.
//!
//! Owns: that order.   Uses: every floor.   Never: a request.
//!
//! ```text
//!   log -> descriptors -> directory (lock) -> listening sockets -> engine -> I/O threads -> load -> ready
//! ```
//! The sockets are bound before the load, so that clients are answered -LOADING; a port that is taken is
//! said before a large file is read.

use super::arguments::Sources;
use super::{VERSION, log, signal};
use crate::base::slab::land;
use crate::base::{crash, sys};
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
use std::sync::Arc;
use std::time::Duration;

/// Serves until the end and gives the exit code.
pub fn serve(config: Config, sources: &Sources, warnings: &[String]) -> i32 {
    crash::report_panics(VERSION, config.log_file.clone());
    sys::settle_signals();
    match start(config, sources, warnings) {
        Ok(code) => code,
        Err(why) => {
            tracing::error!("{why}");
            eprintln!("{why}");
            1
        }
    }
}

fn start(mut config: Config, sources: &Sources, warnings: &[String]) -> Result<i32, String> {
    let set_level = log::start(&config)?;
    tracing::info!("oO0OoO0OoO0Oo Lodestore is starting oO0OoO0OoO0Oo");
    tracing::info!("Lodestore version={VERSION}, bits=64, pid={}", std::process::id());
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    raise_descriptor_limit(&mut config);
    let dir = std::fs::canonicalize(&config.dir)
        .map_err(|e| format!("Can't chdir to '{}': {e}", config.dir))?;
    config.dir = dir.display().to_string();
    settle_memory_limit(&mut config)?;
    let clock = Clock::start();
    let registry = Arc::new(Registry::default());
    let mut world = World::new(clock, Arc::clone(&registry), set_level)
        .map_err(|e| format!("cannot start: {e}"))?;
    world.use_directory(&config.dir).map_err(|why| why.0)?;
    let listeners = Listeners::bind(&config)?;
    run(config, sources, world, registry, listeners)
}

/// Starts all threads and becomes the core thread.
fn run(
    config: Config,
    sources: &Sources,
    world: World,
    registry: Arc<Registry>,
    listeners: Listeners,
) -> Result<i32, String> {
    let failed = |error: std::io::Error| format!("cannot start: {error}");
    let threads = io_threads(config.io_threads);
    let fixed = matches!(config.io_threads, IoThreads::Count(_));
    let settings = Arc::new(IoSettings::of(&config));
    let seed = seed();
    let unix_socket = config.unix_socket.clone();
    configure::stand_on(config.huge_pages);
    let engine = Engine::new(config, about(sources, seed, threads), seed);
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
    signal::listen(Arc::clone(&ending), bell.clone()).map_err(failed)?;
    let at_exit = Box::new(move |code| {
        if let Some(path) = &unix_socket {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(code)
    });
    let mut core = Core::new(engine, world, links, ending, at_exit);
    if fixed {
        core.open_all();
    }
    begin_load(&mut core)?;
    let role = Role::Core(Box::new(core));
    let reactor = Reactor::new(0, settings, preparer, Arc::clone(&registry), bell.clone(), role);
    install(reactor);
    let runtime = threads::runtime().map_err(failed)?;
    runtime.block_on(async move {
        tokio::spawn(bell.listen());
        tokio::spawn(tick());
        let kinds = listeners.kinds();
        listeners.serve(&registry, || with(|reactor| reactor.settings())).map_err(failed)?;
        announce(kinds).await;
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

/// Says the lines that tools wait for, once the data is there.
async fn announce((tcp, unix): (bool, bool)) {
    tracing::info!("Server initialized");
    while with(|reactor| reactor.core().is_some_and(|core| core.engine().is_loading())) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    if tcp {
        tracing::info!("Ready to accept connections tcp");
    }
    if unix {
        tracing::info!("Ready to accept connections unix");
    }
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

/// Asks for as many descriptors as `maxclients` needs, or lowers it to what there is.
fn raise_descriptor_limit(config: &mut Config) {
    let wanted = u64::from(config.max_clients) + OWN_DESCRIPTORS;
    let (before, _) = sys::descriptor_limit();
    let now = sys::raise_descriptor_limit(wanted);
    if now > before {
        tracing::info!("Raised the limit on open files to {now}");
    }
    if now < wanted {
        let most = now.saturating_sub(OWN_DESCRIPTORS).max(1);
        tracing::warn!(
            "maxclients lowered from {} to {most}: the limit on open files is {now}. Raise it with \
             'ulimit -n {wanted}'.",
            config.max_clients
        );
        config.max_clients = u32::try_from(most).unwrap_or(u32::MAX);
    }
}

/// Turns a share of memory into bytes, and warns where a container has a limit and the server none: then the kernel
/// would kill it when it is full.
fn settle_memory_limit(config: &mut Config) -> Result<(), String> {
    let total = Meter::new().read().map(|room| room.total);
    let unknown = "maxmemory is a share, but the machine does not say how much memory it has";
    config.max_memory = config.max_memory.on_machine(total).ok_or(unknown)?;
    if let (0, Some(limit)) = (config.max_memory.bytes(), total)
        && limit < sys::total_memory()
    {
        tracing::warn!(
            "This container may use {limit} bytes of memory, and maxmemory is not set: when they are used up, \
             the kernel will end the server. Set for example 'maxmemory 80%'."
        );
    }
    Ok(())
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
