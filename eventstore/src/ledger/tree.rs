//! The tree as it grows: what of it is needed to add leaves and to say its root, which are the tiles
//! at its right edge that are not full yet.

use super::hash::{self, Hash, perfect};
use super::tile::{Tile, WIDTH};

/// The right edge of a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// By level of tiles: the hashes of the last one, as long as it is not full.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree of this size, from the tiles that are not full. `tile` gives each, as far
    /// as it goes.
    pub fn of(size: u64, mut tile: impl FnMut(Tile) -> Option<Vec<Hash>>) -> Option<Self> {
        let mut levels = Vec::new();
        for (level, open) in Self::open_at(size) {
            let hashes = match open {
                (_, 0) => Vec::new(),
                (number, width) => tile(Tile { level, number })?.get(..width)?.to_vec(),
            };
            levels.push(hashes);
        }
        Some(Self { size, levels })
    }

    /// The last tile of each level of a tree of this size, and how many hashes it has before it is
    /// full.
    pub fn open_at(size: u64) -> impl Iterator<Item = (u8, (u64, usize))> {
        let of_level = move |level: u8| {
            let hashes = size >> (8 * u32::from(level));
            let width = usize::try_from(hashes % WIDTH as u64).unwrap_or_default();
            (level, (hashes / WIDTH as u64, width))
        };
        (0..8).map(of_level).take_while(move |(level, _)| size >> (8 * u32::from(*level)) > 0)
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, and hands over each tile that becomes full.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(Tile, &[Hash])) {
        let mut hash = leaf;
        for level in 0_u8.. {
            let position = usize::from(level);
            if self.levels.len() == position {
                self.levels.push(Vec::with_capacity(WIDTH));
            }
            self.levels[position].push(hash);
            if self.levels[position].len() < WIDTH {
                break;
            }
            let number = self.size >> (8 * (u32::from(level) + 1));
            full(Tile { level, number }, &self.levels[position]);
            hash = perfect(&self.levels[position]);
            self.levels[position].clear();
        }
        self.size += 1;
    }

    /// The tiles that are not full, but not empty.
    pub fn open(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        Self::open_at(self.size)
            .zip(&self.levels)
            .filter(|(_, hashes)| !hashes.is_empty())
            .map(|((level, (number, _)), hashes)| (Tile { level, number }, hashes.as_slice()))
    }

    /// RFC 6962: the perfect trees the size is made of, joined from the right.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (before, smallest) =
                    rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
                let left = perfect(smallest);
                root = Some(root.map_or(left, |right| hash::node(&left, &right)));
                rest = before;
            }
        }
        root.unwrap_or_else(hash::empty)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// RFC 6962, section 2.1, word for word.
    fn root_of(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash::empty(),
            [one] => *one,
            more => {
                let split = more.len().next_power_of_two() / 2;
                hash::node(&root_of(&more[..split]), &root_of(&more[split..]))
            }
        }
    }

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|number| hash::leaf(&number.to_be_bytes())).collect()
    }

    #[test]
    fn the_root_is_that_of_the_definition() {
        let leaves = leaves(70_000);
        let mut edge = Edge::default();
        assert_eq!(edge.root(), hash::empty());
        for (index, leaf) in leaves.iter().enumerate() {
            edge.push(*leaf, |_, _| {});
            let size = index + 1;
            if size <= 600 || size % 7_919 == 0 || (65_530..65_540).contains(&size) {
                assert_eq!(edge.root(), root_of(&leaves[..size]), "of {size}");
            }
        }
    }

    #[test]
    fn an_edge_is_found_again_by_its_tiles() {
        let (mut edge, mut tiles) = (Edge::default(), HashMap::new());
        for leaf in leaves(66_000) {
            edge.push(leaf, |tile, hashes| {
                tiles.insert(tile, hashes.to_vec());
            });
            if edge.size() % 971 == 0 || edge.size() % 256 < 2 {
                let mut stored = tiles.clone();
                stored.extend(edge.open().map(|(tile, hashes)| (tile, hashes.to_vec())));
                let found = Edge::of(edge.size(), |tile| stored.get(&tile).cloned()).unwrap();
                assert_eq!(found.root(), edge.root(), "of {}", edge.size());
                assert_eq!(found, edge);
            }
        }
    }
}
