//! Going through an ordered sequence, in either direction.
//!
//! Owns: the path from the root to where a walk stands.   Uses: the nodes of `ordered`.   Never: changes anything.

use super::{Handle, Inner, LEAF, Node, Ordered};
use arrayvec::ArrayVec;

/// No sequence is deeper: 10^8 nodes would be 2^32 items.
const DEPTH: usize = 10;
type Path<'a, T> = ArrayVec<(&'a Inner<T>, usize), DEPTH>;

impl<T: Handle> Ordered<T> {
    /// The items from a rank on. O(log n), and then a step each.
    pub fn walk(&self, rank: usize) -> Walk<'_, T> {
        let mut path = ArrayVec::new();
        let (mut node, mut rest) = (&self.root, rank.min(self.len));
        loop {
            match node {
                Node::Leaf(items) => return Walk { path, leaf: items, next: rest },
                Node::Inner(inner) => {
                    let child = inner.child_at(&mut rest);
                    path.push((&**inner, child));
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The items before a rank, the last first. O(log n), and then a step each.
    pub fn walk_back(&self, rank: usize) -> WalkBack<'_, T> {
        let Walk { path, leaf, next } = self.walk(rank);
        WalkBack { path, leaf, next }
    }
}

/// Items in order from somewhere on.
pub struct Walk<'a, T: Handle> {
    path: Path<'a, T>,
    leaf: &'a ArrayVec<T, LEAF>,
    next: usize,
}

/// So many items before its turn an item is worth asking the processor for.
const AHEAD: usize = 6;

impl<T: Handle> Walk<'_, T> {
    /// An item that comes soon, to ask the processor for what it leads to.
    #[inline]
    pub fn soon(&self) -> Option<T> {
        self.leaf.get(self.next + AHEAD).copied()
    }
}

impl<T: Handle> WalkBack<'_, T> {
    /// An item that comes soon, to ask the processor for what it leads to.
    #[inline]
    pub fn soon(&self) -> Option<T> {
        self.leaf.get(self.next.checked_sub(AHEAD)?).copied()
    }
}

impl<T: Handle> Iterator for Walk<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next == self.leaf.len() {
            let (inner, child) = step(&mut self.path, |inner, child| {
                (child + 1 < inner.children.len()).then_some(child + 1)
            })?;
            self.leaf = descend(&mut self.path, inner, child, |_| 0);
            self.next = 0;
        }
        let item = self.leaf.get(self.next).copied();
        self.next += 1;
        item
    }
}

/// Items in the opposite order from somewhere on.
pub struct WalkBack<'a, T: Handle> {
    path: Path<'a, T>,
    leaf: &'a ArrayVec<T, LEAF>,
    next: usize,
}

impl<T: Handle> Iterator for WalkBack<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.next == 0 {
            let (inner, child) = step(&mut self.path, |_, child| child.checked_sub(1))?;
            self.leaf = descend(&mut self.path, inner, child, |inner| inner.children.len() - 1);
            self.next = self.leaf.len();
        }
        self.next -= 1;
        self.leaf.get(self.next).copied()
    }
}

/// Goes up until there is a next child, as `next` says.
fn step<'a, T: Handle>(
    path: &mut Path<'a, T>,
    next: impl Fn(&Inner<T>, usize) -> Option<usize>,
) -> Option<(&'a Inner<T>, usize)> {
    while let Some((inner, child)) = path.pop() {
        if let Some(child) = next(inner, child) {
            return Some((inner, child));
        }
    }
    None
}

/// Goes down from a child to a leaf, by the children that `choose` names.
fn descend<'a, T: Handle>(
    path: &mut Path<'a, T>,
    mut inner: &'a Inner<T>,
    mut child: usize,
    choose: impl Fn(&Inner<T>) -> usize,
) -> &'a ArrayVec<T, LEAF> {
    loop {
        path.push((inner, child));
        match &inner.children[child] {
            Node::Leaf(items) => return items,
            Node::Inner(below) => {
                child = choose(below);
                inner = below;
            }
        }
    }
}
