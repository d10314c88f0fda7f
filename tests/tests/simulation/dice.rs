//! Seeded chance, and the things that requests are made of.
//!
//! Owns: the generator, the keys and values of a program.   Uses: nothing.   Never: the server's own
//! generator.

/// A request: its words.
pub type Words = Vec<Vec<u8>>;

/// The wall clock when every program begins, in milliseconds since 1970.
pub const BEGIN_MS: i64 = 1_700_000_000_000;

/// Chance that repeats itself for the same seed, and what the program has chosen once.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
    /// How many different keys the program uses.
    pub keys: u64,
    /// The wall clock at this point of the program, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice { state: seed, keys: 8, now_ms: BEGIN_MS };
        dice.keys = dice.pick(&[4, 8, 8, 30, 3000]);
        dice
    }

    /// 64 random bits (xorshift over a Weyl sequence).
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x6a09_e667_f3bc_c909);
        let mut x = self.state;
        x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        x ^ (x >> 32)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of them.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// A key.
    pub fn key(&mut self) -> Vec<u8> {
        match self.below(40) {
            0 => Vec::new(),
            1 => b"a\r\n\0key".to_vec(),
            _ => format!("k{}", self.below(self.keys)).into_bytes(),
        }
    }

    /// A value: mostly short, often a number, now and then so long that it travels by reference.
    pub fn value(&mut self) -> Vec<u8> {
        let length = match self.below(60) {
            0 => 20_000,
            1 => 40_000,
            2 => 70_000,
            3..6 => 300,
            6..10 => 50,
            10..13 => 0,
            13..25 => 6,
            _ => return self.number(),
        };
        let first = self.next() as u8;
        (0..length).map(|i: u64| first.wrapping_add((i * i / 7) as u8)).collect()
    }

    /// The text of a number: mostly small and sound, sometimes at a border, sometimes no number.
    pub fn number(&mut self) -> Vec<u8> {
        let odd = [
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "007",
            "+1",
            " 1",
            "-0",
            "1.5",
            "x",
            "",
        ];
        match self.below(20) {
            0 => self.pick(&odd).into(),
            1 => (self.next() as i64).to_string().into_bytes(),
            _ => (self.below(200) as i64 - 50).to_string().into_bytes(),
        }
    }

    /// A time to live in milliseconds (or in seconds when `unit` is 1000): mostly short.
    pub fn span(&mut self, unit: i64) -> Vec<u8> {
        match self.below(12) {
            0 => self.number(),
            1 => self.pick(&["0", "-1", "9223372036854775807", "9223372036854775", "1e3"]).into(),
            2..5 => ((100_000 / unit).max(1)).to_string().into_bytes(),
            _ => (1 + self.below((4_000 / unit).max(2) as u64)).to_string().into_bytes(),
        }
    }

    /// A moment by the wall clock, in milliseconds (or seconds): mostly in the near future.
    pub fn moment(&mut self, unit: i64) -> Vec<u8> {
        match self.below(12) {
            0 => self.number(),
            1 => self.pick(&["0", "-1", "9223372036854775807", "1"]).into(),
            _ => ((self.now_ms - 1_000 + self.below(4_000) as i64) / unit).to_string().into_bytes(),
        }
    }

    /// A word in upper or lower case.
    pub fn case(&mut self, word: &str) -> Vec<u8> {
        if self.once_in(2) { word.to_uppercase().into() } else { word.to_lowercase().into() }
    }
}
