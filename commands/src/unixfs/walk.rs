//! From blocks back to bytes: a file is read in order, in part or whole, one block at a time.

use std::ops::Range;

use bytes::Bytes;
use cid::Cid;
use thiserror::Error;

use super::block::Block;
use super::node::{self, NodeError};

/// Says which block it needs and is given it. Blocks are what their identifiers say, so what comes
/// out is the file, or nothing does.
pub struct Walk {
    /// What is still to come, the next one last.
    steps: Vec<Step>,
    size: u64,
    range: Range<u64>,
}

/// A part of the file.
struct Step {
    begins: u64,
    size: u64,
    depth: usize,
    what: What,
}

enum What {
    Bytes(Bytes),
    Block(Cid),
}

/// What a walk comes to next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Bytes(Bytes),
    /// It is to be given this block.
    Needs(Cid),
    End,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum WalkError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("a block has another size than the node above it says")]
    Size,
    #[error("the tree is too high")]
    TooDeep,
    #[error("the file is too large")]
    TooLarge,
    #[error("the block was not asked for")]
    NotAsked,
}

/// 174 links to the sixth are more than any disk holds.
const MAX_DEPTH: usize = 6;
const MAX_SIZE: u64 = 1 << 40;

impl Walk {
    /// Begins at the root.
    pub fn open(root: &Block) -> Result<Self, WalkError> {
        let mut walk = Self { steps: Vec::new(), size: 0, range: 0..MAX_SIZE };
        walk.size = walk.unfold(root, 0, 0)?;
        if walk.size > MAX_SIZE {
            return Err(WalkError::TooLarge);
        }
        Ok(walk)
    }

    /// How many bytes the file has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Only this part of it.
    #[must_use]
    pub fn of(mut self, range: Range<u64>) -> Self {
        self.range = range;
        self
    }

    /// Goes on to the next bytes, or to the next block it needs.
    pub fn advance(&mut self) -> Next {
        while let Some(step) = self
            .steps
            .pop_if(|step| matches!(step.what, What::Bytes(_)) || !overlap(step, &self.range))
        {
            if let (What::Bytes(bytes), true) = (&step.what, overlap(&step, &self.range)) {
                return Next::Bytes(cut(bytes, step.begins, &self.range));
            }
        }
        match self.steps.last() {
            Some(Step { what: What::Block(cid), .. }) => Next::Needs(*cid),
            _ => Next::End,
        }
    }

    /// Takes the block it needs.
    pub fn take(&mut self, block: &Block) -> Result<(), WalkError> {
        let asked = |step: &mut Step| matches!(step.what, What::Block(cid) if cid == *block.cid());
        let step = self.steps.pop_if(asked).ok_or(WalkError::NotAsked)?;
        if step.depth > MAX_DEPTH {
            return Err(WalkError::TooDeep);
        }
        if self.unfold(block, step.begins, step.depth)? == step.size {
            Ok(())
        } else {
            Err(WalkError::Size)
        }
    }

    /// Puts what is in a block in its place; says how much of the file that is.
    fn unfold(&mut self, block: &Block, begins: u64, depth: usize) -> Result<u64, WalkError> {
        if block.is_raw() {
            let bytes = block.bytes().clone();
            let size = bytes.len() as u64;
            self.steps.push(Step { begins, size, depth, what: What::Bytes(bytes) });
            return Ok(size);
        }
        let node = node::read(block.bytes())?;
        let end = begins.checked_add(node.size).ok_or(WalkError::TooLarge)?;
        let mut at = end;
        for (cid, size) in node.children.into_iter().rev() {
            at -= size;
            self.steps.push(Step { begins: at, size, depth: depth + 1, what: What::Block(cid) });
        }
        let size = node.bytes.len() as u64;
        self.steps.push(Step { begins, size, depth, what: What::Bytes(node.bytes) });
        Ok(node.size)
    }
}

fn overlap(step: &Step, range: &Range<u64>) -> bool {
    step.size > 0 && step.begins < range.end && range.start < step.begins + step.size
}

