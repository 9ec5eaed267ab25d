//! The blocks that are not bytes of a file but links to such: dag-pb around a UnixFS file.

use bytes::Bytes;
use cid::Cid;
use thiserror::Error;

use super::block::{self, Block};
use super::protobuf::{Fields, Malformed, Value, put_bytes, put_number};

/// A link as it is written.
#[derive(Clone, Debug)]
pub struct Link {
    pub cid: Cid,
    /// How much of the file is below it.
    pub content: u64,
    /// How large the blocks below it are, its own included.
    pub tree: u64,
}

/// A node as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// Bytes of the file that stand in the node itself, before those of the children.
    pub bytes: Bytes,
    /// Each with how much of the file is below it.
    pub children: Vec<(Cid, u64)>,
    pub size: u64,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum NodeError {
    #[error("not a node")]
    Malformed,
    #[error("not a file")]
    NotAFile,
    #[error("the sizes in the node contradict each other")]
    Sizes,
}

impl From<Malformed> for NodeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// More than any profile in use ties together.
const MAX_CHILDREN: usize = 1_024;

/// UnixFS's word for bytes, which older trees have at their ends, and for a file.
const TYPES: [u64; 2] = [0, FILE];
const FILE: u64 = 2;

/// Ties links together. The order of the fields is part of what the identifier is computed from.
pub fn write(links: &[Link]) -> Block {
    let mut node = Vec::new();
    for link in links {
        let mut written = Vec::new();
        put_bytes(&mut written, 1, &link.cid.to_bytes());
        // Children of a file have no name, and that is written down.
        put_bytes(&mut written, 2, b"");
        put_number(&mut written, 3, link.tree);
        put_bytes(&mut node, 2, &written);
    }
    let mut file = Vec::new();
    put_number(&mut file, 1, FILE);
    put_number(&mut file, 3, links.iter().map(|link| link.content).sum());
    for link in links {
        put_number(&mut file, 4, link.content);
    }
    put_bytes(&mut node, 1, &file);
    Block::node(Bytes::from(node))
}

/// Reads a node, ours or another's.
pub fn read(bytes: &Bytes) -> Result<Node, NodeError> {
    let (mut links, mut data) = (Vec::new(), None);
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(file)) => data = Some(read_file(file)?),
            (2, Value::Bytes(link)) if links.len() < MAX_CHILDREN => links.push(read_link(link)?),
            _ => return Err(NodeError::Malformed),
        }
    }
    let file = data.ok_or(NodeError::NotAFile)?;
    if file.sizes.len() != links.len() {
        return Err(NodeError::Sizes);
    }
    let mut size = file.bytes.len() as u64;
    for child in &file.sizes {
        // A child that brings nothing would let a small tree be walked without end.
        let sum = size.checked_add(*child).filter(|_| *child > 0);
        size = sum.ok_or(NodeError::Sizes)?;
    }
    if file.size.is_some_and(|told| told != size) {
        return Err(NodeError::Sizes);
    }
    let children = links.into_iter().zip(file.sizes).collect();
    Ok(Node { bytes: bytes.slice_ref(file.bytes), children, size })
}

fn read_link(link: &[u8]) -> Result<Cid, NodeError> {
    for field in Fields(link) {
        if let (1, Value::Bytes(bytes)) = field? {
            let cid = Cid::try_from(bytes).map_err(|_| NodeError::Malformed)?;
            return block::known(cid).ok_or(NodeError::Malformed);
        }
    }
    Err(NodeError::Malformed)
}

/// What UnixFS says of a file.
#[derive(Default)]
struct File<'a> {
    bytes: &'a [u8],
    size: Option<u64>,
    sizes: Vec<u64>,
}

fn read_file(message: &[u8]) -> Result<File<'_>, NodeError> {
    let (mut file, mut is_file) = (File::default(), false);
    for field in Fields(message) {
        match field? {
            (1, Value::Number(kind)) => is_file = TYPES.contains(&kind),
            (2, Value::Bytes(bytes)) => file.bytes = bytes,
            (3, Value::Number(size)) => file.size = Some(size),
            (4, Value::Number(size)) => file.sizes.push(size),
            // Mode and time of a file are none of its bytes.
            (5.., _) => {}
            _ => return Err(NodeError::Malformed),
        }
    }
    if is_file { Ok(file) } else { Err(NodeError::NotAFile) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &'static str) -> Link {
        let block = Block::raw(Bytes::from_static(text.as_bytes()));
        let size = text.len() as u64;
        Link { cid: *block.cid(), content: size, tree: size }
    }

    #[test]
    fn a_node_is_read_as_it_was_written() {
        let (one, two) = (leaf("Ard"), leaf("cairn"));
        let block = write(&[one.clone(), two.clone()]);
        let node = read(block.bytes()).unwrap();
        assert_eq!(node.children, [(one.cid, 3), (two.cid, 5)]);
        assert_eq!((node.size, node.bytes.len()), (8, 0));
    }

    /// The way kubo stores a small file without `--raw-leaves`: "hello world" and a line feed.
    #[test]
    fn bytes_in_the_node_itself_are_read() {
        let written = b"\x0a\x12\x08\x02\x12\x0chello world\n\x18\x0c";
        let block = Block::node(Bytes::from_static(written));
        let known = block::parse("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o").unwrap();
        assert_eq!(block.cid(), &known);
        let node = read(block.bytes()).unwrap();
        assert_eq!((node.bytes.as_ref(), node.size), (&b"hello world\n"[..], 12));
    }

    #[test]
    fn what_is_no_file_or_contradicts_itself_is_refused() {
        let file = |message: &[u8]| {
            let mut node = Vec::new();
            put_bytes(&mut node, 1, message);
            read(&Bytes::from(node)).unwrap_err()
        };
        let directory = b"\x08\x01";
        assert_eq!(file(directory), NodeError::NotAFile);
        assert_eq!(read(&Bytes::new()).unwrap_err(), NodeError::NotAFile);
        // A size for a child that is not there; more bytes than there are.
        assert_eq!(file(b"\x08\x02\x18\x01\x20\x01"), NodeError::Sizes);
        assert_eq!(file(b"\x08\x02\x12\x01a\x18\x02"), NodeError::Sizes);
        assert_eq!(read(&Bytes::from_static(b"\xff")).unwrap_err(), NodeError::Malformed);

        let nothing = Link { content: 0, ..leaf("") };
        assert_eq!(read(write(&[nothing]).bytes()).unwrap_err(), NodeError::Sizes);
        let endless = Link { content: u64::MAX, ..leaf("a") };
        let mut node = write(&[leaf("a")]).bytes().to_vec();
        node.truncate(node.len() - 8);
        let mut message = vec![0x08, 2];
        put_number(&mut message, 4, endless.content);
        put_bytes(&mut node, 1, &message);
        assert_eq!(read(&Bytes::from(node)).unwrap().size, u64::MAX);
        let many = vec![leaf("a"); MAX_CHILDREN + 1];
        assert_eq!(read(write(&many).bytes()).unwrap_err(), NodeError::Malformed);
    }
}
