//! From bytes to blocks: cut, hashed, and tied to a tree as kubo ties it.

use bytes::Bytes;
use cid::Cid;

use super::block::Block;
use super::node::{self, Link};

/// How bytes are cut and tied together. Another profile gives the same bytes another identifier.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// Bytes of a leaf.
    pub chunk: usize,
    /// Links of a node.
    pub links: usize,
}

impl Profile {
    /// kubo's with `--cid-version=1 --raw-leaves`, before `unixfs-v1-2025`.
    pub const KUBO: Self = Self { chunk: 256 * 1024, links: 174 };
}

/// Bytes on their way to becoming a file. Holds one unfinished leaf, and the links that have no node
/// above them yet.
pub struct Import {
    profile: Profile,
    rest: Vec<u8>,
    /// Leaves first.
    levels: Vec<Vec<Link>>,
    ready: Vec<Block>,
}

/// A file that is complete: the blocks that were still to come, and the root of all.
#[derive(Debug)]
pub struct Imported {
    pub blocks: Vec<Block>,
    pub root: Cid,
    pub size: u64,
}

impl Default for Import {
    fn default() -> Self {
        Self::with(Profile::KUBO)
    }
}

impl Import {
    pub const fn with(profile: Profile) -> Self {
        Self { profile, rest: Vec::new(), levels: Vec::new(), ready: Vec::new() }
    }

    /// Takes the next bytes; gives the blocks that are complete by them. Children come first.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Block> {
        while !bytes.is_empty() {
            let room = self.profile.chunk - self.rest.len();
            let (taken, later) = bytes.split_at(bytes.len().min(room));
            self.rest.extend_from_slice(taken);
            bytes = later;
            if self.rest.len() == self.profile.chunk {
                self.cut();
            }
        }
        std::mem::take(&mut self.ready)
    }

    /// No more bytes.
    pub fn finish(mut self) -> Imported {
        // Nothing at all is one empty leaf.
        if !self.rest.is_empty() || self.levels.is_empty() {
            self.cut();
        }
        let mut level = 0;
        while level + 1 < self.levels.len() || self.levels[level].len() > 1 {
            self.raise(level);
            level += 1;
        }
        let root = &self.levels[level][0];
        Imported { root: root.cid, size: root.content, blocks: self.ready }
    }

    /// Makes a leaf of what is there.
    fn cut(&mut self) {
        let leaf = Block::raw(Bytes::from(std::mem::take(&mut self.rest)));
        let size = leaf.bytes().len() as u64;
        self.tie(0, Link { cid: *leaf.cid(), content: size, tree: size });
        self.ready.push(leaf);
    }

    /// Puts a link on a level. A full one gets its node only now: the last one may not need any.
    fn tie(&mut self, level: usize, link: Link) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        if self.levels[level].len() == self.profile.links {
            self.raise(level);
        }
        self.levels[level].push(link);
    }

    /// Ties a level's links to a node, which has its own link a level above.
    fn raise(&mut self, level: usize) {
        let links = std::mem::take(&mut self.levels[level]);
        let node = node::write(&links);
        let below: u64 = links.iter().map(|link| link.tree).sum();
        let link = Link {
            cid: *node.cid(),
            content: links.iter().map(|link| link.content).sum(),
            tree: below + node.bytes().len() as u64,
        };
        self.tie(level + 1, link);
        self.ready.push(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_of(bytes: &[u8]) -> String {
        let mut import = Import::default();
        import.push(bytes);
        import.finish().root.to_string()
    }

    /// What kubo answers to `ipfs add --cid-version=1`, and the JavaScript implementation to more than
    /// a leaf. A story compares many more sizes with that one.
    #[test]
    fn known_files_have_their_known_identifiers() {
        let known = [
            (&b""[..], "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
            (b"hello world", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
            (b"hello world\n", "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"),
            (b"hello", "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"),
        ];
        for (bytes, cid) in known {
            assert_eq!(root_of(bytes), cid);
        }
        let two_leaves = "bafybeigllfqgfpqydppr6cmv56g7ax4wyhruzswvcefv6j5kj77nzttfki";
        assert_eq!(root_of(&[0; 256 * 1024 + 1]), two_leaves);
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_bytes_come() {
        let bytes: Vec<u8> = (0..1_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let profile = Profile { chunk: 10, links: 3 };
        let mut whole = Import::with(profile);
        let mut blocks = whole.push(&bytes);
        let imported = whole.finish();
        blocks.extend(imported.blocks);
        for piece in [1, 7, 10, 11, 333] {
            let mut import = Import::with(profile);
            let mut same: Vec<_> =
                bytes.chunks(piece).flat_map(|piece| import.push(piece)).collect();
            let end = import.finish();
            same.extend(end.blocks);
            assert_eq!((end.root, end.size), (imported.root, 1_000));
            assert_eq!(same, blocks, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_block_comes_as_soon_as_it_is_complete() {
        let mut import = Import::with(Profile { chunk: 4, links: 2 });
        assert_eq!(import.push(b"123").len(), 0);
        assert_eq!(import.push(b"4").len(), 1);
        // The second leaf fills the first node; the third shows that it is not the root.
        assert_eq!(import.push(b"5678").len(), 1);
        assert_eq!(import.push(b"9abc").len(), 2);
        // A node above the third leaf alone, and the root.
        assert_eq!(import.finish().blocks.len(), 2);
    }
}
