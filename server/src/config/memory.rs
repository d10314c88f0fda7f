//! Settings that are amounts of memory: sizes, and bounds that may be shares of something.
//!
//! Owns: these kinds.   Uses: kinds, `base::bytes`.   Never: asks what the machine has.

use super::kinds::{Range, Word, within};
use crate::base::bytes::parse_memory;

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(pub u64);

impl Memory {
    /// Reads `1048576`, `512kb`, `1g`...: k, m and g count in thousands, kb, mb and gb in 1024s.
    /// A size that does not fit 63 bits is no size.
    pub fn read(word: &str) -> Option<Memory> {
        let bytes = parse_memory(word)?;
        i64::try_from(bytes).is_ok().then_some(Memory(bytes))
    }
}

/// A size with the largest unit that tells it exactly.
pub(super) fn with_unit(bytes: u64) -> String {
    let units = [("gb", 1u64 << 30), ("mb", 1 << 20), ("kb", 1 << 10)];
    match units.iter().find(|(_, size)| bytes != 0 && bytes.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => bytes.to_string(),
    }
}

impl Word for Memory {
    const RANGE: Option<Range> = Some((0, i64::MAX));

    fn parse(word: &str, range: Range) -> Result<Memory, String> {
        let size = Memory::read(word).ok_or("argument must be a memory value")?;
        let bytes = i64::try_from(size.0).map_err(|_| "argument must be a memory value")?;
        within(bytes, range)?;
        Ok(size)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }

    fn written(&self) -> String {
        with_unit(self.0)
    }
}

/// A bound on memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// So many bytes; 0: none.
    Bytes(u64),
    /// A share of the machine's memory, 1 to 100, until somebody who knows the machine has turned it into bytes.
    Percent(u8),
}

impl MemoryLimit {
    /// The bound in bytes; 0: there is none. A share binds nothing before it is turned into bytes.
    #[inline]
    pub fn bytes(self) -> u64 {
        match self {
            MemoryLimit::Bytes(bytes) => bytes,
            MemoryLimit::Percent(_) => 0,
        }
    }

    /// The bound in bytes on a machine with `memory` bytes; none if it is a share and that is not known.
    pub fn on_machine(self, memory: Option<u64>) -> Option<MemoryLimit> {
        match self {
            MemoryLimit::Bytes(_) => Some(self),
            MemoryLimit::Percent(share) => {
                let memory = memory?;
                let bytes = u128::from(memory) * u128::from(share) / 100;
                Some(MemoryLimit::Bytes(u64::try_from(bytes).unwrap_or(memory)))
            }
        }
    }
}

impl Word for MemoryLimit {
    const RANGE: Option<Range> = Some((0, i64::MAX));

    fn parse(word: &str, range: Range) -> Result<MemoryLimit, String> {
        let Some(share) = word.strip_suffix('%') else {
            return Memory::parse(word, range).map(|size| MemoryLimit::Bytes(size.0));
        };
        match u32::parse(share, (1, 100)).map(u8::try_from) {
            Ok(Ok(share)) => Ok(MemoryLimit::Percent(share)),
            Ok(Err(_)) | Err(_) => Err("argument must be a memory value, or 1% to 100%".into()),
        }
    }

    fn show(&self) -> String {
        match self {
            MemoryLimit::Bytes(bytes) => bytes.to_string(),
            MemoryLimit::Percent(share) => format!("{share}%"),
        }
    }

    fn written(&self) -> String {
        match self {
            MemoryLimit::Bytes(bytes) => with_unit(*bytes),
            MemoryLimit::Percent(_) => self.show(),
        }
    }
}

/// How much memory clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientMemory {
    /// So many bytes; 0: no limit.
    Bytes(u64),
    /// A part of `maxmemory`; without that one no limit.
    Percent(u8),
}

impl Word for ClientMemory {
    fn parse(word: &str, _range: Range) -> Result<ClientMemory, String> {
        if let Some(number) = word.strip_suffix('%') {
            let wrong = "argument must be a memory or percent value";
            let percent = number.parse::<u64>().map_err(|_| wrong)?;
            return match u8::try_from(percent) {
                Ok(0) => Ok(ClientMemory::Bytes(0)),
                Ok(percent @ 1..=100) => Ok(ClientMemory::Percent(percent)),
                Ok(_) | Err(_) => Err("percentage argument must be less or equal to 100".into()),
            };
        }
        let size = Memory::read(word).ok_or("argument must be a memory or percent value")?;
        Ok(ClientMemory::Bytes(size.0))
    }

    fn show(&self) -> String {
        match self {
            ClientMemory::Bytes(bytes) => bytes.to_string(),
            ClientMemory::Percent(percent) => format!("{percent}%"),
        }
    }

    fn written(&self) -> String {
        match self {
            ClientMemory::Bytes(bytes) => with_unit(*bytes),
            ClientMemory::Percent(_) => self.show(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_units() {
        for (word, bytes) in
            [("7", 7), ("3B", 3), ("1k", 1000), ("1Kb", 1024), ("2m", 2_000_000), ("1GB", 1 << 30)]
        {
            assert_eq!(Memory::read(word), Some(Memory(bytes)), "{word}");
        }
        for word in ["", "kb", "-1", "+1", "1.5mb", "1 gb", "50%", "1xb", "99999999999999gb"] {
            assert_eq!(Memory::read(word), None, "{word}");
        }
    }

    #[test]
    fn a_share_of_memory_becomes_bytes() {
        let all = (0, i64::MAX);
        let limit = |word| MemoryLimit::parse(word, all);
        assert_eq!(limit("80%").unwrap().on_machine(Some(1000)), Some(MemoryLimit::Bytes(800)));
        assert_eq!(
            limit("100%").unwrap().on_machine(Some(u64::MAX)).map(MemoryLimit::bytes),
            Some(u64::MAX)
        );
        assert_eq!(
            (limit("1%").unwrap().bytes(), limit("1%").unwrap().on_machine(None)),
            (0, None)
        );
        assert_eq!(limit("2kb").unwrap().on_machine(None), Some(MemoryLimit::Bytes(2048)));
        for word in ["0%", "101%", "-1%", "5.5%", "%", "80 %", "80%%", "abc"] {
            assert!(limit(word).is_err(), "{word}");
        }
    }

    #[test]
    fn the_memory_of_clients_may_be_a_part() {
        let read = |word| ClientMemory::parse(word, (0, 0));
        for (word, shown) in [("1kb", "1024"), ("5%", "5%"), ("100%", "100%"), ("0%", "0")] {
            assert_eq!(read(word).map(|value| Word::show(&value)), Ok(shown.into()));
        }
        for word in ["", "%", "101%", "1.5%", "-5%", "-1", "1x"] {
            assert!(read(word).is_err(), "{word}");
        }
    }
}
