//! An ordered sequence with ranks: a B+ tree that counts what stands below each node.
//!
//! Owns: the order of its items.   Uses: arrayvec, `base::alloc`.   Never: compares items itself (callers say how), allocates for less than a leaf.
//!
//! ```text
//!                inner   | 20 below, from 1.5 | 25 below, from 3 | ... |     of each child: how many items, and the first one's key
//!                        /                    |
//!          leaf  | a b c d ... |      | m n o ... |   ...                    at most LEAF items in order, no other node has items
//! ```
//!
//! Everything but walking is O(log n): the way down is chosen by keys, or by counts. Items are handles that can be
//! copied; what they stand for may be far away in memory, so it is looked at in one leaf only, and elsewhere where keys
//! are equal.
//!
//! Invariants
//!  1. Items stand in the order that every caller's [`Probe`] agrees with; it never contradicts the order of keys.
//!  2. `counts[i]` is the number of items below `children[i]`, and `keys[i]` is the key of the first of them.
//!  3. All leaves are equally deep; every node is at least a quarter full, but for the last of each level, which has
//!     something; an inner root has two children.

mod walk;

use crate::base::alloc;
use arrayvec::ArrayVec;
use std::cmp::Ordering;

pub use walk::{Walk, WalkBack};

/// Items of a leaf: with handles of 8 bytes a leaf takes 256. A search looks at five items.
const LEAF: usize = 31;
/// A leaf that has so much room takes some items of a full neighbour.
const ROOM: usize = 4;
/// Children of an inner node: with keys of 8 bytes 20 bytes each.
const INNER: usize = 40;

/// A handle that has a place in an order.
pub trait Handle: Copy {
    /// What the order goes by first: small, and kept beside the handles.
    type Key: Copy;
    /// Its key. May be far away in memory.
    fn key(self) -> Self::Key;
    /// Asks the processor for what [`Handle::key`] will read.
    fn prefetch(self) {}
}

/// A place in an order.
pub trait Probe<T: Handle> {
    /// How items with this key stand to the place; `Equal`: it depends on the item.
    fn key(&self, key: T::Key) -> Ordering;
    /// Whether an item stands before the place.
    fn is_before(&self, item: T) -> bool;
}

/// Items in order.
pub struct Ordered<T: Handle> {
    root: Node<T>,
    len: usize,
    nodes: Nodes,
}

/// How many nodes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Nodes {
    leaves: usize,
    inner: usize,
}

enum Node<T: Handle> {
    Leaf(Box<ArrayVec<T, LEAF>>),
    Inner(Box<Inner<T>>),
}

struct Inner<T: Handle> {
    keys: ArrayVec<T::Key, INNER>,
    counts: ArrayVec<u32, INNER>,
    children: ArrayVec<Node<T>, INNER>,
}

impl<T: Handle> Default for Ordered<T> {
    fn default() -> Ordered<T> {
        Ordered::new()
    }
}

impl<T: Handle> Ordered<T> {
    /// An empty sequence.
    pub fn new() -> Ordered<T> {
        Ordered { root: Node::Leaf(Box::default()), len: 0, nodes: Nodes { leaves: 1, inner: 0 } }
    }

    /// A sequence of items that are in order already, with full nodes. O(n).
    pub fn from_sorted(items: impl ExactSizeIterator<Item = T>) -> Ordered<T> {
        let len = items.len();
        let mut items = items.peekable();
        let mut level = Vec::with_capacity(len.div_ceil(LEAF));
        while items.peek().is_some() {
            let leaf: Box<ArrayVec<T, LEAF>> = Box::new(items.by_ref().take(LEAF).collect());
            level.push((to_count(leaf.len()), Node::Leaf(leaf)));
        }
        let mut nodes = Nodes { leaves: level.len().max(1), inner: 0 };
        while level.len() > 1 {
            level = above(level);
            nodes.inner += level.len();
        }
        let root = level.pop().map_or_else(|| Node::Leaf(Box::default()), |(_, root)| root);
        Ordered { root, len, nodes }
    }

