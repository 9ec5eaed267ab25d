//! Showing that one holds a token: a question for the wallet, its signature, and what the chain says.

mod ask;
mod message;
mod prove;

pub use ask::OwnershipQuestion;
pub use message::Site;
pub use prove::{Ownership, OwnershipAnswer};
