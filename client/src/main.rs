//! lodestore-cli.
fn main() {}