/// The part of these bytes that is asked for.
fn cut(bytes: &Bytes, begins: u64, range: &Range<u64>) -> Bytes {
    let length = bytes.len() as u64;
    let within = |at: u64| usize::try_from(at.saturating_sub(begins).min(length)).unwrap_or(0);
    bytes.slice(within(range.start)..within(range.end))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::block;
    use super::super::import::{Import, Profile};
    use super::*;

    type Blocks = HashMap<Cid, Block>;

    fn import(profile: Profile, bytes: &[u8]) -> (Cid, Blocks) {
        let mut import = Import::with(profile);
        let mut blocks = import.push(bytes);
        let imported = import.finish();
        blocks.extend(imported.blocks);
        assert_eq!(imported.size, bytes.len() as u64);
        (imported.root, blocks.into_iter().map(|block| (*block.cid(), block)).collect())
    }

    /// Walks to the end; gives the bytes and how many blocks it took, the root not counted.
    fn walked(mut walk: Walk, blocks: &Blocks) -> Result<(Vec<u8>, usize), WalkError> {
        let (mut bytes, mut taken) = (Vec::new(), 0);
        loop {
            match walk.advance() {
                Next::Bytes(more) => bytes.extend(more),
                Next::Needs(cid) => {
                    walk.take(&blocks[&cid])?;
                    taken += 1;
                }
                Next::End => return Ok((bytes, taken)),
            }
        }
    }

    fn some_bytes(length: usize) -> Vec<u8> {
        (0..length as u64).map(|n| ((n * 2_654_435_761) >> 24).to_le_bytes()[0]).collect()
    }

    /// Sizes beside which something changes: a leaf more, a node more, a level more.
    fn sizes() -> impl Strategy<Value = (Profile, usize)> {
        (1_usize..9, 2_usize..5).prop_flat_map(|(chunk, links)| {
            let edges = [0, chunk, chunk * links, chunk * links * links, chunk * links.pow(3)];
            let edge = prop::sample::select(edges.to_vec());
            (edge, 0..3_usize).prop_map(move |(edge, beside)| {
                (Profile { chunk, links }, (edge + beside).saturating_sub(1))
            })
        })
    }

    proptest! {
        #[test]
        fn what_was_imported_is_read_whole_and_in_any_part(
            (profile, size) in sizes(), ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let bytes = some_bytes(size);
            let (root, blocks) = import(profile, &bytes);
            let open = || Walk::open(&blocks[&root]).unwrap();
            prop_assert_eq!(open().size(), size as u64);
            prop_assert_eq!(&walked(open(), &blocks).unwrap().0, &bytes);
            let (one, two) = (ends.0.index(size + 1), ends.1.index(size + 1));
            let part = one.min(two)..one.max(two);
            let walk = open().of(part.start as u64..part.end as u64);
            prop_assert_eq!(walked(walk, &blocks).unwrap().0, &bytes[part]);
        }

        #[test]
        fn no_block_can_be_changed_without_notice(
            (profile, size) in sizes(), at: prop::sample::Index, bit in 0_u8..8,
        ) {
            let (_, blocks) = import(profile, &some_bytes(size.max(1)));
            for (cid, block) in blocks {
                let mut bytes = block.bytes().to_vec();
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
                prop_assert!(Block::checked(cid, Bytes::from(bytes)).is_err());
            }
        }
    }

    /// 45.6 MB: as many leaves as a node has links, and one byte on either side.
    #[test]
    fn a_file_of_as_many_leaves_as_a_node_holds_is_read() {
        for size in [174 * 256 * 1024 - 1, 174 * 256 * 1024, 174 * 256 * 1024 + 1] {
            let bytes = some_bytes(size);
            let (root, blocks) = import(Profile::KUBO, &bytes);
            let walk = Walk::open(&blocks[&root]).unwrap();
            assert!(walked(walk, &blocks).unwrap().0 == bytes, "{size}");
        }
    }

    #[test]
    fn a_part_needs_no_more_blocks_than_it_lies_in() {
        let (root, blocks) = import(Profile { chunk: 10, links: 3 }, &some_bytes(270));
        let walk = |range| walked(Walk::open(&blocks[&root]).unwrap().of(range), &blocks).unwrap();
        // Two nodes and a leaf.
        assert_eq!(walk(100..110), (some_bytes(270)[100..110].to_vec(), 3));
        assert_eq!(walk(270..270), (Vec::new(), 0));
    }

    #[test]
    fn a_tree_that_lies_or_never_ends_is_given_up() {
        let leaf = Block::raw(Bytes::from_static(b"leaf"));
        let link = |block: &Block, content| node::Link { cid: *block.cid(), content, tree: 1 };
        let open = |root: &Block, blocks: &[Block]| {
            let known = blocks.iter().map(|block| (*block.cid(), block.clone())).collect();
            walked(Walk::open(root)?, &known).map(|(bytes, _)| bytes)
        };
        let liar = node::write(&[link(&leaf, 5)]);
        assert_eq!(open(&liar, std::slice::from_ref(&leaf)), Err(WalkError::Size));

        let mut tower = vec![leaf.clone()];
        for _ in 0..=MAX_DEPTH {
            tower.push(node::write(&[link(tower.last().unwrap(), 4)]));
        }
        assert_eq!(open(&tower[MAX_DEPTH], &tower), Ok(b"leaf".to_vec()));
        assert_eq!(open(&tower[MAX_DEPTH + 1], &tower), Err(WalkError::TooDeep));
        let vast = node::write(&[link(&leaf, MAX_SIZE + 1)]);
        assert_eq!(open(&vast, &[]), Err(WalkError::TooLarge));

        let mut walk = Walk::open(&node::write(&[link(&leaf, 4)])).unwrap();
        let other = Block::raw(Bytes::from_static(b"other"));
        assert_eq!(walk.take(&other), Err(WalkError::NotAsked));
        assert_eq!(block::parse(&leaf.cid().to_string()), Some(*leaf.cid()));
    }
}
