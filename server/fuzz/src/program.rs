//! Bytes as a program: what targets read their steps from.
//!
//! Owns: the place in the bytes.   Uses: nothing.   Never: what a step means.

/// Reads a program byte by byte; zeros follow its end.
pub struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    pub fn new(bytes: &'a [u8]) -> Program<'a> {
        Program(bytes)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }
}
