//! A block: bytes, and the identifier that is computed from them.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use cid::Cid;
use cid::multihash::Multihash;
use thiserror::Error;

/// Bytes of a file, and nothing else.
pub const RAW: u64 = 0x55;
/// A node: links to further blocks, and how much of the file is below each.
pub const DAG_PB: u64 = 0x70;
const SHA2_256: u64 = 0x12;
/// Peers do not exchange larger ones.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;
/// The longest spelling of an identifier we know is a third of this.
const MAX_TEXT: usize = 256;

/// Bytes that are what their identifier says. There is no way to have others as a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    cid: Cid,
    bytes: Bytes,
}

#[derive(Debug, PartialEq, Eq, Error)]
#[error("the bytes are not those that {0} was computed from")]
pub struct WrongBytes(pub Cid);

impl Block {
    pub fn raw(bytes: Bytes) -> Self {
        Self { cid: cid_of(RAW, &bytes), bytes }
    }

    pub(super) fn node(bytes: Bytes) -> Self {
        Self { cid: cid_of(DAG_PB, &bytes), bytes }
    }

    /// Bytes that somebody says are this block's.
    pub fn checked(cid: Cid, bytes: Bytes) -> Result<Self, WrongBytes> {
        if bytes.len() <= MAX_BYTES && cid_of(cid.codec(), &bytes) == cid {
            Ok(Self { cid, bytes })
        } else {
            Err(WrongBytes(cid))
        }
    }

    pub const fn cid(&self) -> &Cid {
        &self.cid
    }

    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn is_raw(&self) -> bool {
        self.cid.codec() == RAW
    }
}

#[expect(clippy::expect_used, reason = "32 bytes have room in 64")]
fn cid_of(codec: u64, bytes: &[u8]) -> Cid {
    let hash = Multihash::wrap(SHA2_256, digest(&SHA256, bytes).as_ref());
    Cid::new_v1(codec, hash.expect("a digest of 32 bytes"))
}

/// The identifier of the raw block with this SHA-256.
#[expect(clippy::expect_used, reason = "32 bytes have room in 64")]
pub fn raw_cid(digest: &[u8; 32]) -> Cid {
    let hash = Multihash::wrap(SHA2_256, digest);
    Cid::new_v1(RAW, hash.expect("a digest of 32 bytes"))
}

/// Reads an identifier in any spelling: of a kind that we could have blocks of, as version 1.
pub fn parse(text: &str) -> Option<Cid> {
    if text.len() > MAX_TEXT {
        return None;
    }
    known(Cid::try_from(text).ok()?)
}

/// An identifier of a kind that we could have blocks of, as version 1.
pub(super) fn known(cid: Cid) -> Option<Cid> {
    let cid = cid.into_v1().ok()?;
    let hash = cid.hash();
    let known = [RAW, DAG_PB].contains(&cid.codec()) && hash.code() == SHA2_256;
    (known && hash.size() == 32).then_some(cid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

    #[test]
    fn a_raw_block_has_the_identifier_every_node_gives() {
        assert_eq!(Block::raw(Bytes::new()).cid().to_string(), EMPTY);
    }

    #[test]
    fn bytes_that_are_not_the_identifier_s_are_no_block() {
        let block = Block::raw(Bytes::from_static(b"Ardcairn"));
        assert_eq!(Block::checked(*block.cid(), block.bytes().clone()), Ok(block.clone()));
        for wrong in [&b"Ardcairm"[..], b"Ardcairn ", b""] {
            let wrong = Block::checked(*block.cid(), Bytes::from_static(wrong));
            assert_eq!(wrong, Err(WrongBytes(*block.cid())));
        }
    }

    #[test]
    fn an_identifier_is_read_in_any_spelling_and_only_if_we_could_have_it() {
        let cid = parse(EMPTY).unwrap();
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(parse(&format!("f01551220{digest}")), Some(cid));
        // Version 0 is a node.
        let old = parse("QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o").unwrap();
        assert_eq!(old.codec(), DAG_PB);
        let other_hash = format!("f01551620{digest}");
        let other_codec = format!("f01711220{digest}");
        // Its bytes stand in the identifier itself: whoever asks would decide what we serve.
        let identity = "bafkqaaa";
        let long = EMPTY.repeat(20);
        for bad in ["", "x", "f0155122000", &other_hash, &other_codec, identity, &long, "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
