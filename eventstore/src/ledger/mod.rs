//! The ledger: every event is a leaf of one Merkle tree, whose head is signed and whose tiles are
//! served, so that strangers' tools can check that nothing was changed, left out or put in.
//!
//! RFC 6962 section 2.1 for the hashes, C2SP for the rest: `tlog-tiles`, `tlog-checkpoint`,
//! `signed-note`, `tlog-cosignature`, `tlog-proof`.

pub mod bundle;
pub mod checkpoint;
pub mod export;
pub mod extend;
pub mod hash;
pub mod keeper;
pub mod key;
pub mod leaf;
pub mod note;
pub mod proof;
pub mod read;
pub mod receipt;
pub mod stored;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;
