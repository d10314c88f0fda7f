//! The tree beside an ordinary vector.
//!
//! Owns: its model.   Uses: proptest.   Never: private parts but the tree's own.

use super::*;
use proptest::prelude::*;

/// A number that is its own item; its key hides the lowest bits, so that many keys are equal.
impl Handle for u32 {
    type Key = u32;
    fn key(self) -> u32 {
        self >> 4
    }
}

struct Before(u32);

impl Probe<u32> for Before {
    fn key(&self, key: u32) -> Ordering {
        key.cmp(&self.0.key())
    }
    fn is_before(&self, item: u32) -> bool {
        item < self.0
    }
}

fn check(node: &Node<u32>, depth: usize, is_last: bool) -> usize {
    match node {
        Node::Leaf(items) => {
            assert!(items.len() >= if is_last { depth.min(1) } else { LEAF / 4 });
            depth
        }
        Node::Inner(inner) => {
            let least = if depth == 0 { 2 } else { 1 };
            assert!(inner.children.len() >= if is_last { least } else { INNER / 4 });
            let last = inner.children.len() - 1;
            let depths = inner.children.iter().enumerate().map(|(at, child)| {
                assert_eq!(inner.counts[at], child.count());
                assert_eq!(inner.keys[at], child.first().key());
                check(child, depth + 1, is_last && at == last)
            });
            let depths: Vec<usize> = depths.collect();
            assert!(depths.iter().all(|depth| *depth == depths[0]), "leaves are equally deep");
            depths[0]
        }
    }
}

/// Counts the nodes by going through them.
fn nodes(node: &Node<u32>) -> Nodes {
    match node {
        Node::Leaf(_) => Nodes { leaves: 1, inner: 0 },
        Node::Inner(inner) => {
            let below = inner.children.iter().map(nodes);
            below.fold(Nodes { leaves: 0, inner: 1 }, |sum, more| Nodes {
                leaves: sum.leaves + more.leaves,
                inner: sum.inner + more.inner,
            })
        }
    }
}

fn agrees(tree: &Ordered<u32>, list: &[u32]) {
    assert_eq!((tree.len(), tree.nodes), (list.len(), nodes(&tree.root)));
    assert_eq!(tree.walk(0).collect::<Vec<_>>(), list);
    let mut back: Vec<u32> = tree.walk_back(list.len()).collect();
    back.reverse();
    assert_eq!(back, list);
    check(&tree.root, 0, true);
}

fn play(steps: &[(bool, u32)]) {
    let (mut tree, mut list) = (Ordered::new(), Vec::new());
    for &(add, number) in steps {
        let at = list.partition_point(|&other| other < number);
        assert_eq!(tree.rank(&Before(number)), at);
        if add {
            if list.get(at) != Some(&number) {
                list.insert(at, number);
                tree.insert(number, &Before(number));
            }
        } else if !list.is_empty() {
            let rank = number as usize % list.len();
            assert_eq!(tree.get(rank), Some(list[rank]));
            assert_eq!(tree.remove(rank), Some(list.remove(rank)));
        }
    }
    agrees(&tree, &list);
    let middle = list.len() / 2;
    assert_eq!(tree.walk(middle).collect::<Vec<_>>(), &list[middle..]);
    assert_eq!(tree.walk_back(middle).next(), middle.checked_sub(1).map(|at| list[at]));
    assert_eq!((tree.get(list.len()), tree.remove(list.len())), (None, None));
    while let Some(number) = list.pop() {
        assert_eq!(tree.remove(list.len()), Some(number));
    }
    agrees(&tree, &[]);
}

#[test]
fn in_order_leaves_are_full() {
    let mut tree = Ordered::new();
    for number in 0..100_000 {
        tree.insert(number, &Before(number));
    }
    agrees(&tree, &(0..100_000).collect::<Vec<_>>());
    assert!(tree.memory() < 100_000 * 10, "{} bytes", tree.memory());
    for _ in 0..90_000 {
        tree.remove(5_000);
    }
    agrees(&tree, &(0..5_000).chain(95_000..100_000).collect::<Vec<_>>());
}

#[test]
fn a_sorted_list_is_taken_over() {
    for len in [0, 1, 31, 32, 31 * 40, 31 * 40 + 1, 60_000] {
        let list: Vec<u32> = (0..len).collect();
        let mut tree = Ordered::from_sorted(list.iter().copied());
        agrees(&tree, &list);
        for _ in 0..len / 2 {
            tree.remove(len as usize / 4);
        }
        agrees(
            &tree,
            &[&list[..len as usize / 4], &list[len as usize / 4 + len as usize / 2..]].concat(),
        );
    }
}

proptest! {
    #[test]
    fn agrees_with_a_sorted_list(
        steps in proptest::collection::vec((proptest::bool::weighted(0.7), 0u32..5_000), 0..3_000)
    ) {
        play(&steps);
    }
}
