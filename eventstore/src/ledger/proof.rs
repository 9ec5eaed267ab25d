//! Proofs: which hashes show that an entry is in a tree, or that one tree continues another, and
//! whether they do. RFC 6962 section 2.1 for making them, RFC 9162 section 2.1 for judging them.

use std::collections::{BTreeSet, HashMap};

use super::hash::{self, Hash, perfect};
use super::tile::{HEIGHT, Tile, WIDTH};

/// Entries from one to before another, whose hash a proof needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: u64,
    pub to: u64,
}

/// The largest power of two below `size`, where a tree divides.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// What proves that the entry at `index` is in the tree of this size, from the leaf up.
pub fn inclusion(index: u64, size: u64) -> Vec<Stretch> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(Stretch { from: middle, to });
            to = middle;
        } else {
            path.push(Stretch { from, to: middle });
            from = middle;
        }
    }
    path.reverse();
    path
}

/// What proves that the tree of `new` entries continues the one of `old`. Between equal trees, and
/// from the empty one, nothing has to be shown.
pub fn consistency(old: u64, new: u64) -> Vec<Stretch> {
    if old == 0 || old == new {
        return Vec::new();
    }
    let (mut from, mut to, mut whole) = (0, new, true);
    let mut path = Vec::new();
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(Stretch { from: middle, to });
            to = middle;
        } else {
            path.push(Stretch { from, to: middle });
            from = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(Stretch { from, to });
    }
    path.reverse();
    path
}

/// The perfect trees a stretch is made of, as level and index, left to right.
fn perfect_trees(stretch: Stretch) -> Vec<(u32, u64)> {
    let (mut from, mut trees) = (stretch.from, Vec::new());
    while from < stretch.to {
        let level = (stretch.to - from).ilog2();
        trees.push((level, from >> level));
        from += 1 << level;
    }
    trees
}

/// Where the hashes of a perfect tree stand: the tile, the first of them, and how many.
fn place((level, index): (u32, u64)) -> (Tile, usize, usize) {
    let (tile_level, within) = (level / HEIGHT, level % HEIGHT);
    let first = index << within;
    let tile =
        Tile { level: u8::try_from(tile_level).unwrap_or(u8::MAX), number: first / WIDTH as u64 };
    (tile, usize::try_from(first % WIDTH as u64).unwrap_or_default(), 1 << within)
}

/// The tiles that hold what is needed.
pub fn tiles(stretches: &[Stretch]) -> BTreeSet<Tile> {
    let trees = stretches.iter().copied().flat_map(perfect_trees);
    trees.map(|tree| place(tree).0).collect()
}

/// The hashes of the stretches, from the tiles; none if a tile is missing or too short.
pub fn hashes(stretches: &[Stretch], tiles: &HashMap<Tile, Vec<Hash>>) -> Option<Vec<Hash>> {
    let of_tree = |tree| {
        let (tile, first, count) = place(tree);
        tiles.get(&tile)?.get(first..first + count).map(perfect)
    };
    let of_stretch = |stretch: &Stretch| {
        let trees: Option<Vec<Hash>> = perfect_trees(*stretch).into_iter().map(of_tree).collect();
        trees?.into_iter().rev().reduce(|right, left| hash::node(&left, &right))
    };
    stretches.iter().map(of_stretch).collect()
}

