//! Start and stop.
//!
//! Owns: the order in which things begin and end.   Uses: every floor.   Never: a decision of its own.

pub mod advice;
pub mod arguments;
pub mod banner;
pub mod check;
pub mod daemon;
pub mod log;
pub mod log_file;
pub mod serve;
pub mod settings;
pub mod signal;
pub mod supervisor;
pub mod syslog;
pub mod title;

use arguments::Invocation;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Does what the command line asks for and gives the exit code.
pub fn run() -> i32 {
    match arguments::read(std::env::args_os()) {
        Invocation::Serve(sources) => match settings_of(&sources) {
            Ok((config, warnings)) => {
                let name = arguments::program(&std::env::args_os().next().unwrap_or_default());
                serve::serve(config, &sources, &warnings, &name)
            }
            Err(code) => code,
        },
        Invocation::CheckSystem(sources) => match settings_of(&sources) {
            Ok((config, _)) => serve::check_system(config),
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
            println!("{}", arguments::version());
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
        eprintln!("\n*** FATAL CONFIG FILE ERROR (Lodestore {VERSION}) ***\n{why}");
        1
    })
}