    /// Items in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many items stand before a place. O(log n).
    pub fn rank(&self, place: &impl Probe<T>) -> usize {
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return before + position(items, place),
                Node::Inner(inner) => {
                    let child = inner.child_for(place);
                    before +=
                        inner.counts[..child].iter().map(|&count| count as usize).sum::<usize>();
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The item with so many before it. O(log n).
    pub fn get(&self, rank: usize) -> Option<T> {
        self.walk(rank).next()
    }

    /// Puts an item at its place. O(log n).
    pub fn insert(&mut self, item: T, place: &impl Probe<T>) {
        if let Some((count, right)) = self.root.insert(item, place, true, &mut self.nodes) {
            let empty = Node::Leaf(Box::default());
            let left = std::mem::replace(&mut self.root, empty);
            let mut inner = Box::new(Inner::new());
            inner.put(0, to_count(self.len + 1) - count, left);
            inner.put(1, count, right);
            self.root = Node::Inner(inner);
            self.nodes.inner += 1;
        }
        self.len += 1;
    }

    /// Takes the item of a rank out. O(log n).
    pub fn remove(&mut self, rank: usize) -> Option<T> {
        if rank >= self.len {
            return None;
        }
        let item = self.root.remove(rank, &mut self.nodes);
        self.len -= 1;
        if let Node::Inner(inner) = &mut self.root
            && inner.children.len() == 1
            && let Some(only) = inner.children.pop()
        {
            self.root = only;
            self.nodes.inner -= 1;
        }
        Some(item)
    }

    /// Replaces the item of a rank by one that stands in the same place of the order. O(log n).
    pub fn replace(&mut self, rank: usize, item: T) {
        let (mut node, mut rest) = (&mut self.root, rank);
        loop {
            match node {
                Node::Leaf(items) => {
                    items[rest] = item;
                    return;
                }
                Node::Inner(inner) => {
                    let child = inner.child_at(&mut rest);
                    node = &mut inner.children[child];
                }
            }
        }
    }

    /// Bytes that it has allocated, as the allocator gives them. O(1).
    pub fn memory(&self) -> usize {
        self.nodes.leaves * alloc::given(size_of::<ArrayVec<T, LEAF>>())
            + self.nodes.inner * alloc::given(size_of::<Inner<T>>())
    }
}

/// The nodes above a level of nodes.
fn above<T: Handle>(level: Vec<(u32, Node<T>)>) -> Vec<(u32, Node<T>)> {
    let mut nodes = Vec::with_capacity(level.len().div_ceil(INNER));
    let mut below = level.into_iter().peekable();
    while below.peek().is_some() {
        let mut inner = Box::new(Inner::new());
        for (count, child) in below.by_ref().take(INNER) {
            inner.put(inner.children.len(), count, child);
        }
        nodes.push((inner.counts.iter().sum(), Node::Inner(inner)));
    }
    nodes
}

fn to_count(items: usize) -> u32 {
    u32::try_from(items).expect("a collection has fewer than 2^32 elements")
}

impl<T: Handle> Node<T> {
    /// Puts an item in; a node that was full gives its right part and how many items that has. `is_last`: nothing stands
    /// behind the node.
    fn insert(
        &mut self,
        item: T,
        place: &impl Probe<T>,
        is_last: bool,
        nodes: &mut Nodes,
    ) -> Option<(u32, Node<T>)> {
        match self {
            Node::Leaf(items) => {
                let at = position(items, place);
                if !items.is_full() {
                    items.insert(at, item);
                    return None;
                }
                // Who appends in order leaves full leaves behind.
                let keep = if is_last && at == LEAF { LEAF } else { LEAF / 2 };
                let mut right: Box<ArrayVec<T, LEAF>> = Box::new(items.drain(keep..).collect());
                if at >= keep {
                    right.insert(at - keep, item);
                } else {
                    items.insert(at, item);
                }
                nodes.leaves += 1;
                Some((to_count(right.len()), Node::Leaf(right)))
            }
            Node::Inner(inner) => inner.insert(item, place, is_last, nodes),
        }
    }

    fn remove(&mut self, rank: usize, nodes: &mut Nodes) -> T {
        match self {
            Node::Leaf(items) => items.remove(rank),
            Node::Inner(inner) => inner.remove(rank, nodes),
        }
    }

    /// Its first item.
    fn first(&self) -> T {
        let mut node = self;
        loop {
            match node {
                Node::Leaf(items) => return items[0],
                Node::Inner(inner) => node = &inner.children[0],
            }
        }
    }

    /// The key of its first item.
    fn key(&self) -> T::Key {
        match self {
            Node::Leaf(items) => items[0].key(),
            Node::Inner(inner) => inner.keys[0],
        }
    }

    fn is_full_leaf(&self) -> bool {
        match self {
            Node::Leaf(items) => items.is_full(),
            Node::Inner(_) => false,
        }
    }

    /// Whether it has too little to stand alone.
    fn is_poor(&self) -> bool {
        match self {
            Node::Leaf(items) => items.len() < LEAF / 4,
            Node::Inner(inner) => inner.children.len() < INNER / 4,
        }
    }

    /// Moves from `self` and its right neighbour until both are rich enough, or everything into `self`. Says whether
    /// the neighbour is empty.
    fn share(&mut self, right: &mut Node<T>) -> bool {
        match (self, right) {
            (Node::Leaf(left), Node::Leaf(right)) => level(left, right),
            (Node::Inner(left), Node::Inner(right)) => {
                level(&mut left.keys, &mut right.keys);
                level(&mut left.counts, &mut right.counts);
                level(&mut left.children, &mut right.children)
            }
            (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {
                unreachable!("all leaves are equally deep")
            }
        }
    }

    fn count(&self) -> u32 {
        match self {
            Node::Leaf(items) => to_count(items.len()),
            Node::Inner(inner) => inner.counts.iter().sum(),
        }
    }
}

/// Steps of a search in a leaf whose items are all asked for before: 7 items, of which it looks at 3.
const STEPS_AHEAD: u32 = 3;

/// How many items of a leaf stand before a place.
fn position<T: Handle>(items: &[T], place: &impl Probe<T>) -> usize {
    ask_for(items, STEPS_AHEAD);
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low.midpoint(high);
        if place.is_before(items[middle]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Asks the processor for what the first steps of a search may look at.
fn ask_for<T: Handle>(items: &[T], steps: u32) {
    let middle = items.len() / 2;
    if let (Some(item), true) = (items.get(middle), steps > 0) {
        item.prefetch();
        ask_for(&items[..middle], steps - 1);
        ask_for(&items[middle + 1..], steps - 1);
    }
}

/// Makes two neighbours one if they fit, with room for more, or else equally long. Says whether they are one.
fn level<V, const N: usize>(left: &mut ArrayVec<V, N>, right: &mut ArrayVec<V, N>) -> bool {
    let all = left.len() + right.len();
    if all <= N * 3 / 4 {
        left.extend(right.drain(..));
        return true;
    }
    if left.len() < all / 2 {
        let wanted = all / 2 - left.len();
        left.extend(right.drain(..wanted));
    } else {
        let mut both: ArrayVec<V, N> = left.drain(all / 2..).collect();
        both.extend(right.drain(..));
        *right = both;
    }
    false
}

impl<T: Handle> Inner<T> {
    fn new() -> Inner<T> {
        Inner { keys: ArrayVec::new(), counts: ArrayVec::new(), children: ArrayVec::new() }
    }

    /// The child in which the last item before a place stands, or the first child.
    fn child_for(&self, place: &impl Probe<T>) -> usize {
        let surely = self.keys[1..].partition_point(|&key| place.key(key) == Ordering::Less);
        let is_equal = |key: &&T::Key| place.key(**key) == Ordering::Equal;
        let maybe = surely + self.keys[1 + surely..].iter().take_while(is_equal).count();
        let equal = &self.children[1 + surely..1 + maybe];
        surely + equal.partition_point(|child| place.is_before(child.first()))
    }

    /// The child with so many items before it in this node; what is left of the rank within it. The end is in the last.
    fn child_at(&self, rank: &mut usize) -> usize {
        let last = self.counts.len() - 1;
        for (child, &count) in self.counts[..last].iter().enumerate() {
            if *rank < count as usize {
                return child;
            }
            *rank -= count as usize;
        }
        last
    }

    fn insert(
        &mut self,
        item: T,
        place: &impl Probe<T>,
        is_last: bool,
        nodes: &mut Nodes,
    ) -> Option<(u32, Node<T>)> {
        let mut at = self.child_for(place);
        if self.children[at].is_full_leaf() && self.relieve(at) {
            at = self.child_for(place);
        }
        self.counts[at] += 1;
        let is_last = is_last && at + 1 == self.children.len();
        let split = self.children[at].insert(item, place, is_last, nodes);
        // Only what comes before everything else can be the first of its child, and that is the first child.
        if at == 0 {
            self.keys[0] = self.children[0].key();
        }
        let (count, right) = split?;
        self.counts[at] -= count;
        if !self.children.is_full() {
            self.put(at + 1, count, right);
            return None;
        }
        let keep = if is_last && at + 1 == INNER { INNER } else { INNER / 2 };
        let mut other = Box::new(Inner {
            keys: self.keys.drain(keep..).collect(),
            counts: self.counts.drain(keep..).collect(),
            children: self.children.drain(keep..).collect(),
        });
        if at + 1 >= keep {
            other.put(at + 1 - keep, count, right);
        } else {
            self.put(at + 1, count, right);
        }
        nodes.inner += 1;
        Some((other.counts.iter().sum(), Node::Inner(other)))
    }

    fn put(&mut self, at: usize, count: u32, child: Node<T>) {
        self.keys.insert(at, child.key());
        self.counts.insert(at, count);
        self.children.insert(at, child);
    }

    fn remove(&mut self, mut rank: usize, nodes: &mut Nodes) -> T {
        let at = self.child_at(&mut rank);
        let item = self.children[at].remove(rank, nodes);
        self.counts[at] -= 1;
        if self.children[at].is_poor() {
            self.enrich(at, nodes);
        } else {
            self.keys[at] = self.children[at].key();
        }
        item
    }

    /// Has a full leaf give to a neighbour that has room for several items. So leaves are four fifths full, and not two
    /// thirds, when items come in any order.
    fn relieve(&mut self, at: usize) -> bool {
        let right = (at + 1 < self.children.len()).then_some(at);
        let pairs = [right, at.checked_sub(1)];
        let roomy = pairs.into_iter().flatten().find(|&left| {
            let other = if left == at { left + 1 } else { left };
            self.counts[other] as usize <= LEAF - ROOM
        });
        let Some(left) = roomy else { return false };
        let (front, back) = self.children.split_at_mut(left + 1);
        if let (Some(one), Some(other)) = (front.last_mut(), back.first_mut()) {
            one.share(other);
        }
        self.count_again(left);
        true
    }

    /// Has a poor child share with a neighbour.
    fn enrich(&mut self, at: usize, nodes: &mut Nodes) {
        let left = if at + 1 < self.children.len() { at } else { at.saturating_sub(1) };
        let (front, back) = self.children.split_at_mut(left + 1);
        let (Some(one), Some(other)) = (front.last_mut(), back.first_mut()) else { return };
        if one.share(other) {
            match self.children.remove(left + 1) {
                Node::Leaf(_) => nodes.leaves -= 1,
                Node::Inner(_) => nodes.inner -= 1,
            }
            self.counts.remove(left + 1);
            self.keys.remove(left + 1);
        }
        self.count_again(left);
    }

    /// Looks at a child and its right neighbour after they shared.
    fn count_again(&mut self, left: usize) {
        for at in left..self.children.len().min(left + 2) {
            self.counts[at] = self.children[at].count();
            self.keys[at] = self.children[at].key();
        }
    }
}

#[cfg(test)]
mod tests;
