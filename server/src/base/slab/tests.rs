//! Tests of slabs against a plain model.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A block with the byte it was filled with.
struct Known {
    at: NonNull<u8>,
    size: usize,
    fill: u8,
}

fn fill(block: &Known) {
    // SAFETY: the block is ours and has this size.
    unsafe { block.at.write_bytes(block.fill, block.size) };
}

fn is_intact(block: &Known) -> bool {
    // SAFETY: as in `fill`, which has initialised it.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block.at, block.size).as_ref() };
    bytes.iter().all(|&byte| byte == block.fill)
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 1usize..200,
        4 => 200usize..2000,
        2 => (1usize..65).prop_map(|buckets| buckets * 64),
        1 => 8000usize..8400,
        1 => 8400usize..100_000,
    ]
}

fn compare(slab: &Slab, known: &[Known]) {
    assert_eq!(slab.blocks(), known.len());
    let exact: usize = known.iter().map(|block| block.size).sum();
    assert!((exact..=exact + known.len() * 64).contains(&slab.used()));
    let walked: Vec<_> = slab.regions().flat_map(Region::blocks).collect();
    let distinct: BTreeSet<_> = walked.iter().copied().collect();
    assert_eq!((walked.len(), distinct.len()), (known.len(), known.len()));
    assert!(known.iter().all(|block| distinct.contains(&block.at)));
    for region in slab.regions() {
        if let Some((at, len)) = region.pages() {
            assert!(region.blocks().is_sorted());
            assert!(
                region
                    .blocks()
                    .all(|block| block >= at && block.addr().get() < at.addr().get() + len)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Blocks never overlap, stay what was written, and are met by a walk.
    #[test]
    fn gives_and_takes_blocks(steps in prop::collection::vec((any::<u16>(), sizes(), 0u8..5), 0..3000)) {
        let mut slab = Slab::new(land());
        let mut known: Vec<Known> = Vec::new();
        for (number, (pick, size, what)) in steps.into_iter().enumerate() {
            if what < 3 || known.is_empty() {
                let at = slab.allocate(size);
                let aligned = if size % 64 == 0 && size <= BLOCK_MAX { 64 } else { 8 };
                assert_eq!(at.addr().get() % aligned, 0);
                let block = Known { at, size, fill: number as u8 };
                fill(&block);
                known.push(block);
            } else {
                let block = known.swap_remove(usize::from(pick) % known.len());
                assert!(is_intact(&block));
                // SAFETY: it came from this slab and is forgotten here.
                unsafe { slab.free(block.at, block.size) };
            }
        }
        assert!(known.iter().all(is_intact));
        compare(&slab, &known);
        for block in known.drain(..) {
            // SAFETY: it came from this slab and is forgotten here.
            unsafe { slab.free(block.at, block.size) };
        }
        compare(&slab, &known);
        assert_eq!(slab.used(), 0);
    }
}

#[test]
fn empty_chunks_go_back_and_serve_others() {
    let mut slab = Slab::new(land());
    let blocks: Vec<_> = (0..100_000).map(|_| slab.allocate(88)).collect();
    assert_eq!(slab.spread().0, 100_000usize.div_ceil(32 * (SPAN / 88)) * CHUNK);
    for at in &blocks[..99_000] {
        // SAFETY: it came from this slab and is not used any more.
        unsafe { slab.free(*at, 88) };
    }
    assert!(slab.spread().0 <= 2 * CHUNK, "{} bytes are held for 88 KB", slab.spread().0);
    let other: Vec<_> = (0..50).map(|_| slab.allocate(4096)).collect();
    assert_eq!(slab.spread().0 / CHUNK, 1, "a span can become one of any size");
    assert_eq!(slab.blocks(), 1000 + other.len());
}

#[test]
#[should_panic(expected = "freed twice")]
fn a_block_freed_twice_is_noticed() {
    let mut slab = Slab::new(land());
    let (at, _other) = (slab.allocate(40), slab.allocate(40));
    for _ in 0..2 {
        // SAFETY: the second call breaks the contract; the slab notices by the block's bit and touches nothing.
        unsafe { slab.free(at, 40) };
    }
}