/// Whether the entry with this hash is the one at `index` of the tree. RFC 9162, section 2.1.3.2.
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = hash::node(step, &hash);
            let zeros = position.trailing_zeros().min(63);
            if position & 1 == 0 {
                position >>= zeros;
                last >>= zeros;
            }
        } else {
            hash = hash::node(&hash, step);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree of `new` entries continues the one of `old`. RFC 9162, section 2.1.4.2.
pub fn continues(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == hash::empty();
    }
    if old > new {
        return false;
    }
    let begun: Vec<Hash>;
    let proof = if old.is_power_of_two() {
        begun = std::iter::once(*old_root).chain(proof.iter().copied()).collect();
        &begun
    } else {
        proof
    };
    let Some((first, rest)) = proof.split_first() else {
        return false;
    };
    let aligned = (old - 1).trailing_ones();
    let (mut position, mut last) = ((old - 1) >> aligned, (new - 1) >> aligned);
    let (mut then, mut now) = (*first, *first);
    for step in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            then = hash::node(step, &then);
            now = hash::node(step, &now);
            if position & 1 == 0 {
                let zeros = position.trailing_zeros().min(63);
                position >>= zeros;
                last >>= zeros;
            }
        } else {
            now = hash::node(&now, step);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && then == *old_root && now == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::Edge;
    use super::*;

    /// A tree with all its tiles, and the root of each of its sizes.
    fn grown(size: u64) -> (HashMap<Tile, Vec<Hash>>, Vec<Hash>) {
        let (mut edge, mut tiles) = (Edge::default(), HashMap::new());
        let mut roots = vec![edge.root()];
        for number in 0..size {
            edge.push(hash::leaf(&number.to_be_bytes()), |tile, hashes| {
                tiles.insert(tile, hashes.to_vec());
            });
            roots.push(edge.root());
        }
        tiles.extend(edge.open().map(|(tile, hashes)| (tile, hashes.to_vec())));
        (tiles, roots)
    }

    /// What a proof was changed to, in every way but one.
    fn forged(proof: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = vec![[proof, &[[7; 32]]].concat(), [&[[7; 32]], proof].concat()];
        for place in 0..proof.len() {
            let (mut changed, mut shorter) = (proof.to_vec(), proof.to_vec());
            changed[place][31] ^= 1;
            shorter.remove(place);
            all.extend([changed, shorter]);
        }
        all
    }

    #[test]
    fn every_entry_of_small_trees_is_proven_and_nothing_else_is() {
        let (tiles, roots) = grown(40);
        for size in 1..=40_u64 {
            let root = roots[usize::try_from(size).unwrap()];
            for index in 0..size {
                let proof = hashes(&inclusion(index, size), &tiles).unwrap();
                let leaf = hash::leaf(&index.to_be_bytes());
                assert!(is_included(&leaf, index, size, &proof, &root));
                assert!(!is_included(&[7; 32], index, size, &proof, &root));
                for other in (0..=size).filter(|other| *other != index) {
                    assert!(!is_included(&leaf, other, size, &proof, &root));
                }
                for forged in forged(&proof) {
                    assert!(!is_included(&leaf, index, size, &forged, &root));
                }
            }
        }
    }

    #[test]
    fn every_small_tree_is_proven_to_continue_every_smaller_one_and_no_other() {
        let (tiles, roots) = grown(40);
        let root = |size: u64| roots[usize::try_from(size).unwrap()];
        for new in 0..=40 {
            for old in 0..=new {
                let proof = hashes(&consistency(old, new), &tiles).unwrap();
                assert!(continues((old, &root(old)), (new, &root(new)), &proof), "{old} {new}");
                assert!(!continues((old, &[7; 32]), (new, &root(new)), &proof));
                assert!(old == 0 || !continues((old, &root(old)), (new, &[7; 32]), &proof));
                assert!(old == new || !continues((new, &root(new)), (old, &root(old)), &proof));
                for forged in forged(&proof) {
                    assert!(!continues((old, &root(old)), (new, &root(new)), &forged));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

        /// The same hashes as a library of somebody else's makes, which also finds them proven.
        #[test]
        fn proofs_are_those_of_another_library(size in 200_u64..70_000, seed in any::<u64>()) {
            use ct_merkle::mem_backed_tree::MemoryBackedTree;
            let (tiles, roots) = grown(size);
            let mut theirs = MemoryBackedTree::<sha2::Sha256, [u8; 8]>::new();
            let (old, index) = (1 + seed % (size - 1), (seed >> 20) % size);
            for number in 0..old {
                theirs.push(number.to_be_bytes());
            }
            let theirs_then = theirs.root();
            for number in old..size {
                theirs.push(number.to_be_bytes());
            }
            let root = roots.last().unwrap();
            let theirs_now = theirs.root();
            prop_assert_eq!(theirs_now.as_bytes().as_slice(), root);
            let own = hashes(&inclusion(index, size), &tiles).unwrap();
            let proof = theirs.prove_inclusion(usize::try_from(index).unwrap());
            prop_assert_eq!(proof.as_bytes(), own.concat());
            let own = hashes(&consistency(old, size), &tiles).unwrap();
            let proof = theirs.prove_consistency(usize::try_from(size - old).unwrap());
            prop_assert_eq!(proof.as_bytes(), own.concat());
            prop_assert!(theirs_now.verify_consistency(&theirs_then, &proof).is_ok());
            let then = &roots[usize::try_from(old).unwrap()];
            prop_assert!(continues((old, then), (size, root), &own));
        }
    }
}
