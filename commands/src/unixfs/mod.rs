//! Files as IPFS has them: cut into blocks, tied to a tree, named by what is in them. Pure: bytes go
//! in and blocks come out, and the other way round.

pub mod block;
pub mod import;
mod node;
mod protobuf;
pub mod walk;

pub use block::{Block, raw_cid};
pub use import::{Import, Profile};
pub use walk::{Next, Walk};
