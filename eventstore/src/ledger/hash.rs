//! Hashes of the tree: RFC 6962, section 2.1, over SHA-256.

use aws_lc_rs::digest::{SHA256, digest};

pub type Hash = [u8; 32];

/// SHA-256 of some bytes, with nothing before them.
pub fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Of an entry.
pub fn leaf(entry: &[u8]) -> Hash {
    let mut bytes = Vec::with_capacity(1 + entry.len());
    bytes.push(0);
    bytes.extend_from_slice(entry);
    sha256(&bytes)
}

/// Of two subtrees.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    sha256(&bytes)
}

/// Of the tree without entries.
pub fn empty() -> Hash {
    sha256(&[])
}

/// Of a perfect tree over these, of which there must be a power of two.
pub fn perfect(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node(&perfect(left), &perfect(right))
        }
    }
}
