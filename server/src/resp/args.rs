//! One request seen by index: the command's name and its arguments.
//!
//! Owns: the view, and the form in which a request outlives its buffer.   Uses: base.   Never: parses.
//!
//! An argument is a range of the read buffer or, if it was too long to wait for there, a blob.

use crate::base::blob::Blob;

/// Where one argument is: a range of the buffer, or the index of a big argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgRange {
    start: u32,
    end: u32,
}

impl ArgRange {
    /// In place of `start`: the argument is big and `end` is its index. No buffer is that long.
    const BIG: u32 = u32::MAX;

    /// The range `start..end` of a buffer that is shorter than 4 GiB.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> ArgRange {
        debug_assert!(start <= end && end < Self::BIG as usize, "the parser bounds its buffer");
        ArgRange { start: start as u32, end: end as u32 }
    }

    /// The big argument of that index.
    pub(super) fn big(index: usize) -> ArgRange {
        ArgRange { start: Self::BIG, end: index as u32 }
    }

    /// The first byte's position, if it is not big.
    pub(super) fn start(self) -> Option<usize> {
        (self.start != Self::BIG).then_some(self.start as usize)
    }

    /// The same argument after its buffer lost its first `bytes` and its list of big ones the first `bigs`.
    pub(super) fn rebased(self, bytes: usize, bigs: usize) -> ArgRange {
        match self.start() {
            Some(start) => ArgRange::new(start - bytes, self.end as usize - bytes),
            None => ArgRange::big(self.end as usize - bigs),
        }
    }
}

/// The arguments of one request; number 0 is the command's name.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    buf: &'a [u8],
    ranges: &'a [ArgRange],
    big: &'a [Blob],
}

impl<'a> Args<'a> {
    pub(super) fn new(buf: &'a [u8], ranges: &'a [ArgRange], big: &'a [Blob]) -> Args<'a> {
        Args { buf, ranges, big }
    }

    /// How many there are, the name included.
    #[inline]
    pub fn len(self) -> usize {
        self.ranges.len()
    }

    /// Whether there is not even a name: only [`Args::from`] makes such a view.
    pub fn is_empty(self) -> bool {
        self.ranges.is_empty()
    }

    /// Argument `i`. Panics if there is no such argument: arity is checked before a command runs.
    #[inline]
    pub fn get(self, i: usize) -> &'a [u8] {
        self.bytes(self.ranges[i])
    }

    /// Argument `i`, if there is one.
    #[inline]
    pub fn find(self, i: usize) -> Option<&'a [u8]> {
        self.ranges.get(i).map(|&range| self.bytes(range))
    }

    /// The command's name as the client wrote it.
    #[inline]
    pub fn name(self) -> &'a [u8] {
        self.get(0)
    }

    /// Argument `i` as a blob, if it arrived as one (32 KiB or more): taking a clone is O(1).
    ///
    /// The request keeps a handle of its own until its batch is cleared.
    pub fn blob(self, i: usize) -> Option<&'a Blob> {
        let range = self.ranges.get(i)?;
        if range.start().is_some() { None } else { Some(&self.big[range.end as usize]) }
    }

    /// All arguments, the name first.
    pub fn iter(self) -> Iter<'a> {
        Iter(self)
    }

    /// The arguments from number `i` on; none if there are fewer.
    pub fn from(self, i: usize) -> Args<'a> {
        Args { ranges: self.ranges.get(i..).unwrap_or_default(), ..self }
    }

    /// The arguments before number `i`; all of them if there are fewer.
    pub fn until(self, i: usize) -> Args<'a> {
        Args { ranges: &self.ranges[..i.min(self.ranges.len())], ..self }
    }

    /// The bytes of all arguments together.
    pub fn bytes_len(self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    #[inline]
    fn bytes(self, range: ArgRange) -> &'a [u8] {
        if range.start == ArgRange::BIG {
            &self.big[range.end as usize]
        } else {
            &self.buf[range.start as usize..range.end as usize]
        }
    }

    /// The bytes of the arguments that are not big.
    fn copied_len(self) -> usize {
        let small = self.ranges.iter().filter(|range| range.start().is_some());
        small.map(|&range| self.bytes(range).len()).sum()
    }

    /// Appends the arguments to another buffer; big ones are shared.
    pub(super) fn copy_to(
        self,
        bytes: &mut Vec<u8>,
        ranges: &mut Vec<ArgRange>,
        big: &mut Vec<Blob>,
    ) {
        assert!(bytes.len() + self.copied_len() < ArgRange::BIG as usize, "copies beyond 4 GiB");
        for (i, &range) in self.ranges.iter().enumerate() {
            if let Some(blob) = self.blob(i) {
                ranges.push(ArgRange::big(big.len()));
                big.push(blob.clone());
            } else {
                let start = bytes.len();
                bytes.extend_from_slice(self.bytes(range));
                ranges.push(ArgRange::new(start, bytes.len()));
            }
        }
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        Iter(self)
    }
}

/// Goes through the arguments of a request.
#[derive(Clone, Debug)]
pub struct Iter<'a>(Args<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (&range, rest) = self.0.ranges.split_first()?;
        self.0.ranges = rest;
        Some(self.0.bytes(range))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (&range, rest) = self.0.ranges.split_last()?;
        self.0.ranges = rest;
        Some(self.0.bytes(range))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// A request that outlives the buffer it was read into.
///
/// Two allocations at most for ordinary arguments (bytes, ranges); big ones are shared, not copied.
#[derive(Clone, Debug, Default)]
pub struct OwnedRequest {
    bytes: Box<[u8]>,
    ranges: Box<[ArgRange]>,
    big: Box<[Blob]>,
}

impl OwnedRequest {
    /// A request made of these arguments. Together they must be shorter than 4 GiB.
    pub fn from_parts(parts: &[&[u8]]) -> OwnedRequest {
        let bytes = parts.concat();
        assert!(bytes.len() < ArgRange::BIG as usize, "a request beyond 4 GiB");
        let mut end = 0;
        let ranges = parts.iter().map(|part| {
            let start = end;
            end += part.len();
            ArgRange::new(start, end)
        });
        OwnedRequest { ranges: ranges.collect(), bytes: bytes.into(), big: Box::default() }
    }

    /// The view of it.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.ranges, &self.big)
    }

    /// Bytes it occupies, big arguments included.
    pub fn footprint(&self) -> usize {
        let big: usize = self.big.iter().map(|blob| blob.len() + size_of::<Blob>()).sum();
        size_of::<Self>() + self.bytes.len() + size_of_val(&*self.ranges) + big
    }
}

impl From<Args<'_>> for OwnedRequest {
    fn from(args: Args<'_>) -> OwnedRequest {
        let mut bytes = Vec::with_capacity(args.copied_len());
        let mut ranges = Vec::with_capacity(args.len());
        let mut big = Vec::new();
        args.copy_to(&mut bytes, &mut ranges, &mut big);
        OwnedRequest { bytes: bytes.into(), ranges: ranges.into(), big: big.into() }
    }
}
