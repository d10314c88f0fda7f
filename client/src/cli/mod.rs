//! The command line program, in parts.
//!
//! Owns: what happens first.   Uses: arguments, session.   Never: parsing or printing of its own.

mod arguments;
mod output;
mod session;
mod words;

use std::process::ExitCode;

use arguments::Parsed;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    use std::os::unix::ffi::OsStringExt;

    let arguments = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    let options = match arguments::parse(arguments, std::env::var("REDISCLI_AUTH").ok()) {
        Ok(Parsed::Run(options)) => options,
        Ok(Parsed::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Version) => {
            println!("lodestore-cli {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(session::run(*options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("lodestore-cli: {error}");
    ExitCode::FAILURE
}
