//! `lodestore-server`: arguments, then `boot::run`, then the exit code.

fn main() {
    std::process::exit(lodestore_server::boot::run());
}
