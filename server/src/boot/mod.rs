//! Start and stop.
//!
//! Owns: the order in which things begin and end.   Uses: every floor.   Never: a decision of its own.

pub mod arguments;
pub mod check;
pub mod log;
pub mod serve;
pub mod settings;
pub mod signal;

use arguments::Invocation;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does what the command line asks for and gives the exit code.
pub fn run() -> i32 {
    match arguments::read(std::env::args_os().skip(1)) {
        Invocation::Serve(sources) => match settings_of(&sources) {
            Ok((config, warnings)) => serve::serve(config, &sources, &warnings),
            Err(code) => code,
        },
        Invocation::Check(path) => check::check(&path),
        Invocation::Salvage(path, copy) => check::salvage(&path, &copy),
        Invocation::CheckConfig(sources) => match settings_of(&sources) {
            Ok((_, warnings)) => {
                for warning in warnings {
                    println!("{warning}");
                }
                println!("The settings are right.");
                0
            }
            Err(code) => code,
        },
        Invocation::Help => {
            print!("{}", arguments::HELP);
            0
        }
        Invocation::Version => {
            println!("Lodestore server v={VERSION} bits=64 malloc=jemalloc");
            0
        }
        Invocation::Wrong(why) => {
            eprintln!("{why}\n\n{}", arguments::HELP);
            1
        }
    }
}

fn settings_of(sources: &arguments::Sources) -> Result<(crate::config::Config, Vec<String>), i32> {
    settings::read(sources, &mut std::io::stdin()).map_err(|why| {
        eprintln!("\n*** FATAL CONFIG ERROR ***\n{why}");
        1
    })
}
