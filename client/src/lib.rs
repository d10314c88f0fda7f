//! Lodestore client (written in the next commits).
